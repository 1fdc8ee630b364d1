import { Failure, type Instant } from "@thulium-stream/contracts";

/** A data file of a table. */
export interface DataFile {
  /** Key in the object store. */
  readonly key: string;
  /** Value of the partition column `event_date`, `YYYY-MM-DD`. */
  readonly eventDate: string;
  readonly rows: number;
  readonly bytes: number;
}

/** Next position per partition of the one topic that a table reads. */
export type Positions = Readonly<Record<string, number>>;

/**
 * One commit: files and the log positions that they cover become visible in the same conditional PUT, so neither is ever without the other.
 * Every commit carries the whole position map; every {@link fullEvery}th the whole list of files, too.
 */
export interface TableCommit {
  readonly format: "thulium-stream/table";
  readonly formatVersion: 1;
  readonly table: string;
  /** Topic whose positions these are. */
  readonly topic: string;
  /** 1 for the first; each next one more. */
  readonly version: number;
  /** Made by the writer; tells its own commit from another's after a PUT of unknown outcome. */
  readonly commitId: string;
  readonly committedAt: Instant;
  readonly positions: Positions;
  readonly added: readonly DataFile[];
  /** Version of the newest commit at or before this one that lists all files. */
  readonly fullVersion: number;
  /** All files of the table, this commit's included; only in commits whose version is `fullVersion`. */
  readonly files?: readonly DataFile[];
  /** Files and rows of the whole table. */
  readonly totals: { readonly files: number; readonly rows: number; readonly bytes: number };
}

/** How often a commit lists all files: a reader needs at most so many small objects. */
export const fullEvery = 50;

/** Key of a commit, in byte order of versions. */
export function commitKey(table: string, version: number): string {
  return `tables/${table}/commits/v${String(version).padStart(12, "0")}.json`;
}

/** Key of the hint: a version to start looking from. The truth is the highest version. */
export function hintKey(table: string): string {
  return `tables/${table}/commits/_latest.json`;
}

/** Bytes of a commit. */
export function encodeCommit(commit: TableCommit): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(commit));
}

/** A commit from its bytes. @throws Failure `CorruptRecord` naming the key; `InvalidSettings` for a foreign or newer table. */
export function decodeCommit(key: string, bytes: Uint8Array): TableCommit {
  let parsed: Partial<TableCommit>;
  try {
    parsed = JSON.parse(
      new TextDecoder("utf-8", { fatal: true }).decode(bytes),
    ) as Partial<TableCommit>;
  } catch (cause) {
    throw new Failure("CorruptRecord", `${key} is not a commit: it cannot be read as JSON`, {
      cause,
      advice: "Restore it from the bucket's versions.",
    });
  }
  if (parsed.format !== "thulium-stream/table")
    throw new Failure(
      "InvalidSettings",
      `LAKE_URL holds something else at ${key}. Choose another prefix.`,
    );
  if (parsed.formatVersion !== 1)
    throw new Failure(
      "InvalidSettings",
      `LAKE_URL was written by a newer version (table format ${parsed.formatVersion}, this one reads 1). Use that version.`,
    );
  return parsed as TableCommit;
}

/** The commit after `before` (null for the first) that adds files and moves positions. Pure. */
export function nextCommit(
  before: TableCommit | null,
  beforeFiles: readonly DataFile[],
  change: {
    readonly table: string;
    readonly topic: string;
    readonly commitId: string;
    readonly committedAt: Instant;
    readonly added: readonly DataFile[];
    readonly to: Positions;
  },
): TableCommit {
  const { to, ...rest } = change;
  const version = (before?.version ?? 0) + 1;
  const isFull = version === 1 || version - (before?.fullVersion ?? 0) >= fullEvery;
  const totals = before?.totals ?? { files: 0, rows: 0, bytes: 0 };
  return {
    format: "thulium-stream/table",
    formatVersion: 1,
    ...rest,
    version,
    positions: { ...before?.positions, ...to },
    fullVersion: isFull ? version : (before?.fullVersion ?? version),
    ...(isFull ? { files: [...beforeFiles, ...change.added] } : {}),
    totals: {
      files: totals.files + change.added.length,
      rows: totals.rows + change.added.reduce((sum, { rows }) => sum + rows, 0),
      bytes: totals.bytes + change.added.reduce((sum, { bytes }) => sum + bytes, 0),
    },
  };
}
