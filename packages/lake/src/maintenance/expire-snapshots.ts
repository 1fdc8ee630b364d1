import type { Clock, ObjectStore } from "@thulium-stream/contracts";
import { type HistoryLimits, keptSnapshots, withSnapshots } from "../table/snapshot-history.ts";
import type { Table } from "../table/table.ts";
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
 * `dropTags`. The metadata is committed first: a crash in between leaves orphans. Readers of a snapshot that expires lose its files.
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
    const refs = dropTags
      ? Object.fromEntries(Object.entries(metadata.refs).filter(([, { type }]) => type !== "tag"))
      : metadata.refs;
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
  await store.delete(objects);
  return { snapshots: gone.length, objects: objects.length };
}
