import {
  type Clock,
  type Delivery,
  Failure,
  type LogBatch,
  type LogReader,
  type PartitionPosition,
  type PartitionRange,
  type ReaderOptions,
  type TopicPartition,
} from "@thulium-stream/contracts";
import { decodeChunk } from "./chunk.ts";
import { type LogStore, rangeOf, storedRanges } from "./log-store.ts";

/** How often a reader looks for appends of other processes; those of its own process wake it at once. */
const pollMs = 50;

/** What a reader needs of its log. */
export interface ReaderEnvironment {
  readonly store: LogStore;
  readonly clock: Clock;
  /** Resolves at the next append of this process, or when the log closes. */
  readonly nextAppend: () => Promise<void>;
  readonly memberId: string;
}

/** A partition being read. */
interface Cursor extends TopicPartition {
  position: number;
}

/** Pulls chunks; one chunk is its whole buffer (L5). */
export class EmbeddedReader implements LogReader {
  readonly #env: ReaderEnvironment;
  readonly #options: ReaderOptions;
  /** null while another member owns the group. */
  #cursors: Cursor[] | null = null;
  #announced = false;
  #turn = 0;
  #seenVersion = -1;
  /** Places of paused partitions (L13). */
  #paused: ReadonlySet<string> = new Set();
  #closed = false;

  constructor(env: ReaderEnvironment, options: ReaderOptions) {
    this.#env = env;
    this.#options = options;
  }

