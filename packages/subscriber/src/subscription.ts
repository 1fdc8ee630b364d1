import {
  type Clock,
  type Delivery,
  type EventLog,
  isFailure,
  type Logger,
  type LogReader,
  type TopicPartition,
} from "@thulium-stream/contracts";
import type { Attempts } from "./attempts.ts";
import { Lane } from "./lane.ts";
import { Ownership, placeOf } from "./ownership.ts";
import type { PartitionLag } from "./subscriber-metrics.ts";

/** What a subscription runs with. */
export interface SubscriptionDeps {
  readonly log: EventLog;
  readonly group: string;
  readonly topics: readonly string[];
  readonly startAt: "earliest" | "latest";
  readonly attempts: Attempts;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly maxBufferedBytes: number;
  readonly signal: AbortSignal;
}

/** How often what is done is committed: bounds what a crash repeats. */
const commitEveryMs = 500;
/** A lane whose first batch takes longer is slow: it is paused rather than waited for. */
const slowMs = 1_000;
/** How often the ends of partitions are asked for, so that lag is told also while nothing comes. */
const endsEveryMs = 10_000;

/** One membership in the group: hands batches to lanes, commits what they have done, and gives partitions up in order. */
export class Subscription {
  readonly #deps: SubscriptionDeps;
  readonly #lanes = new Map<number, Lane>();
  readonly #owned = new Map<string, Ownership>();
  readonly #ends = new Map<string, number>();
  #paused: ReadonlySet<number> = new Set();
  /** From the moment when partitions may pass to another member until the next assignment has come: nothing is begun. */
  #isHeld = false;
  #wake = new AbortController();
  #nextCommitMs = 0;
  #nextEndsMs = 0;

  constructor(deps: SubscriptionDeps) {
    this.#deps = deps;
  }

  /** Runs until the signal fires. @throws Failure of the log, or what a lane could not go on from. */
  async run(): Promise<void> {
    const { log, group, topics, startAt, maxBufferedBytes } = this.#deps;
    const reader: LogReader = await log.openReader({
      topics,
      group,
      startAt: startAt === "latest" ? "committed-or-end" : "committed",
      // Small fetches: what is decoded at once is several times as large in memory, and all of it garbage soon.
      maxBufferedBytes: Math.floor(maxBufferedBytes / 8),
      onRevoke: () => this.#giveUp(() => reader),
    });
    try {
      while (!this.#deps.signal.aborted) {
        this.#rethrow();
        if (this.#isFull()) await this.#woken();
        else await this.#take(reader);
        await this.#commitWhenDue(reader);
      }
    } finally {
      await this.#end(reader);
    }
  }

  /** Lag of every partition that this member has. */
  lags(): readonly PartitionLag[] {
    const nowMs = this.#deps.clock.now();
    return [...this.#owned].map(([place, { topic, partition }]) => {
      const lane = this.#lanes.get(partition);
      const done = lane?.doneOf(place);
      const end = this.#ends.get(place) ?? 0;
      const oldestMs = lane?.oldestMs(place) ?? null;
      return {
        topic,
        partition,
        records: done === undefined ? 0 : Math.max(0, end - done),
        seconds: oldestMs === null ? 0 : Math.max(0, (nowMs - oldestMs) / 1000),
      };
    });
  }

