import { createHash } from "node:crypto";
import {
  appendOf,
  type EventLog,
  Failure,
  type Instant,
  isFailure,
  type ObjectStore,
} from "@thulium-stream/contracts";
import { type LiveFile, Table } from "@thulium-stream/lake";
import { batchesToEnd, retrying } from "@thulium-stream/runtime";
import { mergedTables, type StateTable } from "./columns.ts";
import { manifestOf } from "./lake-catalog.ts";
import { isOutdated, type MergeDeps, mergeTable } from "./merge-table.ts";
import type { SnapshotManifest } from "./snapshot.ts";

/** Where a snapshot is cut and where it goes. */
export interface SnapshotCut {
  readonly system: string;
  readonly at: Instant;
  readonly cutAppend: number;
  readonly folderOf: (table: string) => string;
  /** Folder of the snapshot before this one, by table: its checksums are known. */
  readonly previous: Readonly<Record<string, string>>;
}

/**
 * A snapshot made of the current-state tables: each is merged up to the cut, and its files are copied within the store, so that nothing is uploaded again. Checksums of files that the previous
 * snapshot had are taken from its manifest; others are read once. Returns the manifests, not yet written; null when a file holds rows of other tenants, which must not be copied along.
 */
export async function copySnapshot(
  deps: MergeDeps,
  cut: SnapshotCut,
  signal: AbortSignal,
): Promise<readonly SnapshotManifest[] | null> {
  const states: {
    readonly spec: StateTable;
    readonly table: Table;
    readonly files: readonly LiveFile[];
  }[] = [];
  for (const spec of mergedTables) {
    await mergeTable(deps, spec, { cutAppend: cut.cutAppend, whole: true, signal });
    const { store, clock, newId } = deps;
    const table = await Table.open({ store, table: spec.table, clock, newId });
    if (await isBeyond(deps.log, { spec, table, cutAppend: cut.cutAppend }, signal))
      throw new Failure("Unavailable", `another machine has merged ${spec.table} beyond the cut`, {
        advice: "Nothing to do: another snapshot is made.",
      });
    const files = await table.liveFiles();
    if (!files.every((file) => isOf(file, spec, cut.system))) return null;
    states.push({ spec, table, files });
  }
  const manifests: SnapshotManifest[] = [];
  for (const { spec, table, files } of states)
    manifests.push(await copyTable(deps, cut, { spec, table, files }, signal));
  return manifests;
}

/** Positions before a table's own in which records are looked at: the last of them may be marks of transactions. */
const lookedAt = 100;

/** Whether a table has read records of later appends than the cut. */
async function isBeyond(
  log: EventLog,
  { spec, table, cutAppend }: { spec: StateTable; table: Table; cutAppend: number },
  signal: AbortSignal,
): Promise<boolean> {
  const { topic } = spec;
  const ranges = (await log.ends(topic)).map((range) => ({
    ...range,
    end: Math.min(range.end, table.positions[range.partition] ?? 0),
  }));
  const from = ranges.map(({ partition, earliest, end }) => ({
    topic,
    partition,
    position: Math.max(earliest, end - lookedAt),
  }));
  for await (const { records } of batchesToEnd(log, topic, { ranges, from, signal }))
    if (records.some((record) => appendOf(record) > cutAppend)) return true;
  return false;
}

/** Whether all rows of a file are of one tenant, by its bounds. */
function isOf({ columns: stats }: LiveFile, { columns }: StateTable, system: string): boolean {
  const id = columns.find(({ name }) => name === "system")?.id;
  const bounds = stats.find((each) => each.id === id);
  return bounds?.lower === system && bounds.upper === system;
}

async function copyTable(
  { store, clock, logger }: MergeDeps,
  { system, at, cutAppend, folderOf, previous }: SnapshotCut,
  { spec, table, files }: { spec: StateTable; table: Table; files: readonly LiveFile[] },
  signal: AbortSignal,
): Promise<SnapshotManifest> {
  const known = await checksumsOf(store, previous[spec.table]);
  const folder = folderOf(spec.table);
  const copied: SnapshotManifest["files"][number][] = [];
  const { positions, snapshot } = table;
  for (const { key, partition, rows, bytes } of files) {
    signal.throwIfAborted();
    // Named after its month and its source: a file that did not change keeps its name from snapshot to snapshot.
    const name = `${partition ?? "unknown"}-${key.slice(key.lastIndexOf("/") + 1)}`;
    const options = { what: "copying a snapshot file", clock, logger, signal };
    try {
      await retrying(() => store.copy(key, `${folder}/${name}`), options);
    } catch (error) {
      throw (await isOutdated(table, error)) ? goneMeanwhile(key) : error;
    }
    // Of the copy: its source may have been merged and removed by now.
    const sha256 = known.get(`${name} ${bytes}`) ?? (await checksumOf(store, `${folder}/${name}`));
    copied.push({ name, rows, bytes, sha256 });
  }
  return {
    format: "thulium-stream/snapshot",
    formatVersion: 1,
    table: spec.table,
    system,
    at,
    cutAppend,
    tableState: snapshot === null ? null : String(snapshot["snapshot-id"]),
    rows: copied.reduce((sum, { rows }) => sum + rows, 0),
    bytes: copied.reduce((sum, { bytes }) => sum + bytes, 0),
    files: copied,
    positions,
  };
}

/** Checksums of the previous snapshot's files, by name and size; none when its manifest is gone or damaged: they are then computed anew. */
async function checksumsOf(
  store: ObjectStore,
  folder: string | undefined,
): Promise<ReadonlyMap<string, string>> {
  const manifest = folder === undefined ? null : await readable(manifestOf(store, folder));
  return new Map(
    (manifest?.files ?? []).map(({ name, bytes, sha256 }) => [`${name} ${bytes}`, sha256]),
  );
}

async function readable<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (!isFailure(error, "CorruptRecord")) throw error;
    return null;
  }
}

async function checksumOf(store: ObjectStore, key: string): Promise<string> {
  const bytes = await store.get(key);
  if (bytes === null) throw goneMeanwhile(key);
  return createHash("sha256").update(bytes).digest("hex");
}

/** Another process has merged, or erased from, the file that was to be copied: the snapshot is made anew. */
function goneMeanwhile(key: string): Failure {
  return new Failure("Unavailable", `${key} was replaced while the snapshot was made`, {
    advice: "Nothing to do: another snapshot is made.",
  });
}
