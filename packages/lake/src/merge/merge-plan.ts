import { compareText } from "../table/bound.ts";
import type { Positions } from "../table/data-file.ts";
import { type MergePolicy, pieceRowsOf } from "./merge-policy.ts";

/** A live file, as far as planning a merge needs it. */
export interface MergeableFile {
  readonly key: string;
  /** Value of the partition column. */
  readonly partition: string | null;
  /** Bounds of the ticket ids in it; null = unknown, it may hold any. */
  readonly lowest: string | null;
  readonly highest: string | null;
  readonly rows: number;
  readonly bytes: number;
  /** Next position per partition of the log that its rows are known to have come to. A hint: it decides what is put off, never what a whole merge leaves out. */
  readonly current: Positions;
}

/** A ticket with changes. */
export interface ChangedTicket {
  readonly ticketId: string;
  /** Where its new rows go; null for rows that are removed. */
  readonly partition: string | null;
  /** How many of its rows that are. */
  readonly rows: number;
  /** Where the last of these changes stands in the log. */
  readonly logPartition: number;
  readonly position: number;
}

/** One new run of rows: what is left of files that adjoin, and the new rows of a stretch of ids. */
export interface Rewrite<File extends MergeableFile> {
  /** The files that it replaces, in the order of their ids; none when it only has new rows. */
  readonly files: readonly File[];
  /** The new rows that go here; null when rows are only removed. */
  readonly stretch: Stretch | null;
  /** Rows after which a new file begins, besides the bound of bytes; null = none. */
  readonly pieceRows: number | null;
}

/** Ids of one partition in [from, to); null = without end. */
export interface Stretch {
  readonly partition: string;
  readonly from: string | null;
  readonly to: string | null;
}

/** What a merge does. */
export interface MergePlan<File extends MergeableFile> {
  /** Whether it takes over every change; else only those whose place is written anew, and removals in files that are. */
  readonly isWhole: boolean;
  /** Files that new rows go into, and partitions that get their first file. */
  readonly rewrites: readonly Rewrite<File>[];
  /** Other files whose bounds allow for a ticket that is taken over: to be written anew only if one of them holds a row of it. */
  readonly suspects: readonly File[];
}

/** Part of a partition that new rows go into. */
interface Place<File extends MergeableFile> {
  readonly stretch: Stretch;
  /** null in a partition without files. */
  readonly file: File | null;
  /** Its number among the files of its partition. */
  readonly at: number;
  readonly partitionRows: number;
  readonly changed: readonly ChangedTicket[];
}

/**
 * Which files a merge touches. The files of a partition divide all ids between them at their lowest ids, so that a new row has exactly one place and no merge leaves small files behind. A row that
 * changes may lie in any file whose bounds hold its ticket, in another partition too. A merge that need not be whole writes only files of which much has changed, in pieces, so that the next one
 * writes less; a whole one lays neighbours of which little changes together again. Pure; ids compare by their bytes.
 */
export function mergePlan<File extends MergeableFile>(
  files: readonly File[],
  changed: readonly ChangedTicket[],
  { whole, policy }: { readonly whole: boolean; readonly policy: MergePolicy },
): MergePlan<File> {
  const places = placesOf(files, changed);
  const removals = changed.filter(({ partition }) => partition === null);
  const touched = filesThatMayHold(files, removals, new Set(places.map(({ file }) => file)));
  const bytes = [...touched, ...places.map(({ file }) => file)].reduce(
    (sum, file) => sum + (file?.bytes ?? 0),
    0,
  );
  const isWhole = whole || bytes <= policy.wholeBelowBytes;
  const taken = isWhole ? places : places.filter((place) => isWorthIt(place, policy));
  const own = new Set(taken.map(({ file }) => file));
  const moved = [...taken.flatMap((place) => place.changed), ...(isWhole ? removals : [])];
  return {
    isWhole,
    rewrites: isWhole ? joined(taken, policy) : taken.map((place) => inPieces(place, policy)),
    suspects: filesThatMayHold(files, moved, own),
  };
}

