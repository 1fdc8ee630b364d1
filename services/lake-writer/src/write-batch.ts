import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type Clock,
  type Column,
  isFailure,
  type Logger,
  type ObjectStore,
  type ParquetEncoder,
  type ParquetFileStats,
} from "@thulium-stream/contracts";
import type { BulkEncoder, DataFile } from "@thulium-stream/lake";
import { retrying } from "@thulium-stream/runtime";
import type { DeadLetterSink } from "./append-or-set-aside.ts";
import { encodeRows } from "./encode-rows.ts";
import type { DayOfRows, RowBatch } from "./row-batch.ts";

/** What {@link writeBatch} needs. */
export interface BatchWriting {
  readonly table: string;
  readonly columns: readonly Column[];
  readonly encoders: { readonly parquetjs: ParquetEncoder; readonly duckdb: BulkEncoder | null };
  readonly tempFolder: string;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newId: () => string;
  readonly deadLetter: DeadLetterSink;
  /** Once it fires an upload is tried one last time, and no longer. */
  readonly signal: AbortSignal;
}

/**
 * Writes a batch as one data file a day under names of their own, and uploads them; nothing is committed. @throws Failure `CorruptRecord` when bulk rows are refused;
 * that of the store when `signal` has fired.
 */
export async function writeBatch(
  batch: RowBatch,
  writing: BatchWriting,
): Promise<readonly DataFile[]> {
  const files: DataFile[] = [];
  for (const day of batch.days) {
    const file = await writeDay(day, writing);
    if (file !== null) files.push(file);
  }
  return files;
}

async function writeDay(day: DayOfRows, writing: BatchWriting): Promise<DataFile | null> {
  const { table, tempFolder, store, newId } = writing;
  const id = newId();
  const path = join(tempFolder, `${id}.parquet`);
  await mkdir(tempFolder, { recursive: true });
  try {
    const stats = await encodeDay(day, path, writing);
    if (stats === null) return null;
    const key = `tables/${table}/data/event_date=${day.day}/${id}.parquet`;
    await untilTaken(() => store.put(key, { file: path }), writing);
    return { key, partition: day.day, ...stats, sorted: false };
  } finally {
    await rm(path, { force: true });
  }
}

async function untilTaken(
  put: () => Promise<void>,
  { clock, logger, signal }: BatchWriting,
): Promise<void> {
  try {
    return await retrying(put, { what: "uploading a data file", clock, logger, signal });
  } catch (error) {
    if (!isFailure(error, "Cancelled") || !signal.aborted) throw error;
  }
  await put();
}

async function encodeDay(
  { records, lines }: DayOfRows,
  path: string,
  { columns, encoders, deadLetter, clock }: BatchWriting,
): Promise<ParquetFileStats | null> {
  if (lines === null || encoders.duckdb === null) {
    const encoder = encoders.parquetjs;
    return await encodeRows(records, { encoder, path, columns, deadLetter, nowMs: clock.now() });
  }
  return lines.rows === 0 ? null : await encoders.duckdb.encodeLines(lines, { path, columns });
}
