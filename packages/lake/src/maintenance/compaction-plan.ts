/** What a plan needs to know of a live file. */
export interface CompactableFile {
  /** Key in the object store. */
  readonly key: string;
  /** Value of the partition column. */
  readonly partition: string | null;
  readonly bytes: number;
  /** Whether its rows are in the table's sort order. */
  readonly sorted: boolean;
}

/** When and how far an append table's files are laid together. */
export interface CompactionLimits {
  /** Files below this size, or unsorted, are small, in bytes. Default 64 MB. */
  readonly smallBelowBytes: number;
  /** A new file is made of at most so many bytes of old ones. Default 256 MB. */
  readonly mostBytes: number;
  /** A partition that still grows may have so many small files. Default 8. */
  readonly mostSmallFiles: number;
}

/** See {@link CompactionLimits}. */
export const defaultCompaction: CompactionLimits = {
  smallBelowBytes: 64 * 1024 ** 2,
  mostBytes: 256 * 1024 ** 2,
  mostSmallFiles: 8,
};

/** Files of one partition that become one. */
export interface CompactionGroup<File extends CompactableFile> {
  readonly partition: string | null;
  readonly files: readonly File[];
}

/**
 * Which files to lay together. A partition at rest is brought to as few files as its size allows; one that still grows only when it has too many small ones, and then files
 * of like size are taken together, so that a row is written anew a few times at most (its share doubles each time) and not with every flush. Pure.
 */
export function compactionPlan<File extends CompactableFile>(
  files: readonly File[],
  isAtRest: (partition: string | null) => boolean,
  limits: CompactionLimits = defaultCompaction,
): readonly CompactionGroup<File>[] {
  return [...byPartition(files)].flatMap(([partition, all]) => {
    const small = all
      .filter(({ bytes, sorted }) => bytes < limits.smallBelowBytes || !sorted)
      .sort((a, b) => a.bytes - b.bytes || (a.key < b.key ? -1 : 1));
    const rest = isAtRest(partition);
    if (!rest && small.length <= limits.mostSmallFiles) return [];
    return groupsOf(rest ? small : ofLikeSize(small), limits.mostBytes)
      .filter(isWorthIt)
      .map((group) => ({ partition, files: group }));
  });
}

function byPartition<File extends CompactableFile>(files: readonly File[]) {
  const partitions = new Map<string | null, File[]>();
  for (const file of files) {
    const held = partitions.get(file.partition);
    if (held === undefined) partitions.set(file.partition, [file]);
    else held.push(file);
  }
  return partitions;
}

/** The longest run from the smallest on in which no file is larger than all before it together, the first two excepted. */
function ofLikeSize<File extends CompactableFile>(ascending: readonly File[]): readonly File[] {
  let sum = 0;
  const end = ascending.findIndex(({ bytes }, at) => {
    const isLarger = at >= 2 && bytes > sum;
    sum += bytes;
    return isLarger;
  });
  return end < 0 ? ascending : ascending.slice(0, end);
}

function groupsOf<File extends CompactableFile>(
  files: readonly File[],
  mostBytes: number,
): readonly (readonly File[])[] {
  const groups: File[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const file of files) {
    if (bytes + file.bytes > mostBytes) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(file);
    bytes += file.bytes;
  }
  return groups;
}

/** One file alone is written anew only to be sorted. */
function isWorthIt(group: readonly CompactableFile[]): boolean {
  return group.length > 1 || group.some(({ sorted }) => !sorted);
}
