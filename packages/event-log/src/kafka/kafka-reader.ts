import {
  type Clock,
  type Delivery,
  Failure,
  isFailure,
  type LogBatch,
  type Logger,
  type LogReader,
  type PartitionPosition,
  type PartitionRange,
  type ReaderOptions,
  type TopicPartition,
} from "@thulium-stream/contracts";
import type { Batch, Consumer, EachBatchPayload, Kafka } from "kafkajs";
import { withDeadline } from "./deadline.ts";
import { DeliveryQueue } from "./delivery-queue.ts";
import { kafkaFailure, missingTopic } from "./failures.ts";
import type { KafkaAdmin } from "./kafka-admin.ts";
import { logRecordsOf } from "./kafka-record.ts";
import { sameNumberAssigner } from "./same-number-assigner.ts";
import { placeOf, positionLost, startPositions } from "./start-positions.ts";

const sessionTimeoutMs = 10_000;
const heartbeatMs = 2_000;
const rebalanceTimeoutMs = 30_000;
/** How long a fetch may wait for data, and so how long a resumed partition may wait for its first fetch. */
const fetchWaitMs = 250;
/** The same when nothing has come for a while: what a process at rest costs is mostly this. Data ends the wait at once. */
const quietFetchWaitMs = 1_000;
const quietAfterMs = 2_000;
/** How long a rebalance is held up; less than the session time-out, since no heartbeat is sent meanwhile. */
const revokeMs = 7_000;
const openDeadlineMs = 60_000;
const commitDeadlineMs = 30_000;
const closeDeadlineMs = 10_000;
/** No fetch, heartbeat or join for so long means that the consumer has died without a word. */
const silenceMs = 120_000;
const defaultBufferedBytes = 8 * 1024 * 1024;
/** Records are compressed on the wire: JSON by gzip shrinks about eight times. */
const expansion = 8;
const minFetchBytes = 16 * 1024;

/** What a reader needs. */
export interface ReaderContext {
  /** A client of the patient temper. */
  readonly kafka: Kafka;
  readonly admin: KafkaAdmin;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The broker's name of a logical topic. */
  readonly nameOf: (topic: string) => string;
  /** The broker's id of the group. A private reader has a throwaway one. */
  readonly groupId: string;
}

/** A batch of kafkajs also knows which offset was asked for; its type does not say so. */
type FetchedBatch = Batch & { readonly fetchedOffset: string };

/** Joins the group and starts to fetch. @throws Failure as classified, `Rejected` for an unknown topic. */
export async function openKafkaReader(
  context: ReaderContext,
  options: ReaderOptions,
): Promise<KafkaReader> {
  const names = options.topics.map(context.nameOf);
  const known = await context.admin.partitions(names);
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length > 0) throw missingTopic(...unknown);
  const reader = new KafkaReader(context, options);
  try {
    await reader.start(names);
  } catch (error) {
    await reader.close();
    throw error;
  }
  return reader;
}

/**
 * A pull reader on top of kafkajs's push consumer: `eachBatch` offers one batch and heartbeats until it is
 * taken, so at most one fetch is held (L5). Every rebalance brings an assignment, also one that changes
 * nothing for this member: commits during it may have been fenced. Partitions it keeps go on where they were.
 */
export class KafkaReader implements LogReader {
  readonly #context: ReaderContext;
  readonly #options: ReaderOptions;
  readonly #consumer: Consumer;
  readonly #topicOf: ReadonlyMap<string, string>;
  readonly #queue = new DeliveryQueue();
  /** Partitions of the present assignment, by place. */
  #owned = new Map<string, TopicPartition>();
  /** Where each prepared partition goes on: what was taken, by place. */
  #taken = new Map<string, number>();
  /** Where kafkajs must fetch next, by place; ahead of `#taken` only by empty batches. */
  #fetch = new Map<string, number>();
  /** Since when it owns anything; 0 while it owns nothing. */
  #ownerSinceMs = 0;
  /** Counts assignments; work for an older one is void. */
  #assignment = 0;
  /** Places of paused partitions (L13). */
  #paused: ReadonlySet<string> = new Set();
  /** The batch on offer. */
  #offered: { readonly place: string; readonly taken: AbortController } | null = null;
  #memberId = "";
  #commitsSeen = 0;
  #commits: Promise<unknown> = Promise.resolve();
  #lastSignMs: number;
  /** When a batch came, or what is fetched changed. */
  #lastNewsMs: number;
  /** Aborted when the reader ends, so that an offer does not wait out its time. */
  readonly #over = new AbortController();
  #closing: Promise<void> | null = null;

