import {
  isErasureNews,
  type LogBatch,
  type LogRecord,
  type TopicPartition,
} from "@thulium-stream/contracts";
import type { Positions } from "@thulium-stream/lake";
import type { Waiting } from "./flush-when.ts";
import type { RowBatch } from "./row-batch.ts";

/** A batch that takes no more rows, and the positions between which these lie. */
export interface SealedBatch {
  readonly batch: RowBatch;
  /** Per partition: where the table must stand for the batch to be committed. */
  readonly from: Positions;
  /** Per partition: where it stands then. */
  readonly to: Positions;
}

/** How far one partition is. */
interface Progress {
  /** Where the rows begin that wait: the table's position, once the batch before is committed. */
  from: number;
  /** Where they end: all below is in the table, on its way, or waits. */
  to: number;
  end: number;
  /** Whether records of what was erased were left out since `from`: the table's position goes past them all the same. */
  hasLeftOut: boolean;
}

/** What {@link HeldRows} needs. */
export interface HeldRowsDeps {
  readonly newBatch: () => RowBatch;
  /** Whether a record is of what was erased: it makes no row. */
  readonly isErased: (record: LogRecord) => boolean;
}

/** What one member of the group holds of a topic: rows that wait for the next batch, and how far each partition is. Nothing is taken twice and nothing left out, whatever is delivered again. */
export class HeldRows {
  readonly #deps: HeldRowsDeps;
  readonly #partitions = new Map<number, Progress>();
  #batch: RowBatch;
  #oldestMs: number | null = null;
  #oldestAppendedMs: number | null = null;

  constructor(deps: HeldRowsDeps) {
    this.#deps = deps;
    this.#batch = deps.newBatch();
  }

  /** Whether the partition is assigned now. */
  owns(partition: number): boolean {
    return this.#partitions.has(partition);
  }

  get waiting(): Waiting {
    return {
      ...this.#batch.size,
      oldestMs: this.#oldestMs,
      oldestAppendedMs: this.#oldestAppendedMs,
      isAll: [...this.#partitions.values()].every(({ to, end }) => to >= end),
    };
  }

  /** Records of the owned partitions beyond what a table with these positions holds, as far as is known. */
  lag(positions: Positions): number {
    return [...this.#partitions].reduce(
      (sum, [partition, { end }]) => sum + Math.max(0, end - (positions[partition] ?? 0)),
      0,
    );
  }

  /** Whether all below these positions was taken; end 0 = there is nothing. */
  hasReached(ends: ReadonlyMap<number, number>): boolean {
    return [...ends].every(
      ([partition, end]) => end === 0 || (this.#partitions.get(partition)?.to ?? 0) >= end,
    );
  }

  /** Takes an assignment over. Rows of lost partitions are dropped: their new owner reads them from the table's positions. */
  async reassign(partitions: readonly TopicPartition[], positions: Positions): Promise<void> {
    const owned = new Set(partitions.map(({ partition }) => partition));
    for (const partition of this.#partitions.keys()) {
      if (owned.has(partition)) continue;
      this.#partitions.delete(partition);
      await this.#batch.drop(partition);
    }
    for (const partition of owned) {
      const from = positions[partition] ?? 0;
      if (!this.#partitions.has(partition))
        this.#partitions.set(partition, { from, to: from, end: from, hasLeftOut: false });
    }
  }

  /** Takes a delivery. @throws Failure of the batch, which is then void with all that is held. */
  async take(
    { partition, records, nextPosition, endPosition }: LogBatch,
    nowMs: number,
  ): Promise<void> {
    const progress = this.#partitions.get(partition);
    if (progress === undefined) return;
    const rows = records.filter((record) => isRow(record) && record.position >= progress.to);
    const kept = rows.filter((record) => !this.#deps.isErased(record));
    if (kept.length < rows.length) progress.hasLeftOut = true;
    progress.to = Math.max(progress.to, nextPosition);
    progress.end = endPosition;
    if (rows.length > 0) this.#oldestMs ??= nowMs;
    for (const { appendedAtMs } of rows)
      if (appendedAtMs < (this.#oldestAppendedMs ?? Number.POSITIVE_INFINITY))
        this.#oldestAppendedMs = appendedAtMs;
    if (kept.length > 0) await this.#batch.add(partition, kept);
  }

  /** Ends the batch and begins the next one behind it; null when nothing waits. */
  seal(): SealedBatch | null {
    const batch = this.#batch;
    const filled = new Set(batch.partitions);
    const from: Record<string, number> = {};
    const to: Record<string, number> = {};
    for (const [partition, progress] of this.#partitions) {
      if (!filled.has(partition) && !progress.hasLeftOut) continue;
      from[partition] = progress.from;
      to[partition] = progress.to;
      Object.assign(progress, { from: progress.to, hasLeftOut: false });
    }
    if (Object.keys(to).length === 0) return null;
    this.#batch = this.#deps.newBatch();
    this.#oldestMs = null;
    this.#oldestAppendedMs = null;
    return { batch, from, to };
  }

  /** Removes what lies on the disk; what waits is void. */
  async discard(): Promise<void> {
    await this.#batch.discard();
  }
}

/** Whether a record of an event topic becomes a row. */
function isRow(record: LogRecord): boolean {
  return record.value !== null && !isErasureNews(record);
}
