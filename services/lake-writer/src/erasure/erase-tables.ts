import type { Clock } from "@thulium-stream/contracts";
import {
  expireSnapshots,
  leastOrphanAgeMs,
  noHistory,
  removeFormerFiles,
  removeOrphans,
  removeRows,
  Table,
} from "@thulium-stream/lake";
import type { RowKey } from "@thulium-stream/lake/duckdb";
import { lakeTables } from "../columns.ts";
import type { EraseFilesDeps } from "./erase-snapshots.ts";

/** What became of the tables. */
export interface ErasedTables {
  readonly rows: number;
  /** Whether no object of a table holds anything of it any more. */
  readonly isClean: boolean;
  /** Next position per partition, by the topic that each table is made of. */
  readonly positions: ReadonlyMap<string, Readonly<Record<string, number>>>;
}

/**
 * Writes every live file of every table that holds something of what was erased anew without it, lets the history of such a table go, and removes what no snapshot
 * names. Only files that a writer may still be about to commit stay: the table is not clean then, and is looked through again. Everything is seen in the objects
 * themselves, so each step may be repeated.
 */
export async function eraseTables(
  deps: EraseFilesDeps & { readonly clock: Clock },
  signal: AbortSignal,
): Promise<ErasedTables> {
  const { store, clock } = deps;
  const positions = new Map<string, Readonly<Record<string, number>>>();
  let [rows, isClean] = [0, true];
  for (const { table: name, topic } of lakeTables) {
    const table = await Table.open({ ...deps, table: name });
    if (table.metadata === null) continue;
    // What an earlier try had no time to remove after it was let go.
    await removeFormerFiles(table, store);
    if ((await keysIn(table, deps, signal)).length > 0) {
      const live = new Set((await table.liveFiles()).map(({ key }) => key));
      const keys = await keysIn(table, deps, signal, (key) => live.has(key));
      if (keys.length > 0) rows += (await removeRows(table, deps, keys)).rows;
      await expireSnapshots(table, { store, clock, history: noHistory, dropTags: true });
      await removeOrphans(table, { store, clock, ageMs: leastOrphanAgeMs });
      isClean = (await keysIn(table, deps, signal)).length === 0 && isClean;
    }
    await table.refresh();
    positions.set(topic, table.positions);
  }
  return { rows, isClean, positions };
}

/** Keys of rows in a table's data files, or in those that are `wanted`, whether or not a snapshot names them. */
async function keysIn(
  table: Table,
  { store, cache, finder }: EraseFilesDeps,
  signal: AbortSignal,
  wanted: (key: string) => boolean = () => true,
): Promise<readonly RowKey[]> {
  const found = new Map<string, RowKey>();
  for await (const entry of store.list(`${table.files.folder}/data/`)) {
    signal.throwIfAborted();
    if (!entry.key.endsWith(".parquet") || !wanted(entry.key)) continue;
    const [path = ""] = await cache.pathsOf([entry]);
    for (const key of (await finder.in(path)).keys) found.set(JSON.stringify(key), key);
  }
  return [...found.values()];
}
