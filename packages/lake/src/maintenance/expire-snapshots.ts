import { type Clock, isFailure, type ObjectStore } from "@thulium-stream/contracts";
import {
  type HistoryLimits,
  keptSnapshots,
  livingRefs,
  withSnapshots,
} from "../table/snapshot-history.ts";
import type { Table } from "../table/table.ts";
import type { TableFiles } from "../table/table-files.ts";
import type { IcebergSnapshot } from "../table/table-metadata.ts";
import { reachableFiles } from "./reachable-files.ts";

/** What an expiry did. */
export interface ExpiredSnapshots {
  readonly snapshots: number;
  /** Objects that only they named, removed. */
  readonly objects: number;
}

/** Keeps the newest state alone: what an erasure asks for. */
export const noHistory: HistoryLimits = { newest: 1, days: 0 };

/**
 * Takes old snapshots out of a table, and removes at once what only these named: data files, manifests, manifest lists. Tags keep theirs, unless they are in
 * `dropTags`. The metadata is committed first: a crash in between leaves orphans, which {@link removeFormerFiles} knows. Readers of a snapshot that expires lose its files.
 */
export async function expireSnapshots(
  table: Table,
  options: {
    readonly store: ObjectStore;
    readonly clock: Pick<Clock, "now">;
    readonly history: HistoryLimits;
    /** Whether tags go, too. Default false. */
    readonly dropTags?: boolean;
  },
): Promise<ExpiredSnapshots> {
  const { store, clock, history, dropTags = false } = options;
  let gone: readonly IcebergSnapshot[] = [];
  await table.refresh();
  await table.update((metadata) => {
    const living = Object.entries(livingRefs(metadata, clock.now()));
    const refs = Object.fromEntries(living.filter(([, { type }]) => !dropTags || type !== "tag"));
    const kept = new Set(keptSnapshots(metadata.snapshots, refs, history, clock.now()));
    gone = metadata.snapshots.filter((snapshot) => !kept.has(snapshot));
    return gone.length === 0 ? null : withSnapshots({ ...metadata, refs }, [...kept]);
  });
  if (gone.length === 0) return { snapshots: 0, objects: 0 };
  const named = await reachableFiles(table.files, gone);
  // Newer commits may have come meanwhile: what they name is kept.
  await table.refresh();
  const needed = await reachableFiles(table.files, table.metadata?.snapshots ?? []);
  const objects = [...named].filter((key) => !needed.has(key));
  await removeInOrder(store, gone.map(listOf(table.files)), objects);
  return { snapshots: gone.length, objects: objects.length };
}

/**
 * Removes what former versions of a table named and its present one does not: what an expiry that was cut short has left. Unlike other orphans these need not be old:
 * what was committed once is no file that a writer is about to commit. Returns how many objects went.
 */
export async function removeFormerFiles(table: Table, store: ObjectStore): Promise<number> {
  await table.refresh();
  const { files, metadata, version } = table;
  const present = new Set(metadata?.snapshots.map((snapshot) => snapshot["snapshot-id"]));
  const former = new Map<bigint | number | string, IcebergSnapshot>();
  for (let at = version - 1; at > 0; at -= 1) {
    const older = await files.read(at);
    if (older === null) break;
    for (const snapshot of older.metadata.snapshots)
      if (!present.has(snapshot["snapshot-id"])) former.set(snapshot["snapshot-id"], snapshot);
  }
  const needed = await reachableFiles(files, metadata?.snapshots ?? []);
  const objects = new Set<string>();
  for (const snapshot of former.values())
    for (const key of await leftOf(files, snapshot)) if (!needed.has(key)) objects.add(key);
  await removeInOrder(store, [...former.values()].map(listOf(files)), [...objects]);
  return objects.size;
}

/** What a former snapshot named, as far as its manifests still tell. */
async function leftOf(files: TableFiles, snapshot: IcebergSnapshot): Promise<readonly string[]> {
  const manifests = await files.manifests(snapshot).catch(missing);
  if (manifests.length === 0) return [];
  const keys = [listOf(files)(snapshot)];
  for (const manifest of manifests) {
    keys.push(files.keyOf(manifest.manifest_path));
    for (const entry of (await files.liveEntries([manifest]).catch(missing)).flat())
      keys.push(files.keyOf(entry.data_file.file_path));
  }
  return keys;
}

function listOf(files: TableFiles): (snapshot: IcebergSnapshot) => string {
  return (snapshot) => files.keyOf(snapshot["manifest-list"]);
}

/** Data, then manifests, then their lists: what tells of a file outlives it, so that a removal that was cut short can be done again. */
async function removeInOrder(
  store: ObjectStore,
  lists: readonly string[],
  keys: readonly string[],
): Promise<void> {
  const last = new Set(lists);
  const rankOf = (key: string) => (key.endsWith(".parquet") ? 0 : last.has(key) ? 2 : 1);
  for (const rank of [0, 1, 2]) {
    const these = keys.filter((key) => rankOf(key) === rank);
    if (these.length > 0) await store.delete(these);
  }
}

function missing(error: unknown): readonly never[] {
  if (isFailure(error, "CorruptRecord")) return [];
  throw error;
}
