import {
  type Clock,
  Failure,
  isFailure,
  type LogWriter,
  type NewRecord,
} from "@thulium-stream/contracts";
import type { Claims } from "../claims.ts";
import { partitionFor } from "../partitioner.ts";
import { encodeChunk, packChunks } from "./chunk.ts";
import { cleanUp } from "./clean-up.ts";
import { type LogStore, rangeOf, type StoredTopic, storedTopic } from "./log-store.ts";

/** Largest record, key and value together. */
const maxRecordBytes = 32 * 1024 * 1024;
/** How often the writer cleans up, at most. */
const cleanUpEveryMs = 10 * 60_000;

/** What an append adds to one partition, packed and ready to be put. */
interface Part {
  readonly topic: string;
  readonly partition: number;
  readonly compacted: boolean;
  readonly chunks: readonly {
    readonly span: number;
    readonly keys: readonly string[];
    readonly packed: Buffer;
  }[];
}

/** What a writer works with. */
interface WriterSurroundings {
  readonly clock: Clock;
  /** Called after each append. */
  readonly wake: () => void;
  readonly claims: Claims | undefined;
}

/** The one writer of a writer id; see {@link LogWriter}. */
export class EmbeddedWriter implements LogWriter {
  readonly #store: LogStore;
  readonly #writerId: string;
  readonly #epoch: number;
  readonly #clock: Clock;
  readonly #wake: () => void;
  readonly #claims: Claims | undefined;
  readonly #touched = new Set<string>();
  #inFlight: Promise<unknown> = Promise.resolve();
  #spent: Failure | undefined;
  #cleanedAtMs: number;
  #closed = false;

  private constructor(
    store: LogStore,
    writerId: string,
    epoch: number,
    { clock, wake, claims }: WriterSurroundings,
  ) {
    this.#store = store;
    this.#writerId = writerId;
    this.#epoch = epoch;
    this.#clock = clock;
    this.#wake = wake;
    this.#claims = claims;
    this.#cleanedAtMs = clock.now();
  }

  /** Takes the writer id over: once the new epoch is committed, no append of an older holder can be (L4). */
  static async open(
    store: LogStore,
    writerId: string,
    surroundings: WriterSurroundings,
  ): Promise<EmbeddedWriter> {
    const epoch = await store.root.transaction(() => {
      const next = Number(store.meta.get(`writer/${writerId}`) ?? 0) + 1;
      store.meta.put(`writer/${writerId}`, next);
      return next;
    });
    return new EmbeddedWriter(store, writerId, epoch, surroundings);
  }

  append(batch: readonly NewRecord[]): Promise<void> {
    if (this.#closed) return Promise.reject(new Failure("Closed", "the writer is closed"));
    const appending = this.#inFlight.then(() => this.#append(batch));
    this.#inFlight = appending.catch(() => {});
    return appending;
  }

  async #append(batch: readonly NewRecord[]): Promise<void> {
    if (this.#spent !== undefined) throw this.#spent;
    const fitting =
      (await this.#claims?.deposit(batch, (one) => bytesOf(one) > maxRecordBytes)) ?? batch;
    const parts = this.#partsOf(fitting);
    try {
      await this.#store.root.transaction(() => this.#commit(parts));
    } catch (error) {
      // Whatever went wrong: only the log knows what is in it now (L3).
      this.#spent = isFailure(error)
        ? error
        : new Failure("Unavailable", `the embedded log could not be written: ${reasonOf(error)}`, {
            cause: error,
          });
      throw this.#spent;
    }
    this.#wake();
    await this.#cleanUpWhenDue();
  }

  /** Validates, partitions and packs before the transaction, which holds the one write lock. */
  #partsOf(batch: readonly NewRecord[]): readonly Part[] {
    const groups = new Map<
      string,
      { topic: string; partition: number; compacted: boolean; records: NewRecord[] }
    >();
    // Hundreds of records share a few topics, and several a key: each is looked up once.
    const topics = new Map<string, StoredTopic>();
    const partitionsOf = new Map<string, number>();
    for (const record of batch) {
      const bytes = bytesOf(record);
      if (bytes > maxRecordBytes)
        throw new Failure(
          "TooLarge",
          `record ${record.key} of ${record.topic} has ${bytes} bytes; the limit is ${maxRecordBytes}`,
        );
      const topic = topics.get(record.topic) ?? storedTopic(this.#store, record.topic);
      topics.set(record.topic, topic);
      const { partitions, cleanUp: rule } = topic;
      const key = record.partitionKey ?? record.key;
      const partition = partitionsOf.get(`${partitions} ${key}`) ?? partitionFor(key, partitions);
      partitionsOf.set(`${partitions} ${key}`, partition);
      const id = `${record.topic}/${partition}`;
      const group = groups.get(id) ?? {
        topic: record.topic,
        partition,
        compacted: rule.by === "compaction",
        records: [],
      };
      group.records.push(record);
      groups.set(id, group);
    }
    return [...groups.values()].map(({ records, ...group }) => ({
      ...group,
      chunks: packChunks(records, this.#clock.now()).map((chunk) => ({
        span: chunk.span,
        keys: chunk.records.map(({ key }) => key),
        packed: encodeChunk(chunk),
      })),
    }));
  }

  /** Runs inside the transaction. The fence is looked at before anything is written, so a fenced append leaves no trace. */
  #commit(parts: readonly Part[]): void {
    const { meta, ranges, chunks, latest } = this.#store;
    if (meta.get(`writer/${this.#writerId}`) !== this.#epoch)
      throw new Failure("Fenced", `another process writes as ${this.#writerId} now`);
    for (const { topic, partition, compacted, chunks: packed } of parts) {
      const range = rangeOf(this.#store, topic, partition);
      let base = range.end;
      for (const { span, keys, packed: value } of packed) {
        chunks.put([topic, partition, base], value);
        if (compacted)
          for (const [step, key] of keys.entries())
            latest.put([topic, partition, key], base + step);
        base += span;
      }
      ranges.put([topic, partition], { ...range, end: base });
      this.#touched.add(topic);
    }
    meta.put("version", Number(meta.get("version") ?? 0) + 1);
  }

  async #cleanUpWhenDue(): Promise<void> {
    const nowMs = this.#clock.now();
    if (nowMs - this.#cleanedAtMs < cleanUpEveryMs) return;
    this.#cleanedAtMs = nowMs;
    await cleanUp(this.#store, [...this.#touched], nowMs);
    this.#touched.clear();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#inFlight;
  }
}

function bytesOf({ key, value }: NewRecord): number {
  return key.length + (value?.length ?? 0);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