  constructor(context: ReaderContext, options: ReaderOptions) {
    this.#context = context;
    this.#options = options;
    this.#topicOf = new Map(options.topics.map((topic) => [context.nameOf(topic), topic]));
    this.#lastSignMs = context.clock.now();
    this.#lastNewsMs = this.#lastSignMs;
    const bufferedBytes = options.maxBufferedBytes ?? defaultBufferedBytes;
    const fetchBytes = Math.max(minFetchBytes, Math.floor(bufferedBytes / expansion));
    this.#consumer = context.kafka.consumer({
      groupId: context.groupId,
      partitionAssigners: [sameNumberAssigner(() => this.#ownerSinceMs)],
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: heartbeatMs,
      rebalanceTimeout: rebalanceTimeoutMs,
      // Ours (see `patches/`): asked before each fetch.
      maxWaitTimeInMs: (() => this.#fetchWaitMs()) as unknown as number,
      maxBytes: fetchBytes,
      maxBytesPerPartition: fetchBytes,
      allowAutoTopicCreation: false,
      // Never restarts behind our back: a crash reaches the caller of next().
      retry: { ...patience, restartOnFailure: async () => false },
    });
    this.#listen();
  }

  #fetchWaitMs(): number {
    const isQuiet = this.#context.clock.now() - this.#lastNewsMs > quietAfterMs;
    return isQuiet ? quietFetchWaitMs : fetchWaitMs;
  }

