import {
  type Clock,
  Failure,
  isFailure,
  type Logger,
  type LogWriter,
  type NewRecord,
} from "@thulium-stream/contracts";
import {
  CompressionTypes,
  type Kafka,
  Partitioners,
  type Producer,
  type TopicMessages,
} from "kafkajs";
import type { Claims } from "../claims.ts";
import { partitionFor } from "../partitioner.ts";
import { maxSendBytesPerPartition, planSends, sizeOf, tooLarge } from "./append-plan.ts";
import { withDeadline } from "./deadline.ts";
import { kafkaFailure } from "./failures.ts";
import type { KafkaAdmin, TopicShape } from "./kafka-admin.ts";
import { openSettled, type SettlingProducer } from "./settle.ts";

/** How long the coordinator waits for a silent writer before it aborts its transaction, in milliseconds. */
const transactionTimeoutMs = 15_000;
/** The coordinator looks every ten seconds which transactions have lasted too long. */
const longestOpenMs = transactionTimeoutMs + 15_000;
/** Holds the longest wait for other writers' transactions. */
const openDeadlineMs = 60_000;
/** Longer than the transaction may last: whatever has not answered by then is undecided. */
const appendDeadlineMs = 20_000;
const abortDeadlineMs = 5_000;
const disconnectDeadlineMs = 5_000;
const visiblePollMs = 5;

/** What a writer needs. */
export interface WriterContext {
  /** A client of the brisk temper. */
  readonly kafka: Kafka;
  readonly admin: KafkaAdmin;
  /** The same for readers of records that are undecided. */
  readonly undecided: KafkaAdmin;
  /** All topics that a writer may write to. */
  readonly topics: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** The broker's name of a logical topic. */
  readonly nameOf: (topic: string) => string;
  /** Where records above the limit of their topic go. */
  readonly claims: Claims | undefined;
}

/**
 * Opens the transactional producer of `transactionalId`. When it resolves, older producers of that id are
 * fenced and their open transaction is decided on every partition (L4).
 */
