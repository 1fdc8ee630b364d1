import {
  type Clock,
  type EventLog,
  Failure,
  isFailure,
  type LogBatch,
  type Logger,
  type LogReader,
  type LogWriter,
  type PartitionPosition,
  type PartitionRange,
  type TopicPartition,
} from "@thulium-stream/contracts";
import { batchesToEnd, type ErasureFollower } from "@thulium-stream/runtime";
import type { FigureRules } from "../rules/figure-rules.ts";
import type { MetricsStore } from "../store/metrics-store.ts";
import { eventTopics } from "./event-of.ts";
import { appliedOf, type FoldIds } from "./follow-figures.ts";
import { MetricsEraser } from "./metrics-eraser.ts";
import { PartitionFold } from "./partition-fold.ts";

/** What the loop works with. */
export interface FoldLoopDeps {
  readonly log: EventLog;
  readonly store: MetricsStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newId: () => string;
  readonly system: string;
  readonly rules: FigureRules;
  /** Folds of this process whose every append has succeeded. */
  readonly foldIds: FoldIds;
  /** What was erased. */
  readonly erasures: ErasureFollower;
  /** Called after each batch. */
  readonly onBatch: (batch: LogBatch, events: number) => void;
  /** Called when there is nothing more to fold, and all that was there at the start is folded. */
  readonly onIdle: () => void;
  /** Called after figures were published. */
  readonly onPublished: () => void;
}

const figuresTopic = "ticket-metrics";
/** Tickets that end a flush's wait early. */
const flushTickets = 4000;
/** Longest wait of gathered events for the next flush. */
const flushAfterMs = 250;
/** Tickets whose figures are made anew between two deliveries after the rules changed. */
const renewAtOnce = 1000;
/** How often it looks for what was erased. */
const erasureLookMs = 5_000;

/** What the topics of events hold now. */
export async function eventRanges(log: EventLog): Promise<readonly PartitionRange[]> {
  return (await Promise.all(Object.keys(eventTopics).map((topic) => log.ends(topic)))).flat();
}

/** Where the topics of events end now, by `topic/partition`; of those that hold anything. */
export async function eventEnds(log: EventLog): Promise<ReadonlyMap<string, number>> {
  const held = (await eventRanges(log)).filter(({ earliest, end }) => earliest < end);
  return new Map(held.map(({ topic, partition, end }) => [`${topic}/${partition}`, end]));
}

/**
 * Folds events into figures, as one member of the system's group: whoever owns a partition of the events alone writes that partition's figures, through a writer of its own whose
 * opening fences the owner before. It starts where the newest record of the partition says, so nothing else needs to be kept.
 */
export class FoldLoop {
  readonly #deps: FoldLoopDeps;
  readonly #folds = new Map<number, PartitionFold>();
  readonly #renewals: { readonly partition: number; readonly ticketId: string }[] = [];
  #lost = false;
  #sinceMs: number | null = null;
  #flight: Promise<void> | null = null;
  #erasedMs = Number.NEGATIVE_INFINITY;
  readonly #eraser: MetricsEraser;

  constructor(deps: FoldLoopDeps) {
    this.#deps = deps;
    this.#eraser = new MetricsEraser({ ...deps, now: () => deps.clock.now() });
  }

