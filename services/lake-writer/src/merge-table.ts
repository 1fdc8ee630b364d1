import { rm } from "node:fs/promises";
import { join } from "node:path";
import {
  appendOf,
  type BoundValue,
  type Column,
  Failure,
  headerNames,
  isErasureNews,
  type LogRecord,
} from "@thulium-stream/contracts";
import {
  type DataFile,
  type FileCache,
  type LiveFile,
  mergePlan,
  type Positions,
  type StateChange,
  StateMerge,
  type Stretch,
  Table,
} from "@thulium-stream/lake";
import { batchesToEnd, retrying } from "@thulium-stream/runtime";
import { appendOrSetAside } from "./append-or-set-aside.ts";
import { type StateTable, tableSpecOf } from "./columns.ts";
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
/** Records given to the merge at once. */
const recordsAtOnce = 1000;
/** A table that saw nothing for so long may have missed tombstones, which expire after 7 days (L10): 5 days. */
const longestGapMs = 5 * 86_400_000;
/** Partition of tickets whose creation the source does not tell. */
const unknownMonth = "unknown";

/**
 * Brings a current-state table to its topic: newest record per key, tombstones drop their row; only files that hold a changed ticket are written anew. Each commit removes the old files, adds the
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
  await table.prepare(tableSpecOf(spec));
  let [changes, filesWritten, bytesWritten, filesRemoved] = [0, 0, 0, 0];
  for (;;) {
    options.signal.throwIfAborted();
    await table.refresh();
    const merged = await mergeOnce(deps, spec, table, options);
    if (merged === "nothing new") return { changes, filesWritten, bytesWritten, filesRemoved };
    if (merged === "overtaken") {
      logger.info({ table: spec.table }, "another writer was faster; merging again");
      continue;
    }
    changes += merged.changes;
    filesWritten += merged.added.length;
    bytesWritten += merged.added.reduce((sum, { bytes }) => sum + bytes, 0);
    filesRemoved += merged.removed.length;
  }
}

interface Merged {
  readonly changes: number;
  readonly added: readonly DataFile[];
  readonly removed: readonly string[];
}

async function mergeOnce(
  deps: MergeDeps,
  { table: name, topic, columns, key, sort }: StateTable,
  table: Table,
  { cutAppend = Number.POSITIVE_INFINITY, signal }: MergeOptions,
): Promise<Merged | "nothing new" | "overtaken"> {
  const { clock, newId, tempFolder } = deps;
  const writtenAtMs = clock.now();
  // Tombstones that the table never saw may be gone: everything is laid out anew then.
  const isRebuild = writtenAtMs - (table.snapshot?.["timestamp-ms"] ?? writtenAtMs) > longestGapMs;
  const from = isRebuild ? {} : table.positions;
  const folder = join(tempFolder, `merge-${name}-${newId()}`);
  await using merge = await StateMerge.open({ folder, columns, keyColumns: key, sort });
  const limits = { from, cutAppend, mostBytes: isRebuild ? Number.POSITIVE_INFINITY : mostBytes };
  const { to, changes } = await stage(deps, topic, merge, { ...limits, signal });
  if (changes === 0) return "nothing new";
  const live = await table.liveFiles();
  const files = isRebuild ? [] : live.map((file) => ({ ...file, ...boundsOf(file, columns) }));
  const { rewrites, suspects } = mergePlan(files, await merge.reduce());
  const added: DataFile[] = [];
  const removed = isRebuild ? live.map((file) => file.key) : [];
  for (const { file, stretch } of [
    ...rewrites,
    ...suspects.map((file) => ({ file, stretch: null })),
  ]) {
    signal.throwIfAborted();
    const [path = null] = file === null ? [] : await deps.cache.pathsOf([file]);
    if (stretch === null && path !== null && (await merge.held(path)) === 0) continue;
    if (file !== null) removed.push(file.key);
    const partition = stretch?.partition ?? file?.partition ?? unknownMonth;
    added.push(...(await writeFiles(deps, name, merge, { path, stretch, partition })));
  }
  const operation = removed.length > 0 ? "overwrite" : "append";
  const start = Object.keys(to).map((each) => [each, table.positions[Number(each)] ?? 0]);
  const change = {
    operation,
    added,
    removed,
    from: Object.fromEntries(start),
    to,
    writtenAtMs,
  } as const;
  return (await table.commit(change)) === "committed" ? { changes, added, removed } : "overtaken";
}

/** Gives the topic's records from the table's positions on to the merge, up to a bound. */
async function stage(
  { log, deadLetter, clock }: MergeDeps,
  topic: string,
  merge: StateMerge,
  limits: {
    readonly from: Positions;
    readonly cutAppend: number;
    readonly mostBytes: number;
    readonly signal: AbortSignal;
  },
): Promise<{ readonly to: Positions; readonly changes: number }> {
  const { cutAppend, signal } = limits;
  const ranges = await log.ends(topic);
  const from = Object.entries(limits.from).map(([partition, position]) => ({
    topic,
    partition: Number(partition),
    position,
  }));
  for (const { partition, position } of from) {
    const end = ranges.find((range) => range.partition === partition)?.end ?? 0;
    if (position > end)
      throw new Failure(
        "PositionLost",
        `the lake's table of ${topic} has read partition ${partition} up to ${position}, but the topic ends at ${end}`,
        { advice: "It was written from another log: use that log, or another LAKE_URL." },
      );
  }
  const to: Record<string, number> = {};
  const cut = new Set<number>();
  let changes = 0;
  const target = {
    append: (records: readonly LogRecord[]) => merge.add(records.map(changeOf)),
    deadLetter,
    nowMs: clock.now(),
  };
  for await (const batch of batchesToEnd(log, topic, { ranges, from, signal })) {
    const { partition, records, nextPosition } = batch;
    if (cut.has(partition)) continue;
    const end = records.find((record) => appendOf(record) > cutAppend)?.position;
    if (end !== undefined) cut.add(partition);
    to[partition] = end ?? nextPosition;
    const rows = records.filter(
      (record) =>
        record.key !== null && !isErasureNews(record) && record.position < (end ?? nextPosition),
    );
    for (let at = 0; at < rows.length; at += recordsAtOnce)
      changes += await appendOrSetAside(rows.slice(at, at + recordsAtOnce), target);
    if (merge.bytes >= limits.mostBytes) break;
  }
  return { to, changes };
}

/** A record as a change of its row. A key without a colon is foreign: its row, if it has one, says itself what it is. */
function changeOf({ key, value, position, headers }: LogRecord): StateChange {
  const text = key ?? "";
  const [, ticketId = ""] = text.split(":");
  const partition = headers[headerNames.createdMonth] ?? unknownMonth;
  return { key: text, ticketId, position, partition, value };
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

/** Writes one rewritten file (or the first of a partition) and uploads it under new names. */
async function writeFiles(
  { store, newId, clock, logger }: MergeDeps,
  table: string,
  merge: StateMerge,
  { path, stretch, partition }: { path: string | null; stretch: Stretch | null; partition: string },
): Promise<readonly DataFile[]> {
  const files: DataFile[] = [];
  for (const copied of await merge.rewrite(newId(), path, stretch)) {
    const { rows, bytes, columns } = copied;
    const key = `tables/${table}/data/created_month=${partition}/${newId()}.parquet`;
    const what = "uploading a merged file";
    await retrying(() => store.put(key, { file: copied.path }), { what, clock, logger });
    await rm(copied.path, { force: true });
    files.push({ key, partition, rows, bytes, columns, sorted: true });
  }
  return files;
}
