import {
  type Clock,
  type EventLog,
  headerNames,
  type Instant,
  instantOf,
  isFailure,
  type Logger,
  type LogReader,
  type LogRecord,
  type ObjectStore,
  type ParquetEncoder,
  type TopicPartition,
} from "@thulium-stream/contracts";
import {
  type BulkEncoder,
  chooseEncoder,
  type EncoderSetting,
  type HistoryLimits,
  Table,
} from "@thulium-stream/lake";
import { retrying } from "@thulium-stream/runtime";
import type { DeadLetterSink } from "./append-or-set-aside.ts";
import { type LakeTable, tableSpecOf } from "./columns.ts";
import { Flight } from "./flight.ts";
import { type FlushLimits, flushInMs, isFull } from "./flush-when.ts";
import { HeldRows, type SealedBatch } from "./held-rows.ts";
import { RowBatch } from "./row-batch.ts";
import { writeBatch } from "./write-batch.ts";

/** What writing a table needs. */
export interface TableWriterDeps {
  readonly log: EventLog;
  readonly store: ObjectStore;
  readonly encoders: { readonly parquetjs: ParquetEncoder; readonly duckdb: BulkEncoder | null };
  readonly encoderSetting: EncoderSetting;
  /** Local folder for files on their way. */
  readonly tempFolder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newId: () => string;
  readonly deadLetter: DeadLetterSink;
  readonly limits: FlushLimits;
  /** How long old states of the tables are kept. Left out: as the tables say, 30 days at first. */
  readonly history?: HistoryLimits;
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

/** One turn of reading, from the table's positions on. */
interface Turn {
  readonly table: Table;
  readonly reader: LogReader;
  readonly signal: AbortSignal;
  /** Where it is over; null = with the signal. Then it reads as a member of the group, else by itself. */
  readonly ends: ReadonlyMap<number, number> | null;
}

/** Undelivered bytes that the reader may hold: what a fetch costs in memory is several times this. */
const readAheadBytes = 2 * 1024 * 1024;

/**
 * Keeps one append table up to one topic. Rows wait in a batch; a full or old one is encoded, uploaded and committed together with the positions it reaches, while
 * the next one fills. Batches are committed in their order, one at a time. The table's positions are the only ones that count: they say where reading starts, and a
 * writer that finds them moved by another has been overtaken, drops what it holds and reads on from there. Any number of writers share a table by the partitions of
 * one consumer group.
 */
export class TableWriter {
  readonly #deps: TableWriterDeps;
  readonly #spec: LakeTable;
  /** Below these positions every row is parsed and checked: a bulk batch that ended there was refused. */
  readonly #checkedBelow = new Map<number, number>();
  readonly #flight = new Flight();
  #held: HeldRows;
  /** Whether the last batch was full, or written while more was there to be read. */
  #inBacklog = false;
  #table: Table | null = null;
  #rows = 0;
  #files = 0;

  constructor(deps: TableWriterDeps, spec: LakeTable) {
    this.#deps = deps;
    this.#spec = spec;
    this.#held = this.#newHeldRows();
  }

