import type { Clock, ObjectEntry, ObjectStore } from "@thulium-stream/contracts";
import type { Table } from "../table/table.ts";
import { reachableFiles } from "./reachable-files.ts";

const hourMs = 3_600_000;

/** Objects that no snapshot names are left alone for so long (3 days). */
export const orphanAgeMs = 72 * hourMs;

/** No object is taken for an orphan earlier than this (3 h), whatever is asked for: a writer commits files up to an hour old, and clocks differ. */
export const leastOrphanAgeMs = 3 * hourMs;

/** Metadata files behind the newest one that are always kept: readers may have been told of them. */
const keptVersions = 100;

/** What was removed. */
export interface RemovedOrphans {
  readonly objects: number;
  readonly bytes: number;
}

/**
 * Removes objects of a table that no snapshot names and that are old enough: files of crashed or overtaken writers, and what expired snapshots left. Age is counted
 * by the store's own dates, back from the newest object of the table, so that this machine's clock cannot make a young file look old. A version is committed first: a
 * writer that fell asleep before its commit, for however long, finds its place taken when it wakes up, and sees that its files are too old.
 */
export async function removeOrphans(
  table: Table,
  options: {
    readonly store: ObjectStore;
    readonly clock: Pick<Clock, "now">;
    /** Default {@link orphanAgeMs}, at least {@link leastOrphanAgeMs}. */
    readonly ageMs?: number;
  },
): Promise<RemovedOrphans> {
  const { store, clock } = options;
  const ageMs = Math.max(options.ageMs ?? orphanAgeMs, leastOrphanAgeMs);
  await table.refresh();
  if (table.metadata === null) return { objects: 0, bytes: 0 };
  await table.update((metadata) => metadata);
  const entries: ObjectEntry[] = [];
  for await (const entry of store.list(`${table.files.folder}/`)) entries.push(entry);
  // After the listing: whatever was committed by now is known. What is committed from now on is younger.
  await table.refresh();
  const needed = await reachableFiles(table.files, table.metadata?.snapshots ?? []);
  const orphans = orphansAmong(entries, {
    needed,
    version: table.version,
    before: Math.min(clock.now(), newestOf(entries)) - ageMs,
  });
  await store.delete(orphans.map(({ key }) => key));
  return { objects: orphans.length, bytes: orphans.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** Which objects go: only kinds that this project writes. Pure. */
export function orphansAmong(
  entries: readonly ObjectEntry[],
  table: {
    readonly needed: ReadonlySet<string>;
    /** Number of the newest metadata file. */
    readonly version: number;
    /** Objects modified from this instant on stay, epoch milliseconds. */
    readonly before: number;
  },
): readonly ObjectEntry[] {
  return entries.filter(({ key, modifiedAtMs }) => {
    if (modifiedAtMs >= table.before || table.needed.has(key)) return false;
    const [, version] = /\/metadata\/v(\d+)\.metadata\.json$/.exec(key) ?? [];
    if (version !== undefined) return Number(version) < table.version - keptVersions;
    return /\/data\/.*\.parquet$|\/metadata\/[^/]+\.avro$/.test(key);
  });
}

function newestOf(entries: readonly ObjectEntry[]): number {
  return entries.reduce((newest, { modifiedAtMs }) => Math.max(newest, modifiedAtMs), 0);
}
