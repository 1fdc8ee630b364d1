import { accessSync, constants, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Failure, type PartitionRange, type TopicSpec } from "@thulium-stream/contracts";
import { type Database, open, type RootDatabase } from "lmdb";

/** Raised when the layout below changes in a way that older code cannot read. */
const formatVersion = 2;

/** What is kept of a topic: its row of the table. */
export type StoredTopic = Omit<TopicSpec, "topic">;

/** First held and next position of a partition, and how far compaction has come. */
export interface StoredRange {
  readonly earliest: number;
  readonly end: number;
  readonly compacted: number;
}

/**
 * The LMDB environment of an embedded log and its layout:
 *
 * - `meta`: `format`; `version`, a counter that every append raises; `topic/<name>`; `writer/<id>`, the epoch of its newest holder
 * - `ranges`: [topic, partition] → {@link StoredRange}
 * - `chunks`: [topic, partition, base position] → packed records
 * - `latest`: [topic, partition, key] → position of the newest record of a key, for compacted topics
 * - `groups`: [group] → the active member, or null when it left; [group, topic, partition] → committed position
 *
 * A commit is synced to disk before it resolves (no `noSync`, no overlapping sync), so that it survives the process's and the machine's end.
 */
export interface LogStore {
  readonly root: RootDatabase<unknown, string>;
  readonly meta: Database<unknown, string>;
  readonly ranges: Database<StoredRange, [string, number]>;
  readonly chunks: Database<Buffer, [string, number, number]>;
  readonly latest: Database<number, [string, number, string]>;
  readonly groups: Database<unknown, (string | number)[]>;
}

/** Opens or creates the store. @throws Failure `InvalidSettings` naming EVENT_LOG_URL when the folder cannot be used or is of a newer version. */
export function openLogStore(folder: string): LogStore {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    const root = open<unknown, string>({
      path: join(folder, "log.mdb"),
      noSubdir: true,
      maxDbs: 8,
      overlappingSync: false,
      cache: false,
      encoding: "msgpack",
    });
    const store: LogStore = {
      root,
      meta: root.openDB({ name: "meta", encoding: "json" }),
      ranges: root.openDB({ name: "ranges", encoding: "json" }),
      // LZ4 in the store costs a fifth of deflating here, for half as much again on disk.
      chunks: root.openDB({ name: "chunks", encoding: "binary", compression: true }),
      latest: root.openDB({ name: "latest", encoding: "json" }),
      groups: root.openDB({ name: "groups", encoding: "json" }),
    };
    requireFormat(store, folder);
    return store;
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Failure(
      "InvalidSettings",
      `EVENT_LOG_URL=embedded:${folder} cannot be used: ${reason}. Choose a writable folder.`,
      { cause },
    );
  }
}

function requireFormat({ meta }: LogStore, folder: string): void {
  const found = meta.get("format");
  if (found === undefined) meta.putSync("format", formatVersion);
  else if (found !== formatVersion)
    throw new Failure(
      "InvalidSettings",
      `EVENT_LOG_URL=embedded:${folder} was written by another version (format ${found}, this one reads ${formatVersion}). Use that version or another folder.`,
    );
}

/** A topic's row. @throws Failure `Rejected` for an unknown topic. */
export function storedTopic({ meta }: LogStore, topic: string): StoredTopic {
  const found = meta.get(`topic/${topic}`) as StoredTopic | undefined;
  if (found === undefined) throw new Failure("Rejected", `the log has no topic ${topic}`);
  return found;
}

/** All partitions of a topic with what they hold. */
export function storedRanges(store: LogStore, topic: string): readonly PartitionRange[] {
  return Array.from({ length: storedTopic(store, topic).partitions }, (_, partition) => {
    const { earliest, end } = rangeOf(store, topic, partition);
    return { topic, partition, earliest, end };
  });
}

/** A partition's range; an untouched one is empty. */
export function rangeOf({ ranges }: LogStore, topic: string, partition: number): StoredRange {
  return ranges.get([topic, partition]) ?? { earliest: 0, end: 0, compacted: 0 };
}
