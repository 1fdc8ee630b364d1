import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type BoundValue, type Column, isFailure } from "@thulium-stream/contracts";
import {
  type CommitOutcome,
  type DataFile,
  defaultMergePolicy,
  type FileCache,
  type LiveFile,
  type MergeableFile,
  type MergePlan,
  type MergePolicy,
  mergePlan,
  positionsOfSnapshot,
  type RewriteSource,
  StateMerge,
  Table,
} from "@thulium-stream/lake";
import { retrying } from "@thulium-stream/runtime";
import { type StateTable, tableSpecOf } from "./columns.ts";
import { stageChanges, unknownMonth } from "./stage-changes.ts";
import type { TableWriterDeps } from "./table-writer.ts";

/** What merging works with. */
export interface MergeDeps extends Omit<TableWriterDeps, "isErased"> {
  /** Local copies of the table's files. */
  readonly cache: FileCache;
}

/** How far to merge. */
export interface MergeOptions {
  /** Records of later appends stay in the log. Default: everything that the topic holds now. */
  readonly cutAppend?: number;
  /** Whether every row must be current afterwards, as a snapshot or an erasure needs it. Default false: files of which little changed may wait, a day at most. */
  readonly whole?: boolean;
  readonly policy?: MergePolicy;
  readonly signal: AbortSignal;
}

/** What merging one table came to. */
export interface MergeSummary {
  /** Changed keys, removals included. */
  readonly changes: number;
  readonly filesWritten: number;
  readonly bytesWritten: number;
  readonly filesRemoved: number;
}

/** Bytes of changes that one commit takes: bounds the disk that a merge needs, and what is done again when it is overtaken. */
const mostBytes = 512 * 1024 ** 2;
/** A table that saw nothing for so long may have missed tombstones, which expire after 7 days (L10): 5 days. */
const longestGapMs = 5 * 86_400_000;
/** How old the word that nothing is missing may become before it is said again (12 h). */
const confirmAfterMs = 12 * 3_600_000;

/**
 * Brings a current-state table to its topic: newest record per key, tombstones drop their row; only files that hold a changed ticket are written anew. A merge that need not be whole leaves out files of
 * which little has changed, within the policy: it reads again later from where every row is current, and taking over a change twice does nothing. Each commit removes the old files, adds the
 * new ones and moves the positions, all at once; one that another writer came before is done again from the newest files. Nothing is deleted.
 * @throws Failure of log and store; `Unavailable` for a full disk; `Cancelled`.
 */
export async function mergeTable(
  deps: MergeDeps,
  spec: StateTable,
  options: MergeOptions,
): Promise<MergeSummary> {
  const { store, clock, newId, logger } = deps;
  const table = await Table.open({ store, table: spec.table, clock, newId });
  await table.prepare(tableSpecOf(spec, deps.history));
  const sum = { changes: 0, filesWritten: 0, bytesWritten: 0, filesRemoved: 0 };
  for (;;) {
    options.signal.throwIfAborted();
    await table.refresh();
    const merged = await mergeOnce(deps, spec, table, options).catch(async (error: unknown) => {
      if (await isOutdated(table, error)) return "conflict" as const;
      throw error;
    });
    if (merged === "nothing new") return sum;
    if (typeof merged === "string") {
      const told = { table: spec.table, outcome: merged };
      logger.info(told, "a merge could not be committed; merging again");
      continue;
    }
    sum.changes += merged.changes;
    sum.filesWritten += merged.added.length;
    sum.bytesWritten += merged.added.reduce((total, { bytes }) => total + bytes, 0);
    sum.filesRemoved += merged.removed.length;
    if (merged.isToEnd) return sum;
  }
}

/** Whether something was missing because another machine has let go what the table named before. */
export async function isOutdated(table: Table, error: unknown): Promise<boolean> {
  if (!isFailure(error, "CorruptRecord", "Rejected")) return false;
  const before = table.version;
  await table.refresh();
  return table.version !== before;
}

interface Merged {
  readonly changes: number;
  readonly added: readonly DataFile[];
  readonly removed: readonly string[];
  readonly isToEnd: boolean;
}