  async #take(reader: LogReader): Promise<void> {
    this.#pauseSlow(reader);
    const delivery = await this.#next(reader);
    if (delivery?.kind === "assignment") await this.#assigned(delivery.partitions);
    if (delivery?.kind !== "batch") return;
    const ownership = this.#owned.get(placeOf(delivery));
    if (ownership === undefined) return;
    this.#ends.set(placeOf(delivery), delivery.endPosition);
    this.#laneOf(delivery.partition).push(delivery, ownership);
  }

  /** The next delivery; null when a lane woke it or the subscription ends. */
  async #next(reader: LogReader): Promise<Delivery | null> {
    this.#wake = new AbortController();
    const signal = AbortSignal.any([this.#wake.signal, this.#deps.signal]);
    try {
      return await reader.next({ timeoutMs: commitEveryMs, signal });
    } catch (error) {
      if (isFailure(error, "Cancelled")) return null;
      throw error;
    }
  }

  async #woken(): Promise<void> {
    this.#wake = new AbortController();
    const signal = AbortSignal.any([this.#wake.signal, this.#deps.signal]);
    await this.#deps.clock.sleep(commitEveryMs, signal).catch((error: unknown) => {
      if (!isFailure(error, "Cancelled")) throw error;
    });
  }

  #ownLanes(): readonly Lane[] {
    const numbers = new Set([...this.#owned.values()].map(({ partition }) => partition));
    return [...numbers].map((number) => this.#laneOf(number));
  }

  /** What each lane may have waiting while others want something, too. */
  get #share(): number {
    return this.#deps.maxBufferedBytes / Math.max(1, this.#ownLanes().length);
  }

  /** Enough waits, and nobody would profit from more: either all lanes are busy, or they are only briefly so. */
  #isFull(): boolean {
    const lanes = this.#ownLanes();
    const bytes = lanes.reduce((sum, lane) => sum + lane.bytes, 0);
    if (bytes < this.#deps.maxBufferedBytes) return false;
    return !lanes.some((lane) => lane.isIdle) || !lanes.some((lane) => lane.frontAgeMs > slowMs);
  }

  /** Slow lanes that hold their share get nothing more, so that what they wait for holds up no other. */
  #pauseSlow(reader: LogReader): void {
    const slow = [...this.#lanes].filter(([number, lane]) =>
      this.#paused.has(number)
        ? lane.bytes > this.#share / 2
        : lane.bytes >= this.#share / 2 && lane.frontAgeMs > slowMs,
    );
    const paused = new Set(slow.map(([number]) => number));
    const isSame =
      paused.size === this.#paused.size && [...paused].every((one) => this.#paused.has(one));
    if (isSame) return;
    this.#paused = paused;
    reader.pause([...this.#owned.values()].filter(({ partition }) => paused.has(partition)));
  }

  #laneOf(partition: number): Lane {
    const { attempts, clock } = this.#deps;
    const lane =
      this.#lanes.get(partition) ??
      new Lane({
        now: () => clock.now(),
        sleep: (ms, signal) => clock.sleep(ms, signal),
        attempt: (record, attempt, ownership) => attempts.make(record, attempt, ownership),
        changed: () => this.#wakeWhenNeeded(),
      });
    this.#lanes.set(partition, lane);
    if (this.#isHeld) void lane.hold();
    return lane;
  }

  /** Whoever waits for data goes on waiting, unless a paused or failed lane has to be looked at, or there was too much. */
  #wakeWhenNeeded(): void {
    const hasFailed = [...this.#lanes.values()].some((lane) => lane.failure !== null);
    if (hasFailed || this.#paused.size > 0 || !this.#isFull()) this.#wake.abort();
  }

  async #assigned(partitions: readonly TopicPartition[]): Promise<void> {
    this.#isHeld = false;
    const places = new Set(partitions.map(placeOf));
    for (const [place, ownership] of this.#owned) {
      if (places.has(place)) continue;
      ownership.lose();
      this.#owned.delete(place);
      this.#ends.delete(place);
      this.#lanes.get(ownership.partition)?.forget(place);
    }
    for (const each of partitions)
      if (!this.#owned.has(placeOf(each)))
        this.#owned.set(placeOf(each), new Ownership(each, this.#deps.signal));
    await this.#noteEnds((ownership, end) => {
      ownership.endAtAssignment = end;
    });
    this.#paused = new Set();
    // The group may be sharing out anew already.
    if (this.#isHeld) return;
    for (const lane of this.#lanes.values()) lane.release();
  }

  async #noteEnds(note: (ownership: Ownership, end: number) => void): Promise<void> {
    const topics = [...new Set([...this.#owned.values()].map(({ topic }) => topic))];
    const ranges = (await Promise.all(topics.map((topic) => this.#deps.log.ends(topic)))).flat();
    for (const range of ranges) {
      const ownership = this.#owned.get(placeOf(range));
      if (ownership === undefined) continue;
      this.#ends.set(placeOf(range), range.end);
      note(ownership, range.end);
    }
    this.#nextEndsMs = this.#deps.clock.now() + endsEveryMs;
  }

  /** Before partitions may pass to another member: what is under way ends, and what is done is committed. */
  async #giveUp(reader: () => LogReader): Promise<void> {
    this.#isHeld = true;
    await Promise.all([...this.#lanes.values()].map((lane) => lane.hold()));
    await this.#commit(reader());
  }

  async #commitWhenDue(reader: LogReader): Promise<void> {
    const nowMs = this.#deps.clock.now();
    if (nowMs < this.#nextCommitMs) return;
    this.#nextCommitMs = nowMs + commitEveryMs;
    await this.#commit(reader);
    if (nowMs >= this.#nextEndsMs) await this.#noteEnds(() => {});
  }

  async #commit(reader: LogReader): Promise<void> {
    const moved = [...this.#lanes.values()].flatMap((lane) => lane.takeMoved());
    if (moved.length === 0) return;
    try {
      await reader.commit(moved);
    } catch (error) {
      // Another member owns a partition now and goes on from the last commit: repeats, never loses.
      if (!isFailure(error, "Fenced")) throw error;
      this.#deps.logger.info({ group: this.#deps.group }, "lost a partition before its commit");
    }
  }

  #rethrow(): void {
    const failed = [...this.#lanes.values()].find((lane) => lane.failure !== null);
    if (failed !== undefined) throw failed.failure;
  }

  /** Waits for the handlers under way, commits and leaves the group. */
  async #end(reader: LogReader): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.stop()));
    // What ended it counts; a commit that fails on top of it only repeats events.
    await this.#commit(reader).catch((error: unknown) => {
      this.#deps.logger.warn(
        { group: this.#deps.group, reason: String(error) },
        "the last commit failed",
      );
    });
    await reader.close();
  }
}
