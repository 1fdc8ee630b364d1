import {
  claimOf,
  type Delivery,
  type LogBatch,
  type LogReader,
  type LogRecord,
  type PartitionPosition,
  type TopicPartition,
} from "@thulium-stream/contracts";
import type { Claims } from "./claims.ts";

/** Bodies that one delivery holds at most beyond its first, in bytes. */
const mostBodyBytes = 8 * 1024 * 1024;

/** A reader whose records have their bodies, wherever these lie. A batch of many large bodies comes in parts, so that memory stays bounded (L5). */
export class ClaimingReader implements LogReader {
  readonly #reader: LogReader;
  readonly #claims: Claims;
  /** What is still to be delivered of batches with claims; kept when the object store fails, so that the next call goes on with it. */
  #rests: readonly LogBatch[] = [];
  #paused: ReadonlySet<string> = new Set();

  constructor(reader: LogReader, claims: Claims) {
    this.#reader = reader;
    this.#claims = claims;
  }

  async next(options: {
    readonly timeoutMs: number;
    readonly signal?: AbortSignal;
  }): Promise<Delivery> {
    const rest = this.#rests.find((batch) => !this.#paused.has(placeOf(batch)));
    if (rest !== undefined) return this.#part(rest);
    const delivery = await this.#reader.next(options);
    if (delivery.kind === "assignment") {
      const owned = new Set(delivery.partitions.map(placeOf));
      this.#rests = this.#rests.filter((batch) => owned.has(placeOf(batch)));
    }
    if (delivery.kind !== "batch") return delivery;
    if (delivery.records.every((record) => claimOf(record) === null)) return delivery;
    this.#rests = [...this.#rests, delivery];
    return this.#part(delivery);
  }

  async #part(batch: LogBatch): Promise<LogBatch> {
    const records: LogRecord[] = [];
    let bodyBytes = 0;
    for (const record of batch.records) {
      if (bodyBytes >= mostBodyBytes) break;
      const whole = await this.#claims.redeem(record);
      if (whole !== record) bodyBytes += whole.value?.byteLength ?? 0;
      records.push(whole);
    }
    const left = batch.records.slice(records.length);
    const rest = left.length === 0 ? [] : [{ ...batch, records: left }];
    this.#rests = [...rest, ...this.#rests.filter((each) => each !== batch)];
    return { ...batch, records, nextPosition: left[0]?.position ?? batch.nextPosition };
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#paused = new Set(partitions.map(placeOf));
    this.#reader.pause(partitions);
  }

  commit(positions: readonly PartitionPosition[]): Promise<void> {
    return this.#reader.commit(positions);
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}

function placeOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
