import { compareText } from "../table/bound.ts";

/** A live file, as far as planning a merge needs it. */
export interface MergeableFile {
  readonly key: string;
  /** Value of the partition column. */
  readonly partition: string | null;
  /** Bounds of the ticket ids in it; null = unknown, it may hold any. */
  readonly lowest: string | null;
  readonly highest: string | null;
}

/** A ticket with changes. */
export interface ChangedTicket {
  readonly ticketId: string;
  /** Where its new rows go; null when all its changes are removals. */
  readonly partition: string | null;
}

/** One new run of rows: what is left of a file, and the new rows of a stretch of ids. */
export interface Rewrite<File extends MergeableFile> {
  /** The file that it replaces; null when it only has new rows. */
  readonly file: File | null;
  /** The new rows that go here; null when rows are only removed. */
  readonly stretch: Stretch | null;
}

/** Ids of one partition in [from, to); null = without end. */
export interface Stretch {
  readonly partition: string;
  readonly from: string | null;
  readonly to: string | null;
}

/** What a merge does. */
export interface MergePlan<File extends MergeableFile> {
  /** Files that new rows go into, and partitions that get their first file. */
  readonly rewrites: readonly Rewrite<File>[];
  /** Other files whose bounds allow for a changed ticket: to be written anew only if one of them holds a changed row. */
  readonly suspects: readonly File[];
}

/**
 * Which files a merge touches. The files of a partition divide all ids between them at their lowest ids, so that a new row has exactly one place and no merge leaves small files behind. A row that
 * changes may lie in any file whose bounds hold its ticket, in another partition too. Pure; ids compare by their bytes.
 */
export function mergePlan<File extends MergeableFile>(
  files: readonly File[],
  changed: readonly ChangedTicket[],
): MergePlan<File> {
  const rewrites = [...stretchesOf(files, changed)];
  const touched = new Set(rewrites.map(({ file }) => file));
  const ids = changed.map(({ ticketId }) => ticketId).sort(compareText);
  const suspects = files.filter((file) => !touched.has(file) && mayHoldOne(file, ids));
  return { rewrites, suspects };
}

function* stretchesOf<File extends MergeableFile>(
  files: readonly File[],
  changed: readonly ChangedTicket[],
): Iterable<Rewrite<File>> {
  for (const [partition, ids] of byPartition(changed)) {
    const own = files
      .filter((file) => file.partition === partition)
      .sort((a, b) => compareText(a.lowest ?? "", b.lowest ?? ""));
    const starts = own.map((file, at) => (at === 0 ? null : (file.lowest ?? "")));
    const places = own.length === 0 ? [null] : own;
    for (const [at, file] of places.entries()) {
      const [from, to] = [starts[at] ?? null, starts[at + 1] ?? null];
      const isOpen = (id: string) =>
        (from === null || compareText(id, from) >= 0) && (to === null || compareText(id, to) < 0);
      if (ids.some(isOpen)) yield { file, stretch: { partition, from, to } };
    }
  }
}

function byPartition(changed: readonly ChangedTicket[]): Map<string, string[]> {
  const partitions = new Map<string, string[]>();
  for (const { ticketId, partition } of changed) {
    if (partition === null) continue;
    const ids = partitions.get(partition);
    if (ids === undefined) partitions.set(partition, [ticketId]);
    else ids.push(ticketId);
  }
  return partitions;
}

/** Whether one of these ids, in order, lies within the file's bounds. */
function mayHoldOne({ lowest, highest }: MergeableFile, sortedIds: readonly string[]): boolean {
  if (sortedIds.length === 0) return false;
  if (lowest === null || highest === null) return true;
  const first = sortedIds[firstFrom(sortedIds, lowest)];
  return first !== undefined && compareText(first, highest) <= 0;
}

/** Index of the first id that is not below `bound`. */
function firstFrom(sortedIds: readonly string[], bound: string): number {
  let [low, high] = [0, sortedIds.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareText(sortedIds[middle] ?? "", bound) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
