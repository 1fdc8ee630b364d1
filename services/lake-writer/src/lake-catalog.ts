import { type Column, Failure, instantOf, type ObjectStore } from "@thulium-stream/contracts";
import { Table } from "@thulium-stream/lake";
import { eventTables, lakeTables, mergedTables } from "./columns.ts";
import type { SnapshotManifest } from "./snapshot.ts";

/** A table as `lake ls` shows it. */
export interface DescribedTable {
  readonly name: string;
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
  /** Next position of the log per partition that the table covers. */
  readonly positions: Readonly<Record<string, number>>;
  readonly committedAt: string | null;
  /** Up to where every row is current: some files of a current-state table may be ahead of it. */
  readonly wholePositions: Readonly<Record<string, number>>;
  /** When the log was last read to its end and every row brought to it; null for a table that is current everywhere with each commit. */
  readonly wholeAt: string | null;
  /** States that can still be read, the newest included. */
  readonly states: number;
  /** Files by size: up to 1 MB, 16 MB, 64 MB, 256 MB, and above; null when it was not asked for, since manifests are read for it. */
  readonly fileSizes: readonly number[] | null;
}

/** Upper bounds of {@link DescribedTable.fileSizes}, in bytes; the last group has none. */
export const fileSizeBounds: readonly number[] = [1, 16, 64, 256].map((mb) => mb * 1024 ** 2);

/** One table of a snapshot as `lake ls` shows it. */
export interface DescribedSnapshot {
  readonly table: string;
  readonly folder: string;
  readonly at: string;
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
  /** false while its manifest is missing: being written, or given up by a killed writer. */
  readonly complete: boolean;
}

/** A view for queries: the objects that make it up. */
export interface CataloguedView {
  readonly name: string;
  readonly objects: readonly { readonly key: string; readonly bytes: number }[];
  readonly columns: readonly Column[];
}

const reading = { clock: { now: () => 0, sleep: async () => {} }, newId: () => "" };

/** What the lake holds: tables and snapshots. Reads only. @throws Failure of the store; `InvalidSettings` for something foreign at the place. */
export async function describeLake(
  store: ObjectStore,
  { fileSizes = false }: { readonly fileSizes?: boolean } = {},
): Promise<{
  readonly tables: readonly DescribedTable[];
  readonly snapshots: readonly DescribedSnapshot[];
}> {
  const tables = await Promise.all(
    lakeTables.map(async ({ table: name }) => {
      const table = await Table.open({ store, table: name, ...reading });
      const { snapshot, positions, wholeness } = table;
      const total = (of: string) => Number(snapshot?.summary[`total-${of}`] ?? 0);
      return {
        name,
        files: total("data-files"),
        rows: total("records"),
        bytes: total("files-size"),
        positions,
        committedAt: snapshot === null ? null : instantOf(snapshot["timestamp-ms"]),
        wholePositions: wholeness.positions,
        wholeAt: wholeness.atMs === null ? null : instantOf(wholeness.atMs),
        states: table.metadata?.snapshots.length ?? 0,
        fileSizes: fileSizes
          ? groupedBySize((await table.liveFiles()).map(({ bytes }) => bytes))
          : null,
      };
    }),
  );
  return { tables, snapshots: await snapshotsOf(store) };
}

/** How many sizes fall under each bound of {@link fileSizeBounds}, and how many above the last. Pure. */
function groupedBySize(sizes: readonly number[]): readonly number[] {
  const groups = [...fileSizeBounds.map(() => 0), 0];
  for (const size of sizes) {
    const at = fileSizeBounds.findIndex((bound) => size <= bound);
    const group = at < 0 ? fileSizeBounds.length : at;
    groups[group] = (groups[group] ?? 0) + 1;
  }
  return groups;
}

/** The newest snapshot's views: current tickets, messages and figures of the newest complete snapshot, and the event tables. */
export async function lakeViews(store: ObjectStore): Promise<readonly CataloguedView[]> {
  const snapshots = (await snapshotsOf(store)).filter(({ complete }) => complete);
  const states = await Promise.all(
    mergedTables.map(async ({ table: name, columns }) => {
      const newest = snapshots.filter(({ table }) => table === name).at(-1);
      const manifest = newest === undefined ? null : await manifestOf(store, newest.folder);
      const objects = (manifest?.files ?? []).map(({ name: file, bytes }) => ({
        key: `${newest?.folder}/${file}`,
        bytes,
      }));
      return { name, columns, objects };
    }),
  );
  const events = await Promise.all(
    eventTables.map(async ({ table: name, columns }) => {
      const table = await Table.open({ store, table: name, ...reading });
      return {
        name,
        columns,
        objects: (await table.liveFiles()).map(({ key, bytes }) => ({ key, bytes })),
      };
    }),
  );
  return [...states, ...events];
}

/** Snapshot folders, the complete ones and the others, in byte order of their names. @throws Failure `CorruptRecord` naming a manifest that cannot be read. */
export async function snapshotsOf(store: ObjectStore): Promise<readonly DescribedSnapshot[]> {
  const folders = await snapshotFolders(store);
  return await Promise.all(
    folders.map(async ({ folder, complete, ...counts }) => {
      const manifest = complete ? await manifestOf(store, folder) : null;
      const [, table = "", , at = ""] = folder.split("/");
      return {
        table,
        folder,
        at: manifest?.at ?? at.replace("snapshot_at=", ""),
        rows: manifest?.rows ?? 0,
        complete,
        ...counts,
      };
    }),
  );
}

/** The same by what the store lists alone: no manifest is read. */
export async function snapshotFolders(
  store: ObjectStore,
): Promise<readonly Pick<DescribedSnapshot, "folder" | "files" | "bytes" | "complete">[]> {
  const folders = new Map<string, { files: number; bytes: number; complete: boolean }>();
  for await (const { key, bytes } of store.list("snapshots/")) {
    const match = /^(snapshots\/[^/]+\/snapshot_date=[^/]+\/snapshot_at=[^/]+)\/(.+)$/.exec(key);
    if (match === null) continue;
    const folder = folders.get(match[1] ?? "") ?? { files: 0, bytes: 0, complete: false };
    folders.set(
      match[1] ?? "",
      match[2] === "_manifest.json"
        ? { ...folder, complete: true }
        : { ...folder, files: folder.files + 1, bytes: folder.bytes + bytes },
    );
  }
  return [...folders]
    .map(([folder, counts]) => ({ folder, ...counts }))
    .sort((a, b) => (a.folder < b.folder ? -1 : 1));
}

/** The manifest of a snapshot folder; null while there is none. @throws Failure `CorruptRecord` when it cannot be read. */
export async function manifestOf(
  store: ObjectStore,
  folder: string,
): Promise<SnapshotManifest | null> {
  const key = `${folder}/_manifest.json`;
  const bytes = await store.get(key);
  if (bytes === null) return null;
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as SnapshotManifest;
  } catch (cause) {
    throw new Failure("CorruptRecord", `${key} is damaged: it cannot be read as JSON`, {
      cause,
      advice: "Restore it from a backup, or remove its folder and make another by `lake snapshot`.",
    });
  }
}