  /** Joins the group, taking it over from an older member. */
  async join(): Promise<void> {
    if (this.#options.group !== undefined) await this.#claim();
    else await this.#assign();
  }

  async next({
    timeoutMs,
    signal,
  }: {
    readonly timeoutMs: number;
    readonly signal?: AbortSignal;
  }): Promise<Delivery> {
    const untilMs = this.#env.clock.now() + timeoutMs;
    for (;;) {
      if (this.#closed) throw new Failure("Closed", "the reader is closed");
      if (signal?.aborted) throw new Failure("Cancelled", "reading was cancelled");
      // A read transaction shows the past until it is renewed; none is held across a wait.
      this.#env.store.root.resetReadTxn();
      await this.#followGroup();
      if (!this.#announced) {
        this.#announced = true;
        return {
          kind: "assignment",
          partitions: (this.#cursors ?? []).map(({ topic, partition }) => ({ topic, partition })),
        };
      }
      const batch = this.#nextBatch();
      if (batch !== null) return batch;
      const leftMs = untilMs - this.#env.clock.now();
      if (leftMs <= 0) return { kind: "idle" };
      await this.#wait(Math.min(pollMs, leftMs), signal);
    }
  }

  /** Round robin over the partitions, so that none waits for another's end. */
  #nextBatch(): LogBatch | null {
    const version = Number(this.#env.store.meta.get("version") ?? 0);
    if (version === this.#seenVersion) return null;
    const cursors = this.#cursors ?? [];
    for (let tried = 0; tried < cursors.length; tried += 1) {
      const cursor = cursors[(this.#turn + tried) % cursors.length];
      if (cursor === undefined || this.#paused.has(placeOf(cursor))) continue;
      const batch = readBatch(this.#env.store, cursor);
      if (batch === null) continue;
      this.#turn = (this.#turn + tried + 1) % cursors.length;
      cursor.position = batch.nextPosition;
      return batch;
    }
    this.#seenVersion = version;
    return null;
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#paused = new Set(partitions.map(placeOf));
    this.#seenVersion = -1;
  }

  async #followGroup(): Promise<void> {
    const { group } = this.#options;
    if (group === undefined) return;
    const active = this.#env.store.groups.get([group]) as string | null | undefined;
    if (active === this.#env.memberId) return;
    if (active === null) await this.#claim();
    else if (this.#cursors !== null) {
      this.#cursors = null;
      this.#announced = false;
    }
  }

  async #claim(): Promise<void> {
    const { group = "" } = this.#options;
    await this.#env.store.groups.put([group], this.#env.memberId);
    await this.#assign();
  }

  async #assign(): Promise<void> {
    const { store } = this.#env;
    const ranges = this.#options.topics.flatMap((topic) => storedRanges(store, topic));
    const starts = await this.#startsOf(ranges);
    if (this.#options.startAt === "committed-or-end") await this.commit(starts);
    this.#cursors = ranges.map(({ topic, partition, earliest, end }) => {
      const position =
        starts.find((start) => start.topic === topic && start.partition === partition)?.position ??
        earliest;
      if (position < earliest || position > end)
        throw new Failure(
          "PositionLost",
          `${topic}[${partition}] holds ${earliest} to ${end}; ${position} was asked for`,
        );
      return { topic, partition, position };
    });
    this.#announced = false;
    this.#seenVersion = -1;
  }

  async #startsOf(partitions: readonly PartitionRange[]): Promise<readonly PartitionPosition[]> {
    const { startAt, group } = this.#options;
    if (startAt === "earliest") return [];
    if (typeof startAt === "function")
      return startAt(partitions.map(({ topic, partition }) => ({ topic, partition })));
    if (group === undefined) throw new Failure("Invariant", `startAt: ${startAt} needs a group`);
    return partitions.flatMap(({ topic, partition, end }) => {
      const committed = this.#env.store.groups.get([group, topic, partition]) as number | undefined;
      const position = committed ?? (startAt === "committed-or-end" ? end : undefined);
      return position === undefined ? [] : [{ topic, partition, position }];
    });
  }

  async #wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const woken = new AbortController();
    const either = signal === undefined ? woken.signal : AbortSignal.any([signal, woken.signal]);
    const slept = this.#env.clock.sleep(ms, either).catch((error: unknown) => {
      if (!woken.signal.aborted) throw error;
    });
    await Promise.race([slept, this.#env.nextAppend()]);
    woken.abort();
  }

  async commit(positions: readonly PartitionPosition[]): Promise<void> {
    const { group } = this.#options;
    if (group === undefined)
      throw new Failure("Invariant", "a private reader has nothing to commit");
    if (this.#closed) throw new Failure("Closed", "the reader is closed");
    const { groups, root } = this.#env.store;
    await root.transaction(() => {
      if (groups.get([group]) !== this.#env.memberId)
        throw new Failure("Fenced", `another member of ${group} owns its partitions now`);
      for (const { topic, partition, position } of positions)
        groups.put([group, topic, partition], position);
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const { group } = this.#options;
    if (group === undefined) return;
    const { groups, root } = this.#env.store;
    await root.transaction(() => {
      if (groups.get([group]) === this.#env.memberId) groups.put([group], null);
    });
  }
}

/** Position of the first record that the log took at `atMs` or later; the partition's end when there is none. */
export function positionAt(store: LogStore, at: TopicPartition, atMs: number): number {
  const { earliest, end } = rangeOf(store, at.topic, at.partition);
  let [low, high] = [earliest, end];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const record = readBatch(store, { ...at, position: middle })?.records[0];
    if (record === undefined || record.appendedAtMs >= atMs) high = middle;
    else low = record.position + 1;
  }
  return low;
}

function placeOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

/** The rest of the chunk at or behind the cursor; an empty batch where compaction left a gap up to the end. */
function readBatch(store: LogStore, { topic, partition, position }: Cursor): LogBatch | null {
  const { earliest, end } = rangeOf(store, topic, partition);
  if (position < earliest)
    throw new Failure(
      "PositionLost",
      `${topic}[${partition}] begins at ${earliest}; ${position} was next`,
    );
  if (position >= end) return null;
  const start: [string, number, number] = [topic, partition, position];
  const [before] = store.chunks.getRange({
    start,
    end: [topic, partition, -1],
    reverse: true,
    limit: 1,
  });
  const inside = before === undefined ? null : batchOf(before.key[2], before.value);
  if (inside !== null && inside.nextPosition > position) return inside;
  const [after] = store.chunks.getRange({
    start,
    end: [topic, partition, Number.MAX_SAFE_INTEGER],
    limit: 1,
  });
  const next = after === undefined ? null : batchOf(after.key[2], after.value);
  return (
    next ?? { kind: "batch", topic, partition, records: [], nextPosition: end, endPosition: end }
  );

  function batchOf(base: number, value: Uint8Array): LogBatch {
    const chunk = decodeChunk(value);
    const records = chunk.records
      .filter(({ step }) => base + step >= position)
      .map(({ step, ...record }) => ({ topic, partition, position: base + step, ...record }));
    return {
      kind: "batch",
      topic,
      partition,
      records,
      nextPosition: base + chunk.span,
      endPosition: end,
    };
  }
}
