import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { type Column, Failure } from "@thulium-stream/contracts";
import { fileFailureOf } from "../encoders/draft-file.ts";
import { type CopiedFile, copyToParquet } from "../encoders/duckdb/copy-to-parquet.ts";
import {
  emptySelectionOf,
  identifier,
  jsonColumnsOf,
  literal,
} from "../encoders/duckdb/duckdb-schema.ts";
import { loadDuckdb } from "../encoders/duckdb/load-duckdb.ts";
import { filesOf, selectionOf } from "../encoders/duckdb/parquet-rewriter.ts";
import { sortedParts } from "../encoders/duckdb/sorted-parts.ts";
import { LineAppender } from "../encoders/line-file.ts";
import type { ChangedTicket, Stretch } from "./merge-plan.ts";
import { changeColumns, changeLineOf, type StateChange } from "./state-change.ts";

/** Options of {@link StateMerge.open}. */
export interface StateMergeOptions {
  /** Folder of this merge alone; made when missing, removed at the end. */
  readonly folder: string;
  readonly columns: readonly Column[];
  /** Names of the columns that make up a row's key, in its order. */
  readonly keyColumns: readonly string[];
  /** Names of the columns that files are sorted by. */
  readonly sort: readonly string[];
  /** DuckDB's own memory limit in megabytes. Default 256; what does not fit goes to the folder. */
  readonly memoryMb?: number;
  /** A file ends with the row group that brings it to so many bytes. */
  readonly fileBytes: number;
}

/** Rows of a file in the making. */
export interface RewriteSource {
  /** Local files whose rows stay, as far as no change is taken over for them. */
  readonly paths: readonly string[];
  /** Where the new rows come from; null = none. */
  readonly stretch: Stretch | null;
  /** Rows after which a new file begins; null = the bound of bytes alone. */
  readonly pieceRows: number | null;
}

const defaultMemoryMb = 256;
/** JSON lines are collected to this many bytes before they are written (1 MB). */
const chunkBytes = 1024 ** 2;
/** A file of lines ends after so many bytes (16 MB): DuckDB makes one Parquet file of it, in memory. */
const linesFileBytes = 16 * 1024 ** 2;
/** DuckDB's JSON reader is given at least this many bytes for a line. */
const leastLineBytes = 1024 ** 2;

/**
 * Changes of a current-state table on their way into its files: staged, reduced to the newest of each key, then laid together with the rows that stay. Everything lies in
 * files of its own, so that memory does not grow with the changes.
 */
export class StateMerge implements AsyncDisposable {
  readonly #options: StateMergeOptions;
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #appender = new LineAppender();
  readonly #lineOf: (change: StateChange) => Uint8Array;
  #pieces: Uint8Array[] = [];
  #pieceBytes = 0;
  #longestLine = leastLineBytes;
  #written = 0;
  readonly #linesFiles: string[] = [];
  readonly #staged: string[] = [];
  #linesFileBytes = 0;

  private constructor(
    options: StateMergeOptions,
    duckdb: { readonly instance: DuckDBInstance; readonly connection: DuckDBConnection },
  ) {
    this.#options = options;
    this.#instance = duckdb.instance;
    this.#connection = duckdb.connection;
    this.#lineOf = changeLineOf(options.columns);
  }