async function mergeOnce(
  deps: MergeDeps,
  spec: StateTable,
  table: Table,
  options: MergeOptions,
): Promise<Merged | "nothing new" | Exclude<CommitOutcome, "committed">> {
  const { clock, newId, tempFolder } = deps;
  const { table: name, topic, columns, key, sort } = spec;
  const { policy = defaultMergePolicy, cutAppend = Number.POSITIVE_INFINITY, signal } = options;
  const beganAtMs = clock.now();
  const { positions, atMs } = table.wholeness;
  const ageMs = beganAtMs - (atMs ?? table.snapshot?.["timestamp-ms"] ?? beganAtMs);
  // Tombstones that the table never saw may be gone: everything is laid out anew then.
  const isRebuild = ageMs > longestGapMs;
  const folder = join(tempFolder, `merge-${name}-${newId()}`);
  const { fileBytes } = policy;
  await using merge = await StateMerge.open({ folder, columns, keyColumns: key, sort, fileBytes });
  const staged = await stageChanges(deps, merge, {
    topic,
    from: isRebuild ? {} : positions,
    read: table.positions,
    cutAppend,
    mostBytes: isRebuild ? Number.POSITIVE_INFINITY : mostBytes,
    signal,
  });
  const { to, changes, news, isToEnd } = staged;
  const whole = isRebuild || options.whole === true || !isToEnd || ageMs >= policy.wholeIntervalMs;
  if (changes === 0 || (news === 0 && !whole)) {
    if (changes === 0 && news === 0 && ageMs > confirmAfterMs) await table.confirmWhole(beganAtMs);
    return "nothing new";
  }
  const live = await table.liveFiles();
  const files = isRebuild ? [] : mergeableFiles(table, live, columns);
  const plan = mergePlan(files, await merge.reduce(), { whole, policy });
  const written = await writePlan(deps, spec, { merge, plan, signal });
  const removed = isRebuild ? live.map((file) => file.key) : written.removed;
  const start = Object.keys(to).map((each) => [each, table.positions[each] ?? 0]);
  const outcome = await table.commit({
    operation: removed.length > 0 ? "overwrite" : "append",
    added: written.added,
    removed,
    from: Object.fromEntries(start),
    to,
    whole: plan.isWhole
      ? {
          from: positions,
          positions: { ...table.positions, ...to },
          atMs: isToEnd ? beganAtMs : atMs,
        }
      : { from: positions, positions, atMs: atMs ?? beganAtMs - ageMs },
    writtenAtMs: written.writtenAtMs,
  });
  return outcome === "committed"
    ? { changes: news, added: written.added, removed, isToEnd }
    : outcome;
}

/** What writing a plan came to. */
interface WrittenPlan {
  /** Files that come. */
  readonly added: readonly DataFile[];
  /** Keys of those that go. */
  readonly removed: readonly string[];
  /** Before the first of them was written: reading the log may take as long as it needs, but no file may grow old. */
  readonly writtenAtMs: number;
}

/** Writes what a plan asks for. */
async function writePlan(
  deps: MergeDeps,
  { table }: StateTable,
  {
    merge,
    plan: { isWhole, rewrites, suspects },
    signal,
  }: { merge: StateMerge; plan: MergePlan<PlannedFile>; signal: AbortSignal },
): Promise<WrittenPlan> {
  await merge.take(
    isWhole ? null : rewrites.flatMap(({ stretch }) => (stretch === null ? [] : [stretch])),
  );
  const writtenAtMs = deps.clock.now();
  const added: DataFile[] = [];
  const removed: string[] = [];
  const left = suspects.map((file) => ({ files: [file], stretch: null, pieceRows: null }));
  for (const { files, stretch, pieceRows } of [...rewrites, ...left]) {
    signal.throwIfAborted();
    const paths = await deps.cache.pathsOf(files);
    if (stretch === null && (await heldIn(merge, paths)) === 0) continue;
    removed.push(...files.map((file) => file.key));
    const partition = stretch?.partition ?? files[0]?.partition ?? unknownMonth;
    const run = { paths, stretch, pieceRows, partition, signal };
    added.push(...(await writeFiles(deps, table, merge, run)));
  }
  return { added, removed, writtenAtMs };
}

async function heldIn(merge: StateMerge, paths: readonly string[]): Promise<number> {
  let held = 0;
  for (const path of paths) held += await merge.held(path);
  return held;
}

type PlannedFile = LiveFile & MergeableFile;

/** The table's files with what planning needs. A file is current as far as its snapshot read; when that is forgotten, as far as all are. */
function mergeableFiles(
  table: Table,
  live: readonly LiveFile[],
  columns: readonly Column[],
): readonly PlannedFile[] {
  const whole = table.wholeness.positions;
  const snapshots = table.metadata?.snapshots ?? [];
  const known = new Map(
    snapshots.map((each) => [each["snapshot-id"], positionsOfSnapshot(each)] as const),
  );
  return live.map((file) => ({
    ...file,
    ...boundsOf(file, columns),
    current: known.get(file.addedBy) ?? whole,
  }));
}

/** Bounds of the ticket ids in a file. */
function boundsOf({ columns: stats }: LiveFile, columns: readonly Column[]) {
  const id = columns.find(({ name }) => name === "ticket_id")?.id;
  const found = stats.find((each) => each.id === id);
  return { lowest: textOrNull(found?.lower), highest: textOrNull(found?.upper) };
}

function textOrNull(bound: BoundValue | null | undefined): string | null {
  return typeof bound === "string" ? bound : null;
}

/** Writes one run of rows and uploads it under new names. */
async function writeFiles(
  { store, newId, clock, logger }: MergeDeps,
  table: string,
  merge: StateMerge,
  {
    partition,
    signal,
    ...source
  }: RewriteSource & { readonly partition: string; readonly signal: AbortSignal },
): Promise<readonly DataFile[]> {
  const files: DataFile[] = [];
  for (const copied of await merge.rewrite(newId(), source)) {
    const { rows, bytes, columns } = copied;
    const key = `tables/${table}/data/created_month=${partition}/${newId()}.parquet`;
    const options = { what: "uploading a merged file", clock, logger, signal };
    await retrying(() => store.put(key, { file: copied.path }), options);
    await rm(copied.path, { force: true });
    files.push({ key, partition, rows, bytes, columns, sorted: true });
  }
  return files;
}
