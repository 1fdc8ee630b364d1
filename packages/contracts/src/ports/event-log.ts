import type { TopicSpec } from "../topics.ts";

/**
 * The log of change events and current state. Rules, cited as L1–L15 by adapters and tests:
 *
 * L1  `append(batch)` makes all records of a batch, across topics, visible together or not at all.
 * L2  Records of one key keep append order; the partition is murmur2 of the partition key, as Java's client computes it.
 * L3  A failed append may still have happened. After any doubt the writer is spent: every later append fails,
 *     and the caller re-opens a writer and reads the truth from the log.
 * L4  Opening a writer with the same writer id fences the older one; its appends fail with `Fenced`.
 *     When `openWriter` resolves, nothing of the older writer can become visible any more.
 * L5  Delivery is pull; nothing beyond the stated buffer is read before it is asked for.
 * L6  Per partition positions increase, with gaps (markers, aborted records, compaction). A batch may be
 *     empty: its `nextPosition` then tells how far the partition was read.
 * L7  Aborted records are never delivered; records of one append need not arrive in one batch.
 * L8  A record that cannot be decoded is delivered as it is, never dropped.
 * L9  Commit of position p means everything below p is done. After a revocation commits fail with `Fenced`.
 * L10 Compacted topics keep at least the last record per key, a tombstone at least 7 days.
 * L11 `close` is idempotent and waits for appends in flight; later calls fail with `Closed`.
 * L12 A start position that the log no longer holds, or that lies past its end, fails with `PositionLost`; a reader never jumps.
 * L13 Nothing is delivered of a paused partition; released again, it goes on exactly where it was.
 * L14 Before partitions can pass to another member, `onRevoke` is called and waited for, at most 7 s; commits still work in it.
 *     From its call on nothing is delivered, not even an assignment of before, until the next assignment.
 *     A member that others believe dead, and one of an embedded log that is taken over, learns of it too late for that.
 * L15 After `purge` nothing below the positions of a topic kept by time is delivered to anybody; of a compacted topic, what is superseded
 *     goes without waiting for more to gather: at once where the log can, else within 24 h.
 */
export interface EventLog {
  /**
   * Creates what is missing and compares the rest. Never changes or deletes an existing topic.
   * Returns one line per difference between the table and what exists, none when all is as stated.
   */
  ensureTopics(specs: readonly TopicSpec[]): Promise<readonly string[]>;
  /** Opens the one writer of `writerId` and fences older ones (L4). @throws Failure `Unavailable`, `TimedOut`, `Unauthenticated`, `Forbidden`. */
  openWriter(writerId: string): Promise<LogWriter>;
  /** Opens a reader; see {@link ReaderOptions}. */
  openReader(options: ReaderOptions): Promise<LogReader>;
  /** First held and next position of each partition of a topic. @throws Failure `Rejected` for an unknown topic. */
  ends(topic: string): Promise<readonly PartitionRange[]>;
  /** Of each partition the position of the first record that the log took at `atMs` (milliseconds since 1970) or later; its end when there is none. */
  positionsAt(topic: string, atMs: number): Promise<readonly PartitionPosition[]>;
  /** Lets go of what lies below these positions, for good (L15). @throws Failure `Forbidden` where the broker does not allow it; `Rejected` for an unknown topic. */
  purge(before: readonly PartitionPosition[]): Promise<void>;
  /** Closes writers and readers that it opened (L11). */
  close(): Promise<void>;
}

/** Appends batches; one in flight. */
export interface LogWriter {
  /**
   * Appends atomically (L1). Resolves when the batch is durable and visible.
   * @throws Failure `Fenced` (stop), `TooLarge` (nothing was written; names the record's key and size), else L3.
   */
  append(batch: readonly NewRecord[]): Promise<void>;
  /** L11. */
  close(): Promise<void>;
}

/** How a reader starts and shares. */
export interface ReaderOptions {
  readonly topics: readonly string[];
  /** Members of one group share the partitions. Without it the reader is private and gets all of them. */
  readonly group?: string;
  /**
   * Where to start each newly assigned partition: its first record, the group's committed position (else the first record, or
   * with `committed-or-end` the end, which is then committed), or what a function says.
   */
  readonly startAt: "earliest" | "committed" | "committed-or-end" | StartAt;
  /** Upper bound of undelivered record bytes that the reader may hold. Default 8 MiB. */
  readonly maxBufferedBytes?: number;
  /** Finishes what is in work and commits it, since partitions may be given up now (L14). */
  readonly onRevoke?: () => Promise<void>;
}

/** Positions to start from, asked once per assignment for its new partitions; a partition left out starts at its first record. */
export type StartAt = (
  partitions: readonly TopicPartition[],
) => Promise<readonly PartitionPosition[]>;

/** Pulls deliveries. */
export interface LogReader {
  /**
   * The next delivery; `idle` after `timeoutMs` without one. The first is always an `assignment`, and after
   * each change of ownership another comes before any batch of it. Nothing of a lost partition follows it. It
   * lists all that this member owns now; partitions it owned before go on where they were.
   * @throws Failure `Cancelled` when `signal` fires, `PositionLost` (L12), `Closed`.
   */
  next(options: { readonly timeoutMs: number; readonly signal?: AbortSignal }): Promise<Delivery>;
  /** Pauses these partitions, and releases all others (L13). A partition that is lost is forgotten. */
  pause(partitions: readonly TopicPartition[]): void;
  /** Commits for the group (L9). A private reader has nothing to commit: `Invariant`. */
  commit(positions: readonly PartitionPosition[]): Promise<void>;
  /** Leaves the group (L11). */
  close(): Promise<void>;
}

/** What {@link LogReader.next} returns. */
export type Delivery =
  | { readonly kind: "assignment"; readonly partitions: readonly TopicPartition[] }
  | LogBatch
  | { readonly kind: "idle" };

/** Records of one partition, in order. */
export interface LogBatch extends TopicPartition {
  readonly kind: "batch";
  readonly records: readonly LogRecord[];
  /** Where the next batch of this partition starts; everything below was delivered or is a gap (L6). */
  readonly nextPosition: number;
  /** The partition's end as known when this batch was read; `endPosition - nextPosition` is the lag. */
  readonly endPosition: number;
}

/** A partition of a topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** A place in a partition. */
export interface PartitionPosition extends TopicPartition {
  readonly position: number;
}

/** What a partition holds: positions in [earliest, end). */
export interface PartitionRange extends TopicPartition {
  readonly earliest: number;
  readonly end: number;
}

/** A record to append. */
export interface NewRecord {
  readonly topic: string;
  readonly key: string;
  /** What decides the partition; the key when left out. */
  readonly partitionKey?: string;
  /** null is a tombstone. */
  readonly value: Uint8Array | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A record as read. */
export interface LogRecord extends PartitionPosition {
  /** null only for foreign records. */
  readonly key: string | null;
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
  /** When the log took it, milliseconds since 1970-01-01T00:00Z. */
  readonly appendedAtMs: number;
}