export async function openKafkaWriter(
  context: WriterContext,
  transactionalId: string,
): Promise<KafkaWriter> {
  const { kafka, clock } = context;
  const producer = kafka.producer({
    transactionalId,
    transactionTimeout: transactionTimeoutMs,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    // Every message names its partition; saying so keeps kafkajs from warning about its change of default.
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  const what = `opening the writer ${transactionalId}`;
  const names = context.topics.map(context.nameOf);
  const opening = openSettled({
    producer: producer as unknown as SettlingProducer,
    allEnds: () => context.undecided.endsOf(names),
    visibleEnds: () => context.admin.endsOf(names),
    clock,
    logger: context.logger,
    longestOpenMs,
  });
  try {
    await withDeadline(clock, openDeadlineMs, what, opening);
  } catch (error) {
    await drop(producer, clock, opening);
    throw kafkaFailure(error, what);
  }
  return new KafkaWriter(context, producer, transactionalId);
}

/**
 * Appends each batch in one transaction, one at a time. After any doubt it is spent (L3).
 */
export class KafkaWriter implements LogWriter {
  readonly #context: WriterContext;
  readonly #producer: Producer;
  readonly #name: string;
  readonly #shapes = new Map<string, TopicShape>();
  #queue: Promise<unknown> = Promise.resolve();
  #spentBy: Failure | null = null;
  #closing: Promise<void> | null = null;

  constructor(context: WriterContext, producer: Producer, name: string) {
    this.#context = context;
    this.#producer = producer;
    this.#name = name;
  }

  append(batch: readonly NewRecord[]): Promise<void> {
    if (this.#closing !== null) {
      return Promise.reject(new Failure("Closed", `The writer ${this.#name} is closed`));
    }
    // Overlapping sends of one producer lose records, so the next append starts after this one has ended.
    const appended = this.#queue.then(() => this.#append(batch));
    this.#queue = appended.catch(() => {});
    return appended;
  }

  async #append(batch: readonly NewRecord[]): Promise<void> {
    if (this.#spentBy !== null) throw this.#spent(this.#spentBy);
    if (batch.length === 0) return;
    await this.#learnShapes(batch);
    const limitOf = (topic: string) =>
      this.#shapes.get(topic)?.sendBytes ?? maxSendBytesPerPartition;
    const isTooLarge = (record: NewRecord) => sizeOf(record) > limitOf(record.topic);
    const fitting = (await this.#context.claims?.deposit(batch, isTooLarge)) ?? batch;
    const sends = planSends(fitting, {
      partitionsOf: (topic) => this.#shapes.get(topic)?.partitions,
      limitOf,
      partitionFor,
      nameOf: this.#context.nameOf,
      nowMs: this.#context.clock.now(),
    });
    await this.#transact(sends, fitting);
  }

  /** All sends in one transaction (L1). */
  async #transact(sends: TopicMessages[][], batch: readonly NewRecord[]): Promise<void> {
    const { clock } = this.#context;
    const startedAtMs = clock.now();
    const progress = { committing: false, abort: async () => {} };
    const work = this.#run(sends, progress);
    const what = `appending ${batch.length} records as ${this.#name}`;
    try {
      await withDeadline(clock, appendDeadlineMs, what, work);
    } catch (error) {
      const failure = doubtOf(kafkaFailure(error, what), batch, clock.now() - startedAtMs);
      this.#spentBy = failure;
      this.#context.logger.warn(
        { writer: this.#name, code: failure.code, committing: progress.committing },
        "an append failed; the writer is spent",
      );
      // A commit that failed may have happened and cannot be aborted.
      if (!progress.committing) await this.#abandon(progress.abort);
      await drop(this.#producer, clock, work);
      throw failure;
    }
  }

  async #run(
    sends: TopicMessages[][],
    progress: { committing: boolean; abort: () => Promise<void> },
  ): Promise<void> {
    const transaction = await this.#producer.transaction();
    progress.abort = () => transaction.abort();
    const ends = new Map<string, Map<number, number>>();
    for (const topicMessages of sends) {
      const placed = await transaction.sendBatch({
        topicMessages,
        acks: -1,
        compression: CompressionTypes.GZIP,
      });
      for (const { topicName, partition, baseOffset } of placed) {
        // The offset of its last record is not told, that of its first says enough: a batch is visible as a whole.
        const partitions = ends.get(topicName) ?? new Map<number, number>();
        ends.set(topicName, partitions.set(partition, Number(baseOffset ?? -1)));
      }
    }
    progress.committing = true;
    await transaction.commit();
    await Promise.all([...ends].map(([name, offsets]) => this.#untilVisible(name, offsets)));
  }

  /**
   * The coordinator answers a commit before its markers are on the partitions. Waits for them, so that whoever
   * appends and then reads up to the ends sees what was appended.
   */
  async #untilVisible(name: string, offsets: ReadonlyMap<number, number>): Promise<void> {
    const { admin, clock } = this.#context;
    for (;;) {
      const ends = await admin.visibleEnds(name).catch(passing);
      if ([...offsets].every(([partition, offset]) => (ends.get(partition) ?? 0) > offset)) return;
      await clock.sleep(visiblePollMs);
    }
  }

  /** Tries to abort; the coordinator does it after the transaction time-out otherwise. */
  async #abandon(abort: () => Promise<void>): Promise<void> {
    const { clock, logger } = this.#context;
    await withDeadline(clock, abortDeadlineMs, "aborting", abort()).catch((error: unknown) => {
      logger.debug({ writer: this.#name, error: String(error) }, "the abort was not confirmed");
    });
  }

  async #learnShapes(batch: readonly NewRecord[]): Promise<void> {
    const unknown = [...new Set(batch.map(({ topic }) => topic))].filter(
      (topic) => !this.#shapes.has(topic),
    );
    if (unknown.length === 0) return;
    const { admin, nameOf } = this.#context;
    const found = await admin.shapes(unknown.map(nameOf));
    for (const topic of unknown) {
      const shape = found.get(nameOf(topic));
      if (shape !== undefined) this.#shapes.set(topic, shape);
    }
  }

  #spent(cause: Failure): Failure {
    const code = cause.code === "Fenced" ? "Fenced" : "Unavailable";
    return new Failure(
      code,
      `The writer ${this.#name} is spent since an append failed (${cause.code}): open a new one and read the log`,
      { cause },
    );
  }

  close(): Promise<void> {
    this.#closing ??= this.#queue.then(() => drop(this.#producer, this.#context.clock, null));
    return this.#closing;
  }
}

/** What a failed append means to the caller. */
function doubtOf(failure: Failure, batch: readonly NewRecord[], tookMs: number): Failure {
  if (failure.code === "Fenced" && tookMs >= transactionTimeoutMs) {
    // The coordinator also bumps the epoch when it aborts a transaction that lasted too long.
    const message = `${failure.message} (after ${tookMs} ms: the transaction had timed out)`;
    return new Failure("TimedOut", message, { cause: failure });
  }
  if (failure.code !== "TooLarge") return failure;
  // The topic allows less than we do. It was not committed, so nothing was written.
  const sizes = batch.map((record) => ({ record, bytes: sizeOf(record) }));
  const largest = sizes.reduce((a, b) => (b.bytes > a.bytes ? b : a));
  return tooLarge(largest.record, largest.bytes, maxSendBytesPerPartition);
}

/**
 * Disconnects a producer for good. Retries that are still running inside kafkajs would connect it again, so it
 * is disconnected once more when they have ended.
 */
async function drop(
  producer: Producer,
  clock: Clock,
  work: Promise<unknown> | null,
): Promise<void> {
  const gone = () => producer.disconnect().catch(() => {});
  await withDeadline(clock, disconnectDeadlineMs, "disconnecting", gone()).catch(() => {});
  void work?.then(gone, gone);
}

/** The commit stands, whether the ends can be read now or only a moment later: the append's deadline ends the waiting. */
function passing(error: unknown): ReadonlyMap<number, number> {
  if (isFailure(error, "Unavailable", "TimedOut")) return new Map();
  throw error;
}
