import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type Clock,
  type EventLog,
  headerNames,
  type Instant,
  instantOf,
  isErasureNews,
  isFailure,
  type LogBatch,
  type Logger,
  type LogReader,
  type LogRecord,
  type ObjectStore,
  type ParquetEncoder,
  type TopicPartition,
} from "@thulium-stream/contracts";
import { chooseEncoder, type DataFile, type EncoderSetting, Table } from "@thulium-stream/lake";
import { retrying } from "@thulium-stream/runtime";
import type { DeadLetterSink } from "./append-or-set-aside.ts";
import { type LakeTable, tableSpecOf } from "./columns.ts";
import { encodeRows } from "./encode-rows.ts";
import { type FlushLimits, flushInMs } from "./flush-when.ts";

/** What writing a table needs. */
export interface TableWriterDeps {
  readonly log: EventLog;
  readonly store: ObjectStore;
  readonly encoders: { readonly parquetjs: ParquetEncoder; readonly duckdb: ParquetEncoder | null };
  readonly encoderSetting: EncoderSetting;
  /** Local folder for files on their way. */
  readonly tempFolder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newId: () => string;
  readonly deadLetter: DeadLetterSink;
  readonly limits: FlushLimits;
  /** Whether a record is of what was erased: it makes no row. */
  readonly isErased: (record: LogRecord) => boolean;
}

/** Where a table stands. */
export interface TableStatus {
  readonly name: string;
  /** Rows and files committed since the start. */
  readonly rows: number;
  readonly files: number;
  /** Records of the log that are not committed yet, as far as is known. */
  readonly lag: number;
  readonly committedAt: string | null;
}

/** What waits of one partition. */
interface PartitionBuffer {
  /** The table's position when this partition was taken over or last committed. */
  from: number;
  /** Where the rows that wait end. */
  to: number;
  end: number;
  records: LogRecord[];
  /** Whether records of what was erased were left out: the table's position goes past them all the same. */
  hasLeftOut: boolean;
}

/**
 * Keeps one append table up to one topic. Rows wait in memory by partition; a flush encodes them, uploads the files and commits them together with the positions they
 * reach. The table's positions are the only ones that count: they say where reading starts, and a writer that finds them moved by another has been overtaken, drops
 * what it holds and reads on from there. Any number of writers share a table by the partitions of one consumer group.
 */
export class TableWriter {
  readonly #deps: TableWriterDeps;
  readonly #spec: LakeTable;
  readonly #buffers = new Map<number, PartitionBuffer>();
  #table: Table | null = null;
  #rows = 0;
  #files = 0;
  #oldestMs: number | null = null;

  constructor(deps: TableWriterDeps, spec: LakeTable) {
    this.#deps = deps;
    this.#spec = spec;
  }

