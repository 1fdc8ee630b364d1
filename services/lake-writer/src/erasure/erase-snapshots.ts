import { createHash } from "node:crypto";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Column, encodeJson, Failure, type ObjectStore } from "@thulium-stream/contracts";
import type { FileCache } from "@thulium-stream/lake";
import type { ParquetRewriter } from "@thulium-stream/lake/duckdb";
import { lakeTables } from "../columns.ts";
import type { SnapshotManifest } from "../snapshot.ts";
import type { ErasedRowFinder } from "./erased-rows.ts";

/** What erasing from Parquet files works with. */
export interface EraseFilesDeps {
  readonly store: ObjectStore;
  readonly finder: ErasedRowFinder;
  readonly rewriter: ParquetRewriter;
  readonly cache: FileCache;
  readonly tempFolder: string;
  readonly newId: () => string;
}

/** What became of files. */
export interface ErasedFiles {
  rows: number;
  files: number;
}

/** A file of a snapshot's folder. */
interface SnapshotFile {
  readonly key: string;
  readonly bytes: number;
  readonly table: string;
  readonly folder: string;
  /** What the folders of one cut have in common. */
  readonly cut: string;
}

/**
 * Writes the files of snapshot folders anew without the rows of what was erased, each in the place of the old one, so that who reads a folder by a pattern sees no row twice
 * and misses none; then the manifests, so that they state what is there. A kill in between leaves a manifest that does not fit its files: the next run mends it.
 */
export async function eraseSnapshots(
  deps: EraseFilesDeps,
  signal: AbortSignal,
): Promise<ErasedFiles> {
  const erased: ErasedFiles = { rows: 0, files: 0 };
  const files: SnapshotFile[] = [];
  const manifests = new Map<string, string>();
  for await (const { key, bytes } of deps.store.list("snapshots/")) {
    const [, folder, table, cut, name] =
      /^(snapshots\/([^/]+)\/(snapshot_date=[^/]+\/snapshot_at=[^/]+))\/(.+)$/.exec(key) ?? [];
    if (folder === undefined || table === undefined || cut === undefined) continue;
    if (name === "_manifest.json") manifests.set(folder, key);
    else if (key.endsWith(".parquet")) files.push({ key, bytes, table, folder, cut });
  }
  // Messages do not name the customer: the heads of the same cut do.
  const byCut = new Map<string, Map<string, string>>();
  const headsFirst = [...files].sort((a, b) => Number(isHead(b)) - Number(isHead(a)));
  for (const file of headsFirst) {
    signal.throwIfAborted();
    await eraseFile(deps, file, byCut, erased);
  }
  // What was written anew has the key of the old file, and may have its size.
  await deps.cache.clear();
  for (const [folder, key] of manifests) await mendManifest(deps, folder, key);
  return erased;
}

function isHead({ table }: SnapshotFile): boolean {
  return table === "tickets";
}

async function eraseFile(
  deps: EraseFilesDeps,
  file: SnapshotFile,
  byCut: Map<string, Map<string, string>>,
  erased: ErasedFiles,
): Promise<void> {
  const { store, finder, rewriter, cache, tempFolder, newId } = deps;
  const [path = ""] = await cache.pathsOf([file]);
  const also = byCut.get(file.cut) ?? new Map<string, string>();
  byCut.set(file.cut, also);
  const { keys, ticketIds, erasures } = await finder.in(path, also);
  for (const id of ticketIds) also.set(id, [...erasures][0] ?? "");
  if (keys.length === 0) return;
  await mkdir(tempFolder, { recursive: true });
  const draft = join(tempFolder, `${newId()}.parquet`);
  try {
    const { rows, rowsBefore } = await rewriter.rewrite({
      inputs: [{ path, sorted: true }],
      path: draft,
      columns: columnsOf(file.table),
      sort: ["ticket_id"],
      without: keys,
    });
    if (rows === 0) await store.delete([file.key]);
    else await store.put(file.key, { file: draft });
    erased.rows += rowsBefore - rows;
    erased.files += 1;
  } finally {
    await rm(draft, { force: true });
  }
}

function columnsOf(name: string): readonly Column[] {
  const found = lakeTables.find(({ table }) => table === name);
  if (found !== undefined) return found.columns;
  throw new Failure("Invariant", `there are snapshots of an unknown table ${name}`, {
    advice: "A newer version may have written them: erase with that one.",
  });
}

/** States what is there, when a file is not as stated. */
async function mendManifest(
  { store, finder, cache }: EraseFilesDeps,
  folder: string,
  key: string,
): Promise<void> {
  const body = await store.get(key);
  if (body === null) return;
  const manifest = JSON.parse(Buffer.from(body).toString("utf8")) as SnapshotManifest;
  const bytesOf = new Map<string, number>();
  for await (const entry of store.list(`${folder}/`)) bytesOf.set(entry.key, entry.bytes);
  const files: SnapshotManifest["files"][number][] = [];
  for (const file of manifest.files) {
    const bytes = bytesOf.get(`${folder}/${file.name}`);
    if (bytes === undefined) continue;
    const [path = ""] = await cache.pathsOf([{ key: `${folder}/${file.name}`, bytes }]);
    const sha256 = createHash("sha256")
      .update(await readFile(path))
      .digest("hex");
    const isAsStated = bytes === file.bytes && sha256 === file.sha256;
    files.push(isAsStated ? file : { ...file, bytes, sha256, rows: await finder.rowsIn(path) });
  }
  if (JSON.stringify(files) === JSON.stringify(manifest.files)) return;
  const sum = (of: "rows" | "bytes") => files.reduce((total, file) => total + file[of], 0);
  await store.put(key, encodeJson({ ...manifest, files, rows: sum("rows"), bytes: sum("bytes") }));
}
