import { encodeJson, Failure, type ObjectStore } from "@thulium-stream/contracts";
import type { SnapshotManifest } from "./snapshot.ts";

/**
 * Writes the manifests, last of all. A file that is not there any more as it was made was erased from, or its folder taken for given up, while this process slept: then the folders stay without
 * manifests. @throws Failure `Unavailable` in that case, and what the store throws.
 */
export async function closeSnapshot(
  store: ObjectStore,
  manifests: readonly SnapshotManifest[],
  folderOf: (table: string) => string,
): Promise<void> {
  const keyOf = ({ table }: SnapshotManifest) => `${folderOf(table)}/_manifest.json`;
  const before = await changedFile(store, manifests, folderOf);
  if (before !== null) throw changedMeanwhile(before);
  for (const manifest of manifests)
    if ((await store.putIfAbsent(keyOf(manifest), encodeJson(manifest))) === "exists")
      throw changedMeanwhile(keyOf(manifest));
  const after = await changedFile(store, manifests, folderOf);
  if (after === null) return;
  await store.delete(manifests.map(keyOf));
  throw changedMeanwhile(after);
}

/** The first file that is not as stated; null for none. */
async function changedFile(
  store: ObjectStore,
  manifests: readonly SnapshotManifest[],
  folderOf: (table: string) => string,
): Promise<string | null> {
  for (const { table, files } of manifests) {
    const held = new Map<string, number>();
    for await (const { key, bytes } of store.list(`${folderOf(table)}/`)) held.set(key, bytes);
    const changed = files.find(
      ({ name, bytes }) => held.get(`${folderOf(table)}/${name}`) !== bytes,
    );
    if (changed !== undefined) return `${folderOf(table)}/${changed.name}`;
  }
  return null;
}

function changedMeanwhile(key: string): Failure {
  return new Failure("Unavailable", `${key} was changed while the snapshot was made`, {
    advice: "Nothing to do: another snapshot is made.",
  });
}