  status(): TableStatus {
    const lag = [...this.#buffers.values()].reduce(
      (sum, { from, end }) => sum + Math.max(0, end - from),
      0,
    );
    return {
      name: this.#spec.table,
      rows: this.#rows,
      files: this.#files,
      lag,
      committedAt: instantOrNull(this.#table?.snapshot?.["timestamp-ms"]),
    };
  }

  /** Whether this writer reads the partition now. */
  owns(partition: number): boolean {
    return this.#buffers.has(partition);
  }

  /** Works until `signal` fires, or, with `ends`, until the table has reached these positions. What waits then is written first. */
  async run(signal: AbortSignal, ends: ReadonlyMap<number, number> | null = null): Promise<void> {
    const { clock, logger } = this.#deps;
    const options = { what: `writing ${this.#spec.table}`, clock, logger, longestDelayMs: 10_000 };
    // Whatever fails, the table's own positions tell where to go on; what was held in memory is read again.
    while (!(await retrying(() => this.#runOnce(signal, ends), options))) {
      this.#deps.logger.warn(
        { table: this.#spec.table },
        "another writer was faster; starting again from the table's positions",
      );
    }
  }

  /** One membership of the group. Returns false when it was overtaken. */
  async #runOnce(signal: AbortSignal, ends: ReadonlyMap<number, number> | null): Promise<boolean> {
    const { log, store, clock, newId } = this.#deps;
    const { table: name, topic } = this.#spec;
    const table = await Table.open({ store, table: name, clock, newId });
    await table.prepare(tableSpecOf(this.#spec));
    this.#table = table;
    this.#buffers.clear();
    const startAt = async (partitions: readonly TopicPartition[]) => {
      await table.refresh();
      return partitions.flatMap(({ partition }) => {
        const position = table.positions[partition];
        return position === undefined ? [] : [{ topic, partition, position }];
      });
    };
    const reader = await log.openReader({ topics: [topic], group: `lake-writer.${name}`, startAt });
    try {
      return await this.#follow(reader, table, signal, ends);
    } catch (error) {
      if (isFailure(error, "Cancelled") && signal.aborted) return await this.#flush(table, reader);
      throw error;
    } finally {
      await reader.close();
    }
  }

  async #follow(
    reader: LogReader,
    table: Table,
    signal: AbortSignal,
    ends: ReadonlyMap<number, number> | null,
  ): Promise<boolean> {
    for (;;) {
      if (ends !== null && this.#reached(ends)) return this.#flush(table, reader);
      const waitMs = flushInMs(this.#waiting(), this.#deps.limits, this.#deps.clock.now());
      if (waitMs === 0 && !(await this.#flush(table, reader))) return false;
      const delivery = await reader.next({
        timeoutMs: Math.min(1000, Math.max(1, waitMs)),
        signal,
      });
      if (delivery.kind === "assignment") this.#reassign(delivery.partitions, table);
      else if (delivery.kind === "batch") this.#take(delivery);
    }
  }

  #reached(ends: ReadonlyMap<number, number>): boolean {
    return [...ends].every(
      ([partition, end]) => end === 0 || (this.#buffers.get(partition)?.to ?? 0) >= end,
    );
  }

  #waiting() {
    const buffers = [...this.#buffers.values()];
    const rows = buffers.reduce((sum, { records }) => sum + records.length, 0);
    const bytes = buffers.reduce(
      (sum, { records }) =>
        sum + records.reduce((inner, { value }) => inner + (value?.length ?? 0), 0),
      0,
    );
    return { rows, bytes, oldestMs: this.#oldestMs };
  }

  /** Rows of lost partitions are dropped: their new owner reads them from the table's positions. */
  #reassign(partitions: readonly TopicPartition[], table: Table): void {
    const owned = new Set(partitions.map(({ partition }) => partition));
    for (const partition of this.#buffers.keys())
      if (!owned.has(partition)) this.#buffers.delete(partition);
    for (const partition of owned) {
      const from = table.positions[partition] ?? 0;
      if (!this.#buffers.has(partition))
        this.#buffers.set(partition, { from, to: from, end: from, records: [], hasLeftOut: false });
    }
  }

  #take({ partition, records, nextPosition, endPosition }: LogBatch): void {
    const buffer = this.#buffers.get(partition);
    if (buffer === undefined) return;
    const { isErased } = this.#deps;
    const rows = records.filter((record) => record.value !== null && !isErasureNews(record));
    const kept = rows.filter((record) => !isErased(record));
    buffer.records.push(...kept);
    if (kept.length < rows.length) buffer.hasLeftOut = true;
    buffer.to = nextPosition;
    buffer.end = endPosition;
    if (buffer.records.length > 0 || buffer.hasLeftOut) this.#oldestMs ??= this.#deps.clock.now();
  }

  /** Writes and commits what waits. Returns false when another writer moved the positions, or the files have grown old on the way: nothing of it was committed, nothing is deleted, and all is read again. */
  async #flush(table: Table, reader: LogReader): Promise<boolean> {
    const parts = [...this.#buffers].filter(
      ([, { records, hasLeftOut }]) => records.length > 0 || hasLeftOut,
    );
    if (parts.length === 0) return true;
    const from = Object.fromEntries(parts.map(([partition, buffer]) => [partition, buffer.from]));
    const to = Object.fromEntries(parts.map(([partition, buffer]) => [partition, buffer.to]));
    const writtenAtMs = this.#deps.clock.now();
    const added = await this.#writeFiles(parts.flatMap(([, { records }]) => records));
    const outcome = await table.commit({ operation: "append", added, from, to, writtenAtMs });
    if (outcome !== "committed") return false;
    this.#oldestMs = null;
    this.#files += added.length;
    this.#rows += added.reduce((sum, { rows }) => sum + rows, 0);
    for (const [, buffer] of parts)
      Object.assign(buffer, { from: buffer.to, records: [], hasLeftOut: false });
    await this.#tellGroup(reader, to);
    return true;
  }

  /** For lag monitors only: nobody starts from these positions. */
  async #tellGroup(reader: LogReader, to: Readonly<Record<string, number>>): Promise<void> {
    const { topic } = this.#spec;
    try {
      await reader.commit(
        Object.entries(to).map(([partition, position]) => ({
          topic,
          partition: Number(partition),
          position,
        })),
      );
    } catch (error) {
      if (!isFailure(error)) throw error;
      this.#deps.logger.debug(
        { code: error.code, topic },
        "the group's position could not be committed",
      );
    }
  }

  async #writeFiles(records: readonly LogRecord[]): Promise<readonly DataFile[]> {
    const files: DataFile[] = [];
    for (const [day, rows] of groupByDay(records)) {
      const file = await this.#writeFile(day, rows);
      if (file !== null) files.push(file);
    }
    return files;
  }

  async #writeFile(eventDate: string, records: readonly LogRecord[]): Promise<DataFile | null> {
    const { encoders, encoderSetting, tempFolder, store, clock, logger, newId, deadLetter } =
      this.#deps;
    const bytes = records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
    const choice = chooseEncoder({
      setting: encoderSetting,
      rows: records.length,
      bytes,
      duckdbAvailable: encoders.duckdb !== null,
    });
    const encoder =
      choice === "duckdb" && encoders.duckdb !== null ? encoders.duckdb : encoders.parquetjs;
    const id = newId();
    const path = join(tempFolder, `${id}.parquet`);
    await mkdir(tempFolder, { recursive: true });
    try {
      const stats = await encodeRows(records, {
        encoder,
        path,
        columns: this.#spec.columns,
        deadLetter,
        nowMs: clock.now(),
      });
      if (stats === null) return null;
      const key = `tables/${this.#spec.table}/data/event_date=${eventDate}/${id}.parquet`;
      await retrying(() => store.put(key, { file: path }), {
        what: "uploading a data file",
        clock,
        logger,
      });
      return { key, partition: eventDate, ...stats, sorted: false };
    } finally {
      await rm(path, { force: true });
    }
  }
}

function instantOrNull(ms: number | undefined): Instant | null {
  return ms === undefined ? null : instantOf(ms);
}

/** UTC day of the observation, from the header: nothing is parsed for it. A foreign record is laid by the day it was appended. */
function dayOf({ headers, appendedAtMs }: LogRecord): string {
  const observed = headers[headerNames.observedAt] ?? "";
  return /^\d{4}-\d{2}-\d{2}T/.test(observed)
    ? observed.slice(0, 10)
    : new Date(appendedAtMs).toISOString().slice(0, 10);
}

function groupByDay(records: readonly LogRecord[]): Map<string, LogRecord[]> {
  const days = new Map<string, LogRecord[]>();
  for (const record of records) {
    const day = days.get(dayOf(record));
    if (day === undefined) days.set(dayOf(record), [record]);
    else day.push(record);
  }
  return days;
}
