import { join } from "node:path";
import type { Clock, Logger, ObjectStore } from "@thulium-stream/contracts";
import {
  compactTable,
  expireSnapshots,
  type FileCache,
  historyOf,
  removeOrphans,
  Table,
} from "@thulium-stream/lake";
import { ParquetRewriter } from "@thulium-stream/lake/duckdb";
import { eventTables, lakeTables } from "./columns.ts";
import { snapshotsOf } from "./lake-catalog.ts";
import { snapshotsToDrop } from "./snapshot-retention.ts";

/** What looking after a lake works with. */
export interface MaintenanceDeps {
  readonly store: ObjectStore;
  /** Local copies of tables' files. */
  readonly cache: FileCache;
  readonly tempFolder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newId: () => string;
}

/** What a compaction did to one table. */
export interface CompactedTable {
  readonly table: string;
  readonly filesBefore: number;
  readonly filesAfter: number;
  readonly bytes: number;
}

/** What an expiry did to one table. */
export interface ExpiredTable {
  readonly table: string;
  /** Old states of the table that can no longer be read. */
  readonly snapshots: number;
  /** Objects removed: what only these named, and files that no state names. */
  readonly objects: number;
}

/** What an expiry did. */
export interface ExpiredLake {
  readonly tables: readonly ExpiredTable[];
  /** Snapshot folders removed. */
  readonly folders: readonly string[];
}

/** A day gets no more events so long after its end: the last ones have been flushed by then (2 h). */
const settledMs = 2 * 3_600_000;

/**
 * Lays small files of the append tables together, sorted. Safe beside writers and beside itself: what another commit came before is left to the next run.
 * @throws Failure of the store; `Unavailable` (full disk); `InvalidSettings` without DuckDB's native binary.
 */
export async function compactLake(
  deps: MaintenanceDeps,
  signal: AbortSignal,
): Promise<readonly CompactedTable[]> {
  const { clock, tempFolder, newId } = deps;
  const today = new Date(clock.now() - settledMs).toISOString().slice(0, 10);
  const isAtRest = (day: string | null) => day === null || day < today;
  await using rewriter = await ParquetRewriter.open({
    tempFolder: join(tempFolder, "maintenance"),
    newId,
  });
  const done: CompactedTable[] = [];
  for (const { table: name } of eventTables) {
    const table = await openTable(deps, name);
    const compacted = await compactTable(table, { ...deps, rewriter }, { isAtRest, signal });
    const { conflicts, ...counts } = compacted;
    if (conflicts > 0)
      deps.logger.info(
        { table: name, conflicts },
        "another commit came first; left to the next compaction",
      );
    done.push({ table: name, ...counts });
  }
  return done;
}

/**
 * Forgets old states of the tables (the newest 100 stay, and one a day as far back as each table says), removes what no state names after 3 days, and drops snapshot folders older than `retainSnapshotsMs`
 * (null = none), never the newest complete one.
 */
export async function expireLake(
  deps: MaintenanceDeps,
  { retainSnapshotsMs }: { readonly retainSnapshotsMs: number | null },
  signal: AbortSignal,
): Promise<ExpiredLake> {
  const { store, clock } = deps;
  const tables: ExpiredTable[] = [];
  for (const { table: name } of lakeTables) {
    signal.throwIfAborted();
    const table = await openTable(deps, name);
    if (table.metadata === null) continue;
    const history = historyOf(table.metadata);
    const expired = await expireSnapshots(table, { store, clock, history });
    const orphans = await removeOrphans(table, { store, clock });
    const objects = expired.objects + orphans.objects;
    tables.push({ table: name, snapshots: expired.snapshots, objects });
  }
  const folders = snapshotsToDrop(await snapshotsOf(store), {
    retainMs: retainSnapshotsMs,
    nowMs: clock.now(),
  }).map(({ folder }) => folder);
  for (const folder of folders) await dropSnapshot(store, folder);
  return { tables, folders };
}

/** The manifest goes first: a folder that is half gone is not taken for a complete one. */
async function dropSnapshot(store: ObjectStore, folder: string): Promise<void> {
  await store.delete([`${folder}/_manifest.json`]);
  const keys: string[] = [];
  for await (const { key } of store.list(`${folder}/`)) keys.push(key);
  await store.delete(keys);
}

function openTable({ store, clock, newId }: MaintenanceDeps, table: string): Promise<Table> {
  return Table.open({ store, table, clock, newId });
}
