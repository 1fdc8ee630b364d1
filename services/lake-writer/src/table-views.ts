import type { ObjectStore } from "@thulium-stream/contracts";
import { type IcebergSnapshot, Table } from "@thulium-stream/lake";
import { lakeTables, mergedTables } from "./columns.ts";
import { type CataloguedView, manifestOf, snapshotsOf } from "./lake-catalog.ts";

/**
 * The views of `lake query`: every table, and the newest snapshot folder of the current state as `tickets_snapshot`, `messages_snapshot` and `ticket_metrics_snapshot`; with `asOfMs` as they were then. A table that
 * has no state of that time is empty. Where current-state tables are not merged (no DuckDB at the writer), these tables are the newest snapshot.
 */
export async function tableViews(
  store: ObjectStore,
  asOfMs: number = Number.POSITIVE_INFINITY,
): Promise<readonly CataloguedView[]> {
  const snapshots = await snapshotViews(store, asOfMs);
  const reading = { clock: { now: () => 0, sleep: async () => {} }, newId: () => "" };
  const tables = await Promise.all(
    lakeTables.map(async ({ table: name, columns }) => {
      const table = await Table.open({ store, table: name, ...reading });
      const state = stateAt(table.metadata?.snapshots ?? [], asOfMs);
      const held = snapshots.find((view) => view.name === `${name}_snapshot`);
      if (table.metadata === null && held !== undefined) return { ...held, name };
      const files = state === null ? [] : await table.liveFiles(state);
      return {
        name,
        columns,
        objects: files.map(({ key, bytes }) => ({ key, bytes })),
      };
    }),
  );
  return [...tables, ...snapshots];
}

/** The newest state that is not younger than an instant; null when all are. Pure. */
export function stateAt(
  states: readonly IcebergSnapshot[],
  asOfMs: number,
): IcebergSnapshot | null {
  return states
    .filter((state) => state["timestamp-ms"] <= asOfMs)
    .reduce<IcebergSnapshot | null>(
      (newest, state) =>
        newest === null || state["sequence-number"] > newest["sequence-number"] ? state : newest,
      null,
    );
}

async function snapshotViews(
  store: ObjectStore,
  asOfMs: number,
): Promise<readonly CataloguedView[]> {
  const complete = (await snapshotsOf(store)).filter(
    ({ complete: isComplete, at }) => isComplete && Date.parse(at) <= asOfMs,
  );
  return await Promise.all(
    mergedTables.map(async ({ table: name, columns }) => {
      const newest = complete.filter(({ table }) => table === name).at(-1);
      const manifest = newest === undefined ? null : await manifestOf(store, newest.folder);
      const objects = (manifest?.files ?? []).map(({ name: file, bytes }) => ({
        key: `${newest?.folder}/${file}`,
        bytes,
      }));
      return { name: `${name}_snapshot`, columns, objects };
    }),
  );
}