function placesOf<File extends MergeableFile>(
  files: readonly File[],
  changed: readonly ChangedTicket[],
): readonly Place<File>[] {
  return [...byPartition(changed)].flatMap(([partition, tickets]) => {
    const own = files
      .filter((file) => file.partition === partition)
      .sort((a, b) => compareText(a.lowest ?? "", b.lowest ?? ""));
    const partitionRows = own.reduce((sum, { rows }) => sum + rows, 0);
    const starts = own.map((file, at) => (at === 0 ? null : (file.lowest ?? "")));
    const ids = tickets.map(({ ticketId }) => ticketId);
    const indexOf = (bound: string | null) => (bound === null ? null : firstFrom(ids, bound));
    const places = own.length === 0 ? [null] : own;
    return places.flatMap((file, at) => {
      const [from, to] = [starts[at] ?? null, starts[at + 1] ?? null];
      const inside = tickets.slice(indexOf(from) ?? 0, indexOf(to) ?? tickets.length);
      const stretch = { partition, from, to };
      return inside.length === 0 ? [] : [{ stretch, file, at, partitionRows, changed: inside }];
    });
  });
}

/** New rows by their partition, in the order of their ids. */
function byPartition(changed: readonly ChangedTicket[]): Map<string, ChangedTicket[]> {
  const partitions = new Map<string, ChangedTicket[]>();
  for (const ticket of changed) {
    if (ticket.partition === null) continue;
    const tickets = partitions.get(ticket.partition);
    if (tickets === undefined) partitions.set(ticket.partition, [ticket]);
    else tickets.push(ticket);
  }
  for (const tickets of partitions.values())
    tickets.sort((a, b) => compareText(a.ticketId, b.ticketId));
  return partitions;
}

/** Whether enough of a place's rows has changed since its file was written. */
function isWorthIt({ file, changed }: Place<MergeableFile>, policy: MergePolicy): boolean {
  if (file === null) return true;
  const news = changed.filter(
    ({ logPartition, position }) => position >= (file.current[logPartition] ?? 0),
  );
  return rowsOf(news) * policy.mostRowsPerChange >= file.rows && news.length > 0;
}

function rowsOf(tickets: readonly ChangedTicket[]): number {
  return tickets.reduce((sum, { rows }) => sum + rows, 0);
}

function inPieces<File extends MergeableFile>(
  { file, stretch, partitionRows }: Place<File>,
  policy: MergePolicy,
): Rewrite<File> {
  return {
    files: file === null ? [] : [file],
    stretch,
    pieceRows: pieceRowsOf(partitionRows, policy),
  };
}

/** Neighbours of which little changed since the last whole merge become one file, as far as that stays within the size of a file. */
function joined<File extends MergeableFile>(
  places: readonly Place<File>[],
  { mostRowsPerChange, fileBytes }: MergePolicy,
): readonly Rewrite<File>[] {
  const rewrites: { files: File[]; stretch: Stretch; pieceRows: null }[] = [];
  let open = { next: -1, bytes: 0 };
  for (const { file, stretch, at, changed } of places) {
    const isCalm = file !== null && rowsOf(changed) * mostRowsPerChange < file.rows;
    const last = rewrites.at(-1);
    const bytes = open.bytes + (file?.bytes ?? 0);
    const adjoins = open.next === at && last?.stretch.partition === stretch.partition;
    if (isCalm && adjoins && bytes <= fileBytes) {
      last.files.push(file);
      last.stretch = { ...last.stretch, to: stretch.to };
      open = { next: at + 1, bytes };
      continue;
    }
    rewrites.push({ files: file === null ? [] : [file], stretch, pieceRows: null });
    open = isCalm ? { next: at + 1, bytes: file.bytes } : { next: -1, bytes: 0 };
  }
  return rewrites;
}

/** Files other than these whose bounds hold one of the tickets. */
function filesThatMayHold<File extends MergeableFile>(
  files: readonly File[],
  tickets: readonly ChangedTicket[],
  others: ReadonlySet<File | null>,
): readonly File[] {
  const ids = tickets.map(({ ticketId }) => ticketId).sort(compareText);
  return files.filter((file) => !others.has(file) && mayHoldOne(file, ids));
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
