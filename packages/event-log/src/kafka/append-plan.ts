import { Failure, type NewRecord } from "@thulium-stream/contracts";
import type { Message, TopicMessages } from "kafkajs";
import { missingTopic } from "./failures.ts";

/**
 * Most bytes, before compression, that one send carries for one partition: the broker's `message.max.bytes`
 * (1 MiB by default) bounds the batch that a send becomes, not the record. A topic that takes less has its own limit.
 */
export const maxSendBytesPerPartition = 512 * 1024;

/** Most records of one send for one partition; kafkajs groups them in quadratic time. */
const maxSendRecordsPerPartition = 1_000;

/** What Kafka adds to a record at most: lengths, deltas, attributes. */
const recordOverheadBytes = 64;

/** How to place a batch. */
export interface PlanOptions {
  /** Partition count of a logical topic; undefined when it does not exist. */
  readonly partitionsOf: (topic: string) => number | undefined;
  /** Most bytes of one send for one partition of a logical topic; see {@link sendBytesFor}. */
  readonly limitOf: (topic: string) => number;
  readonly partitionFor: (key: string, partitions: number) => number;
  /** The broker's name of a logical topic. */
  readonly nameOf: (topic: string) => string;
  readonly nowMs: number;
}

/**
 * Splits a batch into sends that each respect the limit of their topic. Records of one partition keep
 * their order across the sends (L2).
 * @throws Failure `TooLarge` naming key and size, `Rejected` for an unknown topic; nothing was sent then.
 */
export function planSends(batch: readonly NewRecord[], options: PlanOptions): TopicMessages[][] {
  const sends: Map<string, Message[]>[] = [];
  let filled = new Map<string, { bytes: number; records: number }>();
  let current = new Map<string, Message[]>();
  for (const record of batch) {
    const bytes = sizeOf(record);
    const limit = options.limitOf(record.topic);
    if (bytes > limit) throw tooLarge(record, bytes, limit);
    const partition = placeOf(record, options);
    const place = `${record.topic}/${partition}`;
    const before = filled.get(place) ?? { bytes: 0, records: 0 };
    if (before.bytes + bytes > limit || before.records === maxSendRecordsPerPartition) {
      sends.push(current);
      current = new Map();
      filled = new Map();
    }
    const held = filled.get(place) ?? { bytes: 0, records: 0 };
    filled.set(place, { bytes: held.bytes + bytes, records: held.records + 1 });
    const messages = current.get(record.topic) ?? [];
    if (messages.length === 0) current.set(record.topic, messages);
    messages.push(messageOf(record, partition, options.nowMs));
  }
  if (current.size > 0) sends.push(current);
  return sends.map((send) =>
    [...send].map(([topic, messages]) => ({ topic: options.nameOf(topic), messages })),
  );
}

/** What one send may carry for a partition of a topic with this `max.message.bytes`; what gzip cannot shrink, it makes a little larger. */
export function sendBytesFor(maxMessageBytes: number): number {
  return Math.min(maxSendBytesPerPartition, Math.floor(maxMessageBytes * 0.99) - 512);
}

/** Bytes of a record on the wire before compression, at most. */
export function sizeOf({ key, value, headers }: NewRecord): number {
  const headerBytes = Object.entries(headers ?? {}).reduce(
    (sum, [name, text]) => sum + Buffer.byteLength(name) + Buffer.byteLength(text) + 10,
    0,
  );
  return recordOverheadBytes + Buffer.byteLength(key) + (value?.byteLength ?? 0) + headerBytes;
}

/** The failure for a record that no send can carry. */
export function tooLarge(record: NewRecord, bytes: number, limit: number): Failure {
  return new Failure(
    "TooLarge",
    `The record ${record.key} of ${record.topic} has ${bytes} bytes; at most ${limit} are possible`,
  );
}

function placeOf(record: NewRecord, options: PlanOptions): number {
  const partitions = options.partitionsOf(record.topic);
  if (partitions === undefined) throw missingTopic(options.nameOf(record.topic));
  return options.partitionFor(record.partitionKey ?? record.key, partitions);
}

function messageOf(record: NewRecord, partition: number, nowMs: number): Message {
  const { key, value, headers } = record;
  return {
    key,
    value: value === null ? null : Buffer.from(value.buffer, value.byteOffset, value.byteLength),
    partition,
    timestamp: String(nowMs),
    ...(headers === undefined ? {} : { headers: { ...headers } }),
  };
}