  #listen(): void {
    const { events } = this.#consumer;
    const sign = () => {
      this.#lastSignMs = this.#context.clock.now();
    };
    for (const event of [events.FETCH_START, events.FETCH, events.HEARTBEAT] as const) {
      this.#consumer.on(event, sign);
    }
    this.#consumer.on(events.GROUP_JOIN, ({ payload }) => {
      sign();
      this.#joined(payload.memberId, payload.memberAssignment);
    });
    this.#consumer.on(events.REBALANCING, ({ payload }) => {
      // Ours (see `patches/`): kafkajs joins again only when these have settled.
      (payload as unknown as Rebalancing).waitFor.push(this.#revoke());
    });
    this.#consumer.on(events.COMMIT_OFFSETS, () => {
      this.#commitsSeen += 1;
    });
    this.#consumer.on(events.CRASH, ({ payload }) => {
      this.#queue.fail(kafkaFailure(payload.error, `reading as ${this.#context.groupId}`));
    });
    this.#consumer.on(events.END_BATCH_PROCESS, ({ payload }) => {
      if (payload.batchSize === 0) this.#passedEmpty(payload as unknown as EmptyFetch);
    });
  }

  /** Joins the group; resolves with the first assignment on its way. */
  async start(names: readonly string[]): Promise<void> {
    const what = `joining ${this.#context.groupId}`;
    const joining = (async () => {
      await this.#consumer.connect();
      await this.#consumer.subscribe({ topics: [...names], fromBeginning: true });
      await this.#consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: 1,
        eachBatch: (payload) => this.#offer(payload),
      });
    })();
    try {
      await withDeadline(this.#context.clock, openDeadlineMs, what, joining);
    } catch (error) {
      // A join that is still under way would leave a running consumer behind.
      const gone = () => this.#consumer.disconnect().catch(() => {});
      void joining.then(gone, gone);
      throw kafkaFailure(error, what);
    }
    if (this.#queue.failure !== null) throw this.#queue.failure;
  }

  /**
   * A new assignment. Runs within kafkajs's join, before its next fetch, so that pausing here keeps it from
   * fetching where nobody wants to start.
   */
  #joined(memberId: string, assigned: Record<string, number[]>): void {
    this.#assignment += 1;
    this.#lastNewsMs = this.#context.clock.now();
    this.#queue.clear();
    const partitions = Object.entries(assigned).flatMap(([name, numbers]) => {
      const topic = this.#topicOf.get(name);
      if (topic === undefined) return [];
      return numbers.map((partition) => ({ topic, partition }));
    });
    if (partitions.length === 0) this.#ownerSinceMs = 0;
    else if (this.#ownerSinceMs === 0) this.#ownerSinceMs = this.#context.clock.now();
    const before = this.#taken;
    // Under another member id the group may have moved on without us: nothing is kept.
    const kept = memberId === this.#memberId ? before : new Map<string, number>();
    this.#memberId = memberId;
    this.#owned = new Map(partitions.map((each) => [placeOf(each), each]));
    this.#paused = new Set([...this.#paused].filter((place) => this.#owned.has(place)));
    this.#taken = new Map([...kept].filter(([place]) => this.#owned.has(place)));
    this.#fetch = new Map();
    if (partitions.length > 0) this.#consumer.pause(this.#named(partitions));
    this.#prepare(this.#assignment, partitions).catch((error: unknown) => {
      this.#queue.fail(kafkaFailure(error, `starting to read as ${this.#context.groupId}`));
    });
  }

  /** Finds where new partitions start, announces the assignment, and lets the fetching begin. */
  async #prepare(assignment: number, partitions: readonly TopicPartition[]): Promise<void> {
    const fresh = partitions.filter((each) => !this.#taken.has(placeOf(each)));
    const starts = fresh.length === 0 ? [] : await this.#startsOf(fresh);
    if (assignment !== this.#assignment || this.#closing !== null) return;
    for (const start of starts) this.#taken.set(placeOf(start), start.position);
    this.#fetch = new Map(this.#taken);
    this.#queue.push({ kind: "assignment", partitions });
    if (partitions.length === 0) return;
    for (const each of partitions) this.#seek(each);
    const released = partitions.filter((each) => !this.#paused.has(placeOf(each)));
    if (released.length > 0) this.#consumer.resume(this.#named(released));
  }

  async #startsOf(fresh: readonly TopicPartition[]): Promise<readonly PartitionPosition[]> {
    const { startAt } = this.#options;
    const wanted =
      startAt === "earliest"
        ? []
        : startAt === "committed"
          ? await this.#committed(fresh)
          : startAt === "committed-or-end"
            ? await this.#committedOrEnd(fresh)
            : await startAt(fresh);
    return startPositions(fresh, wanted, await this.#ends(fresh));
  }

  async #committed(fresh: readonly TopicPartition[]): Promise<readonly PartitionPosition[]> {
    const { admin, nameOf, groupId } = this.#context;
    const names = [...new Set(fresh.map(({ topic }) => nameOf(topic)))];
    const committed = await admin.committed(groupId, names);
    return committed.flatMap(({ name, partition, position }) => {
      const topic = this.#topicOf.get(name);
      return topic === undefined ? [] : [{ topic, partition, position }];
    });
  }

  /** A new group begins at the end; that is committed at once, or the next member would begin at a later one. */
  async #committedOrEnd(fresh: readonly TopicPartition[]): Promise<readonly PartitionPosition[]> {
    const committed = await this.#committed(fresh);
    const known = new Set(committed.map(placeOf));
    const wanted = new Set(fresh.map(placeOf));
    const begun = (await this.#ends(fresh))
      .filter((range) => wanted.has(placeOf(range)) && !known.has(placeOf(range)))
      .map(({ topic, partition, end }) => ({ topic, partition, position: end }));
    if (begun.length > 0) await this.commit(begun);
    return [...committed, ...begun];
  }

  async #ends(partitions: readonly TopicPartition[]): Promise<readonly PartitionRange[]> {
    const { admin, nameOf } = this.#context;
    const topics = [...new Set(partitions.map(({ topic }) => topic))];
    const ends = await Promise.all(topics.map((topic) => admin.ends(topic, nameOf(topic))));
    return ends.flat();
  }

  #seek({ topic, partition }: TopicPartition): void {
    const position = this.#fetch.get(placeOf({ topic, partition }));
    if (position === undefined) return;
    this.#consumer.seek({
      topic: this.#context.nameOf(topic),
      partition,
      offset: String(position),
    });
  }

  #named(partitions: readonly TopicPartition[]): { topic: string; partitions: number[] }[] {
    return partitions.map(({ topic, partition }) => ({
      topic: this.#context.nameOf(topic),
      partitions: [partition],
    }));
  }

  /** Offers a batch and heartbeats until it is taken or void. */
  async #offer({ batch, heartbeat, resolveOffset, isStale }: EachBatchPayload): Promise<void> {
    const topic = this.#topicOf.get(batch.topic);
    if (topic === undefined || isStale() || this.#closing !== null) return;
    const partition = { topic, partition: batch.partition };
    const place = placeOf(partition);
    const expected = this.#fetch.get(place);
    const asked = Number((batch as FetchedBatch).fetchedOffset);
    if (expected === undefined) return;
    if (asked !== expected) return this.#misplaced(partition, expected);
    const assignment = this.#assignment;
    if (this.#paused.has(place)) return;
    this.#lastNewsMs = this.#context.clock.now();
    const taken = new AbortController();
    this.#offered = { place, taken };
    const withdraw = this.#queue.push(batchOf(topic, batch), () => {
      const next = nextOf(batch);
      this.#taken.set(place, next);
      this.#fetch.set(place, next);
      resolveOffset(batch.lastOffset());
      taken.abort();
    });
    try {
      while (!taken.signal.aborted && assignment === this.#assignment && this.#alive()) {
        await this.#pause(taken.signal);
        await heartbeat();
      }
    } finally {
      // A heartbeat that failed makes kafkajs fetch the batch again: it must not be there twice.
      withdraw();
      this.#offered = null;
    }
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#lastNewsMs = this.#context.clock.now();
    const before = this.#paused;
    this.#paused = new Set(partitions.map(placeOf).filter((place) => this.#owned.has(place)));
    const owned = [...this.#owned.values()];
    const now = owned.filter(
      (each) => this.#paused.has(placeOf(each)) && !before.has(placeOf(each)),
    );
    const released = owned.filter(
      (each) => before.has(placeOf(each)) && !this.#paused.has(placeOf(each)),
    );
    if (now.length > 0) this.#consumer.pause(this.#named(now));
    // What is on offer goes back and is fetched again later.
    if (this.#offered !== null && this.#paused.has(this.#offered.place))
      this.#offered.taken.abort();
    for (const each of released) this.#seek(each);
    if (released.length > 0) this.#consumer.resume(this.#named(released));
  }

  /** Lets the caller finish and commit before the group shares out anew (L14). */
  async #revoke(): Promise<void> {
    // Nothing of before is taken any more, and no start that is still looked for: an assignment follows.
    this.#assignment += 1;
    this.#queue.clear();
    const { onRevoke } = this.#options;
    if (onRevoke === undefined || this.#closing !== null) return;
    const { clock, groupId, logger } = this.#context;
    try {
      await withDeadline(clock, revokeMs, `finishing before ${groupId} is shared out`, onRevoke());
    } catch (error) {
      logger.warn({ groupId, error }, "partitions are given up with work in flight");
    }
  }

  #alive(): boolean {
    return this.#closing === null && this.#queue.failure === null;
  }

  /** Waits until a batch is taken, at most until the next heartbeat or the next look whether to go on. */
  async #pause(taken: AbortSignal): Promise<void> {
    const either = AbortSignal.any([taken, this.#over.signal]);
    await this.#context.clock.sleep(heartbeatMs / 4, either).catch((error: unknown) => {
      if (!isFailure(error, "Cancelled")) throw error;
    });
  }

  /** A batch from another place than wanted is discarded and the right place sought, if the log still has it. */
  async #misplaced(partition: TopicPartition, expected: number): Promise<void> {
    const ranges = await this.#ends([partition]);
    const range = ranges.find((each) => each.partition === partition.partition);
    if (range !== undefined && (expected < range.earliest || expected > range.end)) {
      this.#queue.fail(positionLost(range, expected));
    }
    this.#seek(partition);
  }

  /** A fetch held nothing but markers, aborted or removed records: only its extent is told (L6). */
  #passedEmpty(fetch: EmptyFetch): void {
    const topic = this.#topicOf.get(fetch.topic);
    if (topic === undefined) return;
    const { partition } = fetch;
    const place = placeOf({ topic, partition });
    const expected = this.#fetch.get(place);
    if (expected === undefined) return;
    if (Number(fetch.fetchedOffset) !== expected) {
      this.#seek({ topic, partition });
      return;
    }
    const nextPosition = Number(fetch.lastOffset) + 1;
    this.#fetch.set(place, nextPosition);
    const endPosition = Math.max(nextPosition, Number(fetch.highWatermark));
    this.#queue.push(
      { kind: "batch", topic, partition, records: [], nextPosition, endPosition },
      () => this.#taken.set(place, nextPosition),
    );
  }

  async next(options: { timeoutMs: number; signal?: AbortSignal }): Promise<Delivery> {
    const { clock } = this.#context;
    const { timeoutMs, signal } = options;
    const untilMs = clock.now() + timeoutMs;
    for (;;) {
      if (signal?.aborted) throw new Failure("Cancelled", "next() was cancelled");
      this.#assertOpen();
      const delivery = this.#queue.take();
      if (delivery !== null) return delivery;
      const restMs = untilMs - clock.now();
      if (restMs <= 0) return this.#idle();
      await this.#changed(restMs, signal);
    }
  }

  /** Waits for a delivery, the time-out or the abort, and leaves no timer behind. */
  async #changed(restMs: number, signal: AbortSignal | undefined): Promise<void> {
    const over = new AbortController();
    const either = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
    const late = this.#context.clock.sleep(restMs, either).catch((error: unknown) => {
      if (!isFailure(error, "Cancelled")) throw error;
    });
    await Promise.race([this.#queue.changed(), late]);
    over.abort();
  }

  #idle(): Delivery {
    const silentMs = this.#context.clock.now() - this.#lastSignMs;
    if (silentMs > silenceMs) {
      const what = `The consumer ${this.#context.groupId} has been silent for ${silentMs} ms`;
      this.#queue.fail(new Failure("Unavailable", what));
      this.#queue.take();
    }
    return { kind: "idle" };
  }

  commit(positions: readonly PartitionPosition[]): Promise<void> {
    const done = this.#commits.then(() => this.#commit(positions));
    this.#commits = done.catch(() => {});
    return done;
  }

  async #commit(positions: readonly PartitionPosition[]): Promise<void> {
    this.#assertOpen();
    const { groupId, clock, nameOf } = this.#context;
    if (this.#options.group === undefined) {
      throw new Failure("Invariant", "A private reader has nothing to commit");
    }
    if (this.#queue.failure !== null) throw this.#queue.failure;
    const foreign = positions.find((each) => !this.#owned.has(placeOf(each)));
    // The broker checks the member's generation, but not whose partition it is.
    if (foreign !== undefined) throw fencedCommit(groupId, placeOf(foreign));
    if (positions.length === 0) return;
    const seen = this.#commitsSeen;
    const what = `committing for ${groupId}`;
    const work = this.#consumer.commitOffsets(
      positions.map(({ topic, partition, position }) => ({
        topic: nameOf(topic),
        partition,
        offset: String(position),
      })),
    );
    try {
      await withDeadline(clock, commitDeadlineMs, what, work);
    } catch (error) {
      throw kafkaFailure(error, what);
    }
    // kafkajs returns without a word when the consumer is not running.
    if (this.#commitsSeen === seen) throw fencedCommit(groupId, "a consumer that has stopped");
  }

  #assertOpen(): void {
    if (this.#closing === null) return;
    throw new Failure("Closed", `The reader ${this.#context.groupId} is closed`);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { clock, admin, groupId } = this.#context;
    this.#queue.fail(new Failure("Closed", `The reader ${groupId} is closed`));
    this.#over.abort();
    await this.#commits;
    const leaving = this.#consumer.disconnect();
    await withDeadline(clock, closeDeadlineMs, `leaving ${groupId}`, leaving).catch(() => {});
    if (this.#options.group === undefined) {
      // Best effort: the broker forgets a group without members and positions by itself.
      await admin.deleteGroup(groupId).catch(() => {});
    }
  }
}

/** Retries inside kafkajs while reading: about ten seconds, enough for a leader election. */
const patience = { initialRetryTime: 100, maxRetryTime: 2_000, retries: 7 };

/** What REBALANCING tells; `waitFor` is ours (see `patches/`). */
interface Rebalancing {
  readonly waitFor: Promise<void>[];
}

/** What END_BATCH_PROCESS tells of a fetch without records; `fetchedOffset` is ours (see `patches/`). */
interface EmptyFetch {
  readonly topic: string;
  readonly partition: number;
  readonly fetchedOffset: string;
  readonly lastOffset: string;
  readonly highWatermark: string;
}

function nextOf(batch: Batch): number {
  return Number(batch.lastOffset()) + 1;
}

function batchOf(topic: string, batch: Batch): LogBatch {
  const nextPosition = nextOf(batch);
  return {
    kind: "batch",
    topic,
    partition: batch.partition,
    records: logRecordsOf(topic, batch.partition, batch.messages),
    nextPosition,
    endPosition: Math.max(nextPosition, Number(batch.highWatermark)),
  };
}

function fencedCommit(groupId: string, what: string): Failure {
  return new Failure("Fenced", `${groupId} does not own ${what}: the commit is void`);
}
