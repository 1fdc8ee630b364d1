import { createHash } from "node:crypto";
import type { ObjectStore } from "@thulium-stream/contracts";
import { type FileCache, openLakeQuery } from "@thulium-stream/lake";
import { lakeTables } from "./columns.ts";
import { manifestOf } from "./lake-catalog.ts";
import type { SnapshotManifest } from "./snapshot.ts";
import type { LakeFault } from "./verify-lake.ts";

/** Where a snapshot is looked at; without a cache only at what the store lists. */
interface SnapshotReading {
  readonly store: ObjectStore;
  readonly cache: FileCache | null;
  /** Rows of files by their checksum: snapshots share most of them. */
  readonly counted: Map<string, number>;
}

type StatedFile = SnapshotManifest["files"][number];

/** Times that a folder is looked at anew because it was erased from, or dropped, meanwhile. */
const mostLooks = 5;

/**
 * Compares a snapshot's manifest with its folder: the files that it names are there as stated, and no others, which readers by a pattern would see. Returns how many files it names.
 */
export async function verifySnapshot(
  folder: string,
  reading: SnapshotReading,
): Promise<{ readonly files: number; readonly faults: readonly LakeFault[] }> {
  for (let look = 1; ; look += 1) {
    const manifest = await manifestOf(reading.store, folder);
    if (manifest === null) return { files: 0, faults: [] };
    const faults = await faultsOf(folder, manifest, reading);
    const isWell = faults.length === 0 || look === mostLooks;
    if (isWell || isSame(manifest, await manifestOf(reading.store, folder)))
      return { files: manifest.files.length, faults };
  }
}

function isSame(manifest: SnapshotManifest, other: SnapshotManifest | null): boolean {
  return JSON.stringify(manifest) === JSON.stringify(other);
}

async function faultsOf(
  folder: string,
  { table, files, rows }: SnapshotManifest,
  { store, cache, counted }: SnapshotReading,
): Promise<readonly LakeFault[]> {
  const faults: LakeFault[] = [];
  const held = new Map<string, number>();
  for await (const { key, bytes } of store.list(`${folder}/`)) held.set(key, bytes);
  for (const file of files) {
    const where = `${folder}/${file.name}`;
    const size = held.get(where);
    held.delete(where);
    if (size === undefined) faults.push({ where, what: "is missing" });
    else if (size !== file.bytes)
      faults.push({ where, what: `has ${size} bytes, the manifest says ${file.bytes}` });
    else if (cache !== null && (await checksumOf(store, where)) !== file.sha256)
      faults.push({ where, what: "has another checksum than its manifest says" });
    else if (cache !== null) {
      const found = counted.get(file.sha256) ?? (await rowsOf(where, file, { table, cache }));
      counted.set(file.sha256, found);
      if (found !== file.rows)
        faults.push({ where, what: `has ${found} rows, its manifest says ${file.rows}` });
    }
  }
  for (const where of held.keys())
    if (where.endsWith(".parquet")) faults.push({ where, what: "is in no manifest" });
  const stated = files.reduce((sum, file) => sum + file.rows, 0);
  if (stated !== rows)
    faults.push({
      where: folder,
      what: `its files have ${stated} rows, its manifest says ${rows}`,
    });
  return faults;
}

async function checksumOf(store: ObjectStore, key: string): Promise<string> {
  return createHash("sha256")
    .update((await store.get(key)) ?? "")
    .digest("hex");
}

async function rowsOf(
  key: string,
  { bytes, rows }: StatedFile,
  { table, cache }: { readonly table: string; readonly cache: FileCache },
): Promise<number> {
  const columns = lakeTables.find((each) => each.table === table)?.columns;
  // A newer version may have written it.
  if (columns === undefined) return rows;
  const files = await cache.pathsOf([{ key, bytes }]);
  await using query = await openLakeQuery({ views: [{ name: "f", files, columns }] });
  return Number((await query.run("select count(*) from f")).rows[0]?.[0]);
}
