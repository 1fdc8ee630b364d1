/** Work of a lake writer, and the calls of it at which its process can end: `flush.metadata` is the conditional PUT of a flush's commit. */
const callsOfWork = {
  flush: ["rows", "data", "manifest", "list", "metadata", "hint", "offsets"],
  merge: ["data", "manifest", "list", "metadata", "hint"],
  compact: ["data", "manifest", "list", "metadata", "hint"],
  snapshot: ["copy", "closing", "latest"],
  expire: ["metadata", "hint", "delete"],
  folders: ["delete"],
  orphans: ["delete"],
  erase: ["data", "metadata", "delete", "snapshot", "closing"],
} as const;

/** What a lake writer is at. */
export type LakeWork = keyof typeof callsOfWork;

/**
 * Named points of the lake writer: rows are written to the local disk, a data file is written, a manifest, a manifest list, the metadata file under its condition, the hint; the group
 * is told; a file is copied into a snapshot, the snapshot is closed by its manifest, `_latest.json` is replaced; objects are deleted; a snapshot's file is written anew.
 */
export const lakePoints: readonly string[] = Object.entries(callsOfWork).flatMap(([work, calls]) =>
  calls.map((call) => `${work}.${call}`),
);

/** Work that only the owner of partition 0 does. */
export function isOwnersWork(point: string): boolean {
  return !point.startsWith("flush.");
}
