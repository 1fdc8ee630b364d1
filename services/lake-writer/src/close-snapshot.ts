import { encodeJson, type ObjectStore } from "@thulium-stream/contracts";
import type { SnapshotManifest } from "./snapshot.ts";

/**
 * Writes the manifests, last of all. A file that is not there any more as it was made was erased from, or its folder taken for given up, while this process slept: then the folders stay without
 * manifests, and another snapshot is to be made. Returns whether they were written. @throws Failure of the store.
 */
export async function closeSnapshot(
  store: ObjectStore,
  manifests: readonly SnapshotManifest[],
  folderOf: (table: string) => string,
): Promise<boolean> {
  const keyOf = ({ table }: SnapshotManifest) => `${folderOf(table)}/_manifest.json`;
  if (!(await areAsStated(store, manifests, folderOf))) return false;
  for (const manifest of manifests)
    if ((await store.putIfAbsent(keyOf(manifest), encodeJson(manifest))) === "exists") return false;
  if (await areAsStated(store, manifests, folderOf)) return true;
  await store.delete(manifests.map(keyOf));
  return false;
}

/** Whether all files are there as stated. */
async function areAsStated(
  store: ObjectStore,
  manifests: readonly SnapshotManifest[],
  folderOf: (table: string) => string,
): Promise<boolean> {
  for (const { table, files } of manifests) {
    const held = new Map<string, number>();
    for await (const { key, bytes } of store.list(`${folderOf(table)}/`)) held.set(key, bytes);
    if (files.some(({ name, bytes }) => held.get(`${folderOf(table)}/${name}`) !== bytes))
      return false;
  }
  return true;
}