  /**
   * Folds until `signal` fires, or, when `ends` are given (`topic/partition` → position), until all that this member owns is folded up to there.
   * @throws Failure of the log; `PositionLost` when events expired before they were folded.
   */
  async run(signal: AbortSignal, ends: ReadonlyMap<string, number> | null): Promise<void> {
    const { log, system, erasures } = this.#deps;
    let reader: LogReader | null = null;
    this.#erasedMs = Number.NEGATIVE_INFINITY;
    try {
      // Nothing of what was erased before is folded at all.
      await erasures.refresh(signal);
      reader = await log.openReader({
        topics: Object.keys(eventTopics),
        group: `metrics.${system}`,
        startAt: (partitions) => this.#startsOf(partitions, signal),
      });
      await this.#pull(reader, signal, ends);
      await this.#flush(reader);
      await this.#landed();
    } finally {
      await this.#landed().catch(() => {});
      await reader?.close();
      for (const fold of this.#folds.values()) await fold.close();
      this.#folds.clear();
      this.#renewals.length = 0;
      this.#sinceMs = null;
      this.#lost = false;
    }
  }

  async #pull(
    reader: LogReader,
    signal: AbortSignal,
    ends: ReadonlyMap<string, number> | null,
  ): Promise<void> {
    const { clock } = this.#deps;
    // What must be folded before anything counts as caught up: known with the first assignment.
    let wanted: ReadonlyMap<string, number> | null = null;
    for (;;) {
      const isWaiting = this.#sinceMs !== null || this.#renewals.length > 0;
      const delivery = await reader.next({ timeoutMs: isWaiting ? 20 : 1000, signal });
      if (delivery.kind === "assignment") {
        await this.#assigned(delivery.partitions);
        wanted ??= ends ?? (await eventEnds(this.#deps.log));
      }
      if (delivery.kind === "batch") this.#gather(delivery);
      this.#renewSome();
      const isDue =
        delivery.kind === "idle" ||
        this.#waiting >= flushTickets ||
        (this.#sinceMs !== null && clock.now() - this.#sinceMs >= flushAfterMs);
      if (isDue) await this.#flush(reader);
      if (delivery.kind === "idle") await this.#landed();
      await this.#erase(reader, signal);
      if (wanted === null || !this.#hasReached(wanted)) continue;
      if (delivery.kind === "idle" && !isWaiting) this.#deps.onIdle();
      if (ends !== null) return;
    }
  }

  async #erase(reader: LogReader, signal: AbortSignal): Promise<void> {
    const nowMs = this.#deps.clock.now();
    if (nowMs - this.#erasedMs < erasureLookMs || this.#folds.size === 0) return;
    this.#erasedMs = nowMs;
    await this.#landed();
    const todo = await this.#eraser.todo(this.#folds.keys(), signal);
    if (todo.length === 0) return;
    for (const { partition, ticketIds } of todo) this.#folds.get(partition)?.erase(ticketIds);
    this.#sinceMs ??= nowMs;
    await this.#flush(reader);
    await this.#landed();
    if (!this.#lost) await this.#eraser.tell(todo);
  }

  #gather(batch: LogBatch): void {
    const fold = this.#folds.get(batch.partition);
    if (fold === undefined) return;
    this.#deps.onBatch(batch, fold.gather(batch));
    this.#sinceMs ??= this.#deps.clock.now();
  }

  /** Opens the folds of new partitions: fences their writer of before, then reads what it wrote to the end. */
  async #startsOf(
    partitions: readonly TopicPartition[],
    signal: AbortSignal,
  ): Promise<readonly PartitionPosition[]> {
    const { log, store, system, newId, foldIds } = this.#deps;
    const numbers = [...new Set(partitions.map(({ partition }) => partition))];
    const writers = new Map<number, LogWriter>();
    for (const partition of numbers)
      writers.set(partition, await log.openWriter(`metrics.${system}.${partition}`));
    await this.#readFigures(numbers, signal);
    for (const [partition, writer] of writers) {
      const foldId = newId();
      foldIds.set(foldId, 0);
      await this.#folds.get(partition)?.close();
      const { erasures } = this.#deps;
      const isErased = (ticketId: string, customerId: string | null) =>
        erasures.records.list.erasureOf({ ticketId, customerId }) !== null;
      this.#folds.set(
        partition,
        new PartitionFold({ ...this.#deps, writer, partition, foldId, isErased }),
      );
      const renewed = store.table.madeByOtherRules(partition, this.#deps.rules.id);
      this.#renewals.push(...renewed.map((ticketId) => ({ partition, ticketId })));
    }
    return this.#positionsOf(partitions);
  }

  /** Takes over what was written to partitions of `ticket-metrics` before their writers were opened. */
  async #readFigures(numbers: readonly number[], signal: AbortSignal): Promise<void> {
    const { log, store, system, foldIds } = this.#deps;
    const ranges = (await log.ends(figuresTopic)).filter(({ partition }) =>
      numbers.includes(partition),
    );
    const from = ranges.flatMap(({ topic, partition, end }) => {
      const position = store.position(partition);
      if (position !== null && position > end)
        throw new Failure("PositionLost", `${topic}[${partition}] ends at ${end}, not ${position}`);
      return position === null ? [] : [{ topic, partition, position }];
    });
    for await (const batch of batchesToEnd(log, figuresTopic, { ranges, from, signal }))
      if (numbers.includes(batch.partition)) await store.apply(appliedOf(batch, system, foldIds));
  }

  /** Where folding goes on: where the newest figures say. Events that expired before they were folded are told of. */
  async #positionsOf(partitions: readonly TopicPartition[]): Promise<readonly PartitionPosition[]> {
    const { log, store, logger } = this.#deps;
    const topics = [...new Set(partitions.map(({ topic }) => topic))];
    const ranges = (await Promise.all(topics.map((topic) => log.ends(topic)))).flat();
    return partitions.flatMap((each) => {
      const position = store.foldedTo(each);
      const range = ranges.find(
        ({ topic, partition }) => topic === each.topic && partition === each.partition,
      );
      if (position === null || range === undefined) return [];
      if (position > range.end)
        throw new Failure(
          "PositionLost",
          `${each.topic}[${each.partition}] ends at ${range.end}, not ${position}`,
        );
      if (position >= range.earliest) return [{ ...each, position }];
      logger.warn(
        { ...each, position, earliest: range.earliest },
        "events expired before they were folded; figures of tickets that changed then are incomplete",
      );
      return [];
    });
  }

  async #assigned(partitions: readonly TopicPartition[]): Promise<void> {
    const owned = new Set(partitions.map(({ partition }) => partition));
    for (const [partition, fold] of this.#folds)
      if (!owned.has(partition)) {
        this.#folds.delete(partition);
        await fold.close();
      }
    const missing = [...owned].filter((partition) => !this.#folds.has(partition));
    if (missing.length > 0)
      // It was fenced while this member kept it: only joining anew tells who is to fold it.
      throw new Failure("Unavailable", `another process folded partitions ${missing.join(", ")}`);
    this.#lost = false;
  }

  #renewSome(): void {
    for (const { partition, ticketId } of this.#renewals.splice(0, renewAtOnce)) {
      this.#folds.get(partition)?.renew(ticketId);
      this.#sinceMs ??= this.#deps.clock.now();
    }
  }

  get #waiting(): number {
    let waiting = 0;
    for (const fold of this.#folds.values()) waiting += fold.waiting;
    return waiting;
  }

  /** Begins to publish what was gathered, once the flush before has ended: reading goes on meanwhile. */
  async #flush(reader: LogReader): Promise<void> {
    if (this.#sinceMs === null) return;
    await this.#landed();
    this.#sinceMs = null;
    this.#flight = this.#publishAll(reader);
    // Its failure is thrown where it is waited for.
    this.#flight.catch(() => {});
  }

  /** Waits for the flush under way. @throws its failure. */
  async #landed(): Promise<void> {
    const flight = this.#flight;
    this.#flight = null;
    await flight;
  }

  async #publishAll(reader: LogReader): Promise<void> {
    let published = 0;
    for (const [partition, fold] of [...this.#folds])
      published += await this.#publish(partition, fold);
    if (published > 0) this.#deps.onPublished();
    await this.#commit(reader);
  }

  async #publish(partition: number, fold: PartitionFold): Promise<number> {
    try {
      return await fold.flush();
    } catch (error) {
      // What became of the append only the log knows: its records must be read like those of others.
      this.#deps.foldIds.delete(fold.id);
      if (!isFailure(error, "Fenced")) throw error;
      this.#deps.logger.info({ partition }, "another process folds this partition now");
      if (this.#folds.get(partition) === fold) this.#folds.delete(partition);
      this.#lost = true;
      return 0;
    }
  }

  /** For the operator's tools alone: a start asks the records themselves. */
  async #commit(reader: LogReader): Promise<void> {
    const positions = [...this.#folds].flatMap(([partition, { foldedTo }]) =>
      Object.entries(foldedTo).map(([topic, position]) => ({ topic, partition, position })),
    );
    try {
      if (positions.length > 0) await reader.commit(positions);
    } catch (error) {
      if (!isFailure(error, "Fenced")) throw error;
    }
  }

  #hasReached(ends: ReadonlyMap<string, number>): boolean {
    if (this.#lost || this.#renewals.length > 0) return false;
    return [...this.#folds].every(([partition, { foldedTo }]) =>
      Object.keys(eventTopics).every((topic) => {
        const end = ends.get(`${topic}/${partition}`) ?? 0;
        const at = foldedTo[topic] ?? this.#deps.store.foldedTo({ topic, partition }) ?? 0;
        return at >= end;
      }),
    );
  }
}
