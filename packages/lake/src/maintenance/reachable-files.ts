import type { TableFiles } from "../table/table-files.ts";
import type { IcebergSnapshot } from "../table/table-metadata.ts";

/**
 * Keys of everything that snapshots name: manifest lists, manifests and data files. Each manifest is read once, however many snapshots share it.
 * @throws Failure `CorruptRecord` when one of them is missing: nothing can be said then about what is still needed.
 */
export async function reachableFiles(
  files: TableFiles,
  snapshots: readonly IcebergSnapshot[],
): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  for (const snapshot of snapshots) {
    keys.add(files.keyOf(snapshot["manifest-list"]));
    const unread = (await files.manifests(snapshot)).filter(
      ({ manifest_path }) => !keys.has(files.keyOf(manifest_path)),
    );
    for (const { manifest_path } of unread) keys.add(files.keyOf(manifest_path));
    for (const entry of (await files.liveEntries(unread)).flat())
      keys.add(files.keyOf(entry.data_file.file_path));
  }
  return keys;
}