  status(): TableStatus {
    return {
      name: this.#spec.table,
      rows: this.#rows,
      files: this.#files,
      lag: this.#held.lag(this.#table?.positions ?? {}),
      committedAt: instantOrNull(this.#table?.snapshot?.["timestamp-ms"]),
    };
  }

  /** Whether this writer reads the partition now. */
  owns(partition: number): boolean {
    return this.#held.owns(partition);
  }

  /**
   * Works until `signal` fires, or, with `ends`, until the table has reached these positions; with these it reads every partition itself, whoever else is a member
   * of the group. What waits then is written first, unless the store does not take it at once: it is on the log.
   */
  async run(signal: AbortSignal, ends: ReadonlyMap<number, number> | null = null): Promise<void> {
    const { clock, logger } = this.#deps;
    const what = `writing ${this.#spec.table}`;
    const options = { what, clock, logger, signal, longestDelayMs: 10_000 };
    // Whatever fails, the table's own positions tell where to go on; what was held is read again.
    while (!(await retrying(() => this.#runOnce(signal, ends), options))) {
      logger.warn({ table: this.#spec.table }, "starting again from the table's positions");
    }
  }

  /** One turn of reading. Returns false when all must be read again from the table's positions. */
  async #runOnce(signal: AbortSignal, ends: ReadonlyMap<number, number> | null): Promise<boolean> {
    const { log, store, clock, newId } = this.#deps;
    const { table: name, topic } = this.#spec;
    const table = await Table.open({ store, table: name, clock, newId });
    await table.prepare(tableSpecOf(this.#spec, this.#deps.history));
    this.#table = table;
    const held = this.#newHeldRows();
    this.#held = held;
    const startAt = async (partitions: readonly TopicPartition[]) => {
      await table.refresh();
      return partitions.flatMap(({ partition }) => {
        const position = table.positions[partition];
        return position === undefined ? [] : [{ topic, partition, position }];
      });
    };
    const reader = await log.openReader({
      topics: [topic],
      startAt,
      maxBufferedBytes: readAheadBytes,
      // The new owner begins where this commit leads.
      ...(ends === null
        ? { group: `lake-writer.${name}`, onRevoke: () => this.#flight.settled() }
        : {}),
    });
    const turn: Turn = { table, reader, signal, ends };
    try {
      return await this.#follow(turn);
    } catch (error) {
      if (isFailure(error, "Cancelled") && signal.aborted) return await this.#finish(turn);
      throw error;
    } finally {
      await this.#flight.settled();
      this.#flight.forget();
      await held.discard();
      await reader.close();
    }
  }

  async #follow(turn: Turn): Promise<boolean> {
    const { table, reader, signal, ends } = turn;
    for (;;) {
      if (ends !== null && this.#held.hasReached(ends)) return this.#finish(turn);
      if (this.#flight.isOver && !(await this.#flight.landed())) return false;
      const { limits, clock } = this.#deps;
      const when = { nowMs: clock.now(), inBacklog: this.#inBacklog };
      const waitMs = flushInMs(this.#held.waiting, limits, when);
      if (waitMs === 0 && !(await this.#flush(turn))) return false;
      const delivery = await reader.next({
        timeoutMs: Math.min(1000, Math.max(1, waitMs)),
        signal,
      });
      if (delivery.kind === "assignment")
        await this.#held.reassign(delivery.partitions, table.positions);
      else if (delivery.kind === "batch") await this.#held.take(delivery, clock.now());
    }
  }

  /** Writes all that is held. */
  async #finish(turn: Turn): Promise<boolean> {
    return (await this.#flush(turn)) && (await this.#flight.landed());
  }

  /** Sends what waits on its way, once the batch before it is committed. Returns false when that one was not: all is to be read again. */
  async #flush(turn: Turn): Promise<boolean> {
    if (!(await this.#flight.landed())) return false;
    const { waiting } = this.#held;
    this.#inBacklog = isFull(waiting, this.#deps.limits) || !waiting.isAll;
    const sealed = this.#held.seal();
    if (sealed !== null) this.#flight.start(() => this.#write(sealed, turn));
    return true;
  }

  /** Returns false when another writer moved the positions, the files have grown old on the way, or unchecked rows were refused: nothing of it was committed, nothing is deleted. */
  async #write({ batch, from, to }: SealedBatch, turn: Turn): Promise<boolean> {
    const { logger, clock } = this.#deps;
    const { table, signal } = turn;
    const writtenAtMs = clock.now();
    try {
      const added = await writeBatch(batch, { ...this.#deps, ...this.#spec, signal });
      const change = { operation: "append", added, from, to, writtenAtMs } as const;
      const outcome = await table.commit(change, signal);
      if (outcome !== "committed") {
        logger.warn({ table: this.#spec.table, outcome }, "a batch could not be committed");
        return false;
      }
      this.#files += added.length;
      this.#rows += added.reduce((sum, { rows }) => sum + rows, 0);
    } catch (error) {
      if (!isFailure(error, "CorruptRecord") || !batch.hasUnchecked) throw error;
      logger.warn(
        { table: this.#spec.table, to },
        "a bulk batch holds something that is no row; each is checked now",
      );
      for (const [partition, position] of Object.entries(to))
        this.#checkedBelow.set(Number(partition), position);
      return false;
    } finally {
      await batch.discard();
    }
    await this.#tellGroup(turn, to);
    return true;
  }

  /** For lag monitors only: nobody starts from these positions. */
  async #tellGroup({ reader, ends }: Turn, to: Readonly<Record<string, number>>): Promise<void> {
    if (ends !== null) return;
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

  #newHeldRows(): HeldRows {
    return new HeldRows({ newBatch: () => this.#newBatch(), isErased: this.#deps.isErased });
  }

  #newBatch(): RowBatch {
    const { tempFolder, newId, deadLetter, clock, encoders, encoderSetting } = this.#deps;
    const duckdbAvailable = encoders.duckdb !== null;
    return new RowBatch({
      columns: this.#spec.columns,
      folder: tempFolder,
      newId,
      deadLetter,
      nowMs: () => clock.now(),
      isBulk: (size) =>
        chooseEncoder({ setting: encoderSetting, ...size, duckdbAvailable }) === "duckdb",
      isTrusted: ({ partition, position, headers }) =>
        headers[headerNames.append] !== undefined &&
        position >= (this.#checkedBelow.get(partition) ?? 0),
    });
  }
}

function instantOrNull(ms: number | undefined): Instant | null {
  return ms === undefined ? null : instantOf(ms);
}
