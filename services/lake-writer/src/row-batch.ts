import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type Column,
  deadLetterOf,
  headerNames,
  isFailure,
  type LogRecord,
} from "@thulium-stream/contracts";
import { isPlainRow, LineAppender, type LineFiles, rowLineOf } from "@thulium-stream/lake";
import type { DeadLetterSink } from "./append-or-set-aside.ts";

/** What a {@link RowBatch} needs. */
export interface RowBatchDeps {
  readonly columns: readonly Column[];
  /** Local folder of rows that wait; made when missing. */
  readonly folder: string;
  readonly newId: () => string;
  readonly nowMs: () => number;
  readonly deadLetter: DeadLetterSink;
  /** Whether so many rows and bytes wait on the disk, to be encoded there, and not in memory. Once they do, all of the batch does. */
  readonly isBulk: (size: { readonly rows: number; readonly bytes: number }) => boolean;
  /** Whether the row's bytes may go on unparsed when they look plain. */
  readonly isTrusted: (record: LogRecord) => boolean;
}

/** Rows of one day, in memory or on the disk. */
export interface DayOfRows {
  /** UTC day, `2026-11-24`. */
  readonly day: string;
  readonly records: readonly LogRecord[];
  /** null while the batch is in memory. */
  readonly lines: LineFiles | null;
}

/** What waits of one partition and day. */
interface Share {
  readonly day: string;
  readonly path: string;
  records: LogRecord[];
  rows: number;
  bytes: number;
  lines: number;
  longestLineBytes: number;
}

/**
 * Rows that wait to be written, by partition and UTC day. A few stay in memory as they are; more than these go to the disk at once, as NDJSON, so that memory does not
 * grow with the batch. On the way to the disk a row from our own writer is taken by its looks; any other is parsed and checked, and what is no row becomes a dead letter.
 */
export class RowBatch {
  readonly #deps: RowBatchDeps;
  readonly #lineOf: (row: Uint8Array) => Uint8Array;
  readonly #appender: LineAppender;
  readonly #partitions = new Map<number, Map<string, Share>>();
  #isOnDisk = false;
  #hasUnchecked = false;

  constructor(deps: RowBatchDeps) {
    this.#deps = deps;
    this.#lineOf = rowLineOf(deps.columns);
    this.#appender = new LineAppender();
  }

  /** Rows and bytes that were added, dead letters included. */
  get size(): { readonly rows: number; readonly bytes: number } {
    const shares = this.#shares();
    return {
      rows: shares.reduce((sum, { rows }) => sum + rows, 0),
      bytes: shares.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }

  /** Whether rows went to the disk unparsed: an encoder that refuses them says nothing of the others. */
  get hasUnchecked(): boolean {
    return this.#hasUnchecked;
  }

  /** Partitions of which rows were added. */
  get partitions(): readonly number[] {
    return [...this.#partitions.keys()];
  }

  /** The rows by day. */
  get days(): readonly DayOfRows[] {
    const days = [...new Set(this.#shares().map(({ day }) => day))];
    return days.map((day) => {
      const shares = this.#shares().filter((share) => share.day === day);
      return {
        day,
        records: shares.flatMap(({ records }) => records),
        lines: this.#isOnDisk ? lineFilesOf(shares) : null,
      };
    });
  }

  /** Adds rows of one partition, behind those before. One call at a time. @throws Failure `Unavailable` when the disk is full, and what the dead letters meet; the batch is then void. */
  async add(partition: number, records: readonly LogRecord[]): Promise<void> {
    for (const record of records) {
      const share = this.#shareOf(partition, dayOf(record));
      share.records.push(record);
      share.rows += 1;
      share.bytes += record.value?.length ?? 0;
    }
    if (!this.#isOnDisk && this.#deps.isBulk(this.size)) {
      await mkdir(this.#deps.folder, { recursive: true });
      this.#isOnDisk = true;
    }
    if (this.#isOnDisk) for (const share of this.#shares()) await this.#spill(share);
  }

  /** Forgets what a partition added. */
  async drop(partition: number): Promise<void> {
    const shares = this.#partitions.get(partition) ?? new Map<string, Share>();
    this.#partitions.delete(partition);
    for (const { path } of shares.values()) await rm(path, { force: true });
  }

  /** Removes what lies on the disk. Idempotent. */
  async discard(): Promise<void> {
    for (const partition of this.partitions) await this.drop(partition);
  }

  async #spill(share: Share): Promise<void> {
    const { records } = share;
    if (records.length === 0) return;
    share.records = [];
    const lines: Uint8Array[] = [];
    for (const record of records) {
      const line = await this.#lineOrLetter(record);
      if (line === null) continue;
      lines.push(line);
      share.longestLineBytes = Math.max(share.longestLineBytes, line.length + 1);
    }
    await this.#appender.append(share.path, lines);
    share.lines += lines.length;
  }

  async #lineOrLetter(record: LogRecord): Promise<Uint8Array | null> {
    const value = record.value ?? new Uint8Array();
    if (this.#deps.isTrusted(record) && isPlainRow(value)) {
      this.#hasUnchecked = true;
      return value;
    }
    try {
      return this.#lineOf(value);
    } catch (error) {
      if (!isFailure(error, "CorruptRecord")) throw error;
      const reason = { failure: error, attempts: 1 };
      await this.#deps.deadLetter(deadLetterOf(record, reason, this.#deps.nowMs()));
      return null;
    }
  }

  #shares(): readonly Share[] {
    return [...this.#partitions.values()].flatMap((days) => [...days.values()]);
  }

  #shareOf(partition: number, day: string): Share {
    const days = this.#partitions.get(partition) ?? new Map<string, Share>();
    this.#partitions.set(partition, days);
    const known = days.get(day);
    if (known !== undefined) return known;
    const path = join(this.#deps.folder, `${this.#deps.newId()}.ndjson`);
    const share = { day, path, records: [], rows: 0, bytes: 0, lines: 0, longestLineBytes: 0 };
    days.set(day, share);
    return share;
  }
}

function lineFilesOf(shares: readonly Share[]): LineFiles {
  const filled = shares.filter(({ lines }) => lines > 0);
  return {
    paths: filled.map(({ path }) => path),
    rows: filled.reduce((sum, { lines }) => sum + lines, 0),
    longestLineBytes: Math.max(0, ...filled.map(({ longestLineBytes }) => longestLineBytes)),
  };
}

/** UTC day of the observation, from the header: nothing is parsed for it. A foreign record is laid by the day it was appended. */
function dayOf({ headers, appendedAtMs }: LogRecord): string {
  const observed = headers[headerNames.observedAt] ?? "";
  return /^\d{4}-\d{2}-\d{2}T/.test(observed)
    ? observed.slice(0, 10)
    : new Date(appendedAtMs).toISOString().slice(0, 10);
}
