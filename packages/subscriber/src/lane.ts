import type {
  LogBatch,
  LogRecord,
  PartitionPosition,
  TopicPartition,
} from "@thulium-stream/contracts";
import { type Ownership, placeOf } from "./ownership.ts";

/** What became of an attempt: nothing more to do, or to be tried again after so long. */
export type Outcome = { readonly retryAfterMs: number } | undefined;

/** What a lane works with. */
export interface LaneDeps {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Tries one record. A plain value, not a promise, when nothing had to be waited for: most of the way is synchronous. */
  readonly attempt: (
    record: LogRecord,
    attempt: number,
    ownership: Ownership,
  ) => Outcome | Promise<Outcome>;
  /** Waits, until the signal fires. @throws Failure `Cancelled`. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Called when a batch is done, and when the lane has failed. */
  readonly changed: () => void;
}

interface Work {
  readonly batch: LogBatch;
  readonly ownership: Ownership;
  readonly bytes: number;
}

/** How far a partition is done: everything below `position`. */
interface Progress extends TopicPartition {
  position: number | null;
  /** Since it was told last. */
  hasMoved: boolean;
}

/** Records handled before other work of the process gets its turn. */
const recordsPerTurn = 128;

/**
 * The partitions of one number, of all topics: one thing at a time, in the order in which it came, so that handlers of one
 * ticket never overlap. What waits for a retry holds up this lane and no other.
 */
export class Lane {
  readonly #deps: LaneDeps;
  #queue: Work[] = [];
  #bytes = 0;
  #isRunning = false;
  /** When the first batch in the queue became the first. */
  #frontSinceMs = 0;
  #isHeld = false;
  #isStopped = false;
  #released: () => void = () => {};
  /** The attempt that is under way. */
  #inWork: Promise<unknown> | undefined;
  /** How far each partition is done, by place. */
  readonly #progress = new Map<string, Progress>();
  /** Everything below has been queued, by place. */
  readonly #seen = new Map<string, number>();
  /** What made it stop for good. */
  failure: unknown = null;

  constructor(deps: LaneDeps) {
    this.#deps = deps;
  }

  /** Bytes of record values that wait or are in work. */
  get bytes(): number {
    return this.#bytes;
  }

  get isIdle(): boolean {
    return this.#queue.length === 0;
  }

  /** Milliseconds for which the first batch has been in work. */
  get frontAgeMs(): number {
    return this.isIdle ? 0 : this.#deps.now() - this.#frontSinceMs;
  }

  /** How far a partition is done; undefined when nothing of it has come. */
  doneOf(place: string): number | undefined {
    const first = this.#queue.find(({ ownership }) => placeOf(ownership) === place);
    return this.#progress.get(place)?.position ?? first?.batch.records[0]?.position;
  }

  /** When the oldest record of a partition that waits was appended; null when none waits. */
  oldestMs(place: string): number | null {
    const done = this.doneOf(place) ?? 0;
    const work = this.#queue.find(({ ownership }) => placeOf(ownership) === place);
    const record = work?.batch.records.find(({ position }) => position >= done);
    return record?.appendedAtMs ?? null;
  }

  push(batch: LogBatch, ownership: Ownership): void {
    const place = placeOf(batch);
    const from = this.#seen.get(place) ?? 0;
    // A member that had to join anew is given again what it has in its queue.
    const isRepeated = (batch.records[0]?.position ?? from) < from;
    const records = isRepeated
      ? batch.records.filter(({ position }) => position >= from)
      : batch.records;
    this.#seen.set(place, Math.max(from, batch.nextPosition));
    const bytes = records.reduce((sum, { value }) => sum + (value?.byteLength ?? 0), 0);
    if (this.isIdle) this.#frontSinceMs = this.#deps.now();
    this.#queue.push({ batch: { ...batch, records }, ownership, bytes });
    this.#bytes += bytes;
    if (!this.#isRunning) void this.#run();
  }

  /** Begins nothing more until released; resolves when the attempt that is under way has ended. */
  async hold(): Promise<void> {
    this.#isHeld = true;
    await this.#inWork;
  }

  release(): void {
    this.#isHeld = false;
    this.#released();
  }

  /** Begins nothing more, ever; resolves when the attempt that is under way has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.release();
    await this.#inWork;
  }

  /** Forgets a partition that was lost. */
  forget(place: string): void {
    const stays = ({ ownership }: Work) => placeOf(ownership) !== place;
    this.#queue = this.#queue.filter(stays);
    this.#bytes = this.#queue.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#progress.delete(place);
    this.#seen.delete(place);
  }

  /** Positions that moved since the last call. */
  takeMoved(): readonly PartitionPosition[] {
    const moved: PartitionPosition[] = [];
    for (const progress of this.#progress.values()) {
      const { topic, partition, position, hasMoved } = progress;
      if (!hasMoved || position === null) continue;
      progress.hasMoved = false;
      moved.push({ topic, partition, position });
    }
    return moved;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      for (let work = this.#queue[0]; work !== undefined; work = this.#queue[0]) {
        await this.#work(work);
        if (this.#isStopped) break;
        if (this.#queue[0] === work) {
          this.#queue.shift();
          this.#bytes -= work.bytes;
        }
        this.#frontSinceMs = this.#deps.now();
        this.#deps.changed();
      }
    } catch (error) {
      this.failure = error;
      this.#deps.changed();
    } finally {
      this.#isRunning = false;
    }
  }

  async #work({ batch, ownership }: Work): Promise<void> {
    const progress = this.#progressOf(ownership);
    let turns = 0;
    for (const record of batch.records) {
      if (this.#isHeld) await this.#turn();
      if (this.#isStopped || ownership.isOver) return;
      const outcome = this.#deps.attempt(record, 1, ownership);
      // Mostly nothing had to be waited for.
      if (outcome !== undefined && !(await this.#settled(outcome, record, ownership))) return;
      if (ownership.isLost) return;
      progress.position = record.position + 1;
      progress.hasMoved = true;
      turns += 1;
      if (turns % recordsPerTurn === 0) await otherWork();
    }
    if (ownership.isLost) return;
    progress.position = batch.nextPosition;
    progress.hasMoved = true;
  }

  /** Goes on from the first attempt until it is done; false when the partition was lost or the lane stopped before. */
  async #settled(
    first: Outcome | Promise<Outcome>,
    record: LogRecord,
    ownership: Ownership,
  ): Promise<boolean> {
    let outcome = await this.#awaited(first);
    for (let attempt = 2; outcome !== undefined; attempt += 1) {
      if (ownership.isLost) return false;
      await this.#deps.sleep(outcome.retryAfterMs, ownership.signal).catch(() => {});
      if (this.#isHeld) await this.#turn();
      if (this.#isStopped || ownership.isOver) return false;
      outcome = await this.#awaited(this.#deps.attempt(record, attempt, ownership));
    }
    return true;
  }

  #awaited(outcome: Outcome | Promise<Outcome>): Outcome | Promise<Outcome> {
    if (outcome instanceof Promise) this.#inWork = outcome.catch(() => {});
    return outcome;
  }

  async #turn(): Promise<void> {
    while (this.#isHeld)
      await new Promise<void>((resolve) => {
        this.#released = resolve;
      });
  }

  #progressOf({ topic, partition }: TopicPartition): Progress {
    const place = placeOf({ topic, partition });
    const known = this.#progress.get(place);
    if (known !== undefined) return known;
    const progress: Progress = { topic, partition, position: null, hasMoved: false };
    this.#progress.set(place, progress);
    return progress;
  }
}

function otherWork(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