  /** @throws Failure `InvalidSettings` where this platform has no native binary of DuckDB; `Forbidden`, `Unavailable` for the folder. */
  static async open(options: StateMergeOptions): Promise<StateMerge> {
    const { folder, memoryMb = defaultMemoryMb } = options;
    const duckdb = await loadDuckdb();
    if (duckdb === null)
      throw new Failure("InvalidSettings", "this platform has no native binary of DuckDB", {
        advice: "Let another machine look after the current-state tables.",
      });
    try {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true });
      const instance = await duckdb.DuckDBInstance.create(join(folder, "changes.duckdb"), {
        threads: "1",
        memory_limit: `${memoryMb}MB`,
        temp_directory: join(folder, "spill"),
      });
      return new StateMerge(options, { instance, connection: await instance.connect() });
    } catch (error) {
      throw fileFailureOf(error, `opening ${folder}`);
    }
  }

  /** Takes changes; all of a call or none. @throws Failure `CorruptRecord` naming the column of a row that does not fit. */
  async add(changes: readonly StateChange[]): Promise<void> {
    const lines = changes.map((change) => this.#lineOf(change));
    for (const line of lines) {
      this.#longestLine = Math.max(this.#longestLine, line.byteLength + 1);
      this.#pieceBytes += line.byteLength;
    }
    this.#pieces.push(...lines);
    if (this.#pieceBytes >= chunkBytes) await this.#write();
  }

  /** Ends the taking of changes and reduces them to the newest of each key. Returns the tickets that they are about. */
  async reduce(): Promise<readonly ChangedTicket[]> {
    await this.#write();
    for (const path of this.#linesFiles) await this.#stage(path);
    const newest = changeColumns.map(({ name }) => `arg_max(${name}, _position) AS ${name}`);
    await this.#run(
      `CREATE TABLE newest AS SELECT ${newest.join(", ")} FROM ${this.#changes} AS changes GROUP BY changes._key`,
    );
    const found = await this.#connection.runAndReadAll(
      "SELECT _ticket, CASE WHEN _gone THEN NULL ELSE _partition END, count(*), min(_log), max(_position) FROM newest GROUP BY 1, 2",
    );
    return found.getRows().map(([ticketId, partition, rows, logPartition, position]) => ({
      ticketId: String(ticketId),
      partition: partition === null ? null : String(partition),
      rows: Number(rows),
      logPartition: Number(logPartition),
      position: Number(position),
    }));
  }

  /**
   * Says which changes are taken over: all (null), or the new rows of these stretches, and removals wherever a file is written anew. To be called once, before {@link held} and {@link rewrite}.
   */
  async take(stretches: readonly Stretch[] | null): Promise<void> {
    const isTaken = [...(stretches ?? []).map(isWithin), "_gone"].join(" OR ");
    const which = stretches === null ? "" : `WHERE ${isTaken}`;
    const isDue = stretches === null ? "true" : "NOT _gone";
    await this.#run(`CREATE TABLE taken AS SELECT _key, ${isDue} AS _due FROM newest ${which}`);
  }

  /** Rows of a local file that a change that is taken over is about: it has to be written anew for them. */
  async held(path: string): Promise<number> {
    const found = await this.#connection.runAndReadAll(
      `SELECT count(*) FROM ${filesOf([path])} WHERE ${this.#isTaken("_due")}`,
    );
    return Number(found.getRows()[0]?.[0]);
  }

  /** Writes what is left of files and the new rows of a stretch into files of this merge's folder, sorted. None when no row is left. */
  async rewrite(name: string, source: RewriteSource): Promise<readonly CopiedFile[]> {
    const { paths, stretch, pieceRows } = source;
    const { columns, folder, sort, fileBytes, memoryMb = defaultMemoryMb } = this.#options;
    const names = columns.map((column) => identifier(column.name)).join(", ");
    const kept =
      paths.length === 0
        ? []
        : [`SELECT ${names} FROM (${selectionOf(columns, paths)}) WHERE NOT ${this.#isTaken()}`];
    const added = stretch === null ? [] : [`SELECT ${names} FROM (${this.#newestWithin(stretch)})`];
    const query = [...kept, ...added].join(" UNION ALL ");
    const files: CopiedFile[] = [];
    try {
      const rows = { query, columns, sort };
      const { queries, rowGroupRows } = await sortedParts(this.#connection, rows, memoryMb);
      for (const [part, sorted] of queries.entries()) {
        const target = join(folder, `${name}-${part}`);
        const layout =
          pieceRows === null
            ? { rowGroupRows }
            : { rowGroupRows: Math.min(pieceRows, rowGroupRows), rowGroupsPerFile: 1 };
        const copy = { query: sorted, target, columns, fileBytes, ...layout };
        files.push(...(await copyToParquet(this.#connection, copy)));
      }
    } catch (error) {
      throw fileFailureOf(error, `merging into ${name}`);
    }
    return files.filter(({ rows }) => rows > 0);
  }

  /** Removes the folder with everything in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.closeSync();
    this.#instance.closeSync();
    await rm(this.#options.folder, { recursive: true, force: true });
  }

  /** Lines become a Parquet file, of which columns can be read alone. A table of DuckDB's would not do: it fails to write down many long texts within its memory limit. */
  async #stage(lines: string): Promise<void> {
    const columns = jsonColumnsOf([...changeColumns, ...this.#options.columns]);
    const read = `read_json(${literal(lines)}, format = 'newline_delimited', maximum_object_size = ${this.#longestLine}, columns = ${columns})`;
    const staged = `${lines}.parquet`;
    await this.#run(
      `COPY (FROM ${read}) TO ${literal(staged)} (FORMAT parquet, ROW_GROUP_SIZE 2048)`,
    );
    await rm(lines);
    this.#staged.push(staged);
  }

  /** The changes that were taken, as a table expression. */
  get #changes(): string {
    return this.#staged.length > 0
      ? `read_parquet([${this.#staged.map(literal).join(", ")}])`
      : `(${emptySelectionOf([...changeColumns, ...this.#options.columns])})`;
  }

  /** The newest rows of a stretch, without those that are removed. */
  #newestWithin(stretch: Stretch): string {
    const condition = isWithin(stretch);
    return `SELECT * FROM ${this.#changes} WHERE ${condition} AND (_key, _position) IN (SELECT (_key, _position) FROM newest WHERE NOT _gone AND ${condition})`;
  }

  async #write(): Promise<void> {
    const [pieces, bytes] = [this.#pieces, this.#pieceBytes];
    this.#pieces = [];
    this.#pieceBytes = 0;
    if (bytes === 0) return;
    let path = this.#linesFiles.at(-1);
    if (path === undefined || this.#linesFileBytes >= linesFileBytes) {
      path = join(this.#options.folder, `changes-${this.#linesFiles.length}.ndjson`);
      this.#linesFiles.push(path);
      this.#linesFileBytes = 0;
    }
    await this.#appender.append(path, pieces);
    this.#linesFileBytes += bytes;
    this.#written += bytes;
  }

  /** Bytes of the changes taken so far. */
  get bytes(): number {
    return this.#written + this.#pieceBytes;
  }

  #isTaken(condition = "true"): string {
    const key = this.#options.keyColumns.map(identifier).join(" || ':' || ");
    return `coalesce(${key}, '') IN (SELECT _key FROM taken WHERE ${condition})`;
  }

  async #run(sql: string): Promise<void> {
    try {
      await this.#connection.run(sql);
    } catch (error) {
      throw fileFailureOf(error, "reducing changes");
    }
  }
}

function isWithin({ partition, from, to }: Stretch): string {
  const conditions = [
    `_partition = ${literal(partition)}`,
    ...(from === null ? [] : [`_ticket >= ${literal(from)}`]),
    ...(to === null ? [] : [`_ticket < ${literal(to)}`]),
  ];
  return `(${conditions.join(" AND ")})`;
}
