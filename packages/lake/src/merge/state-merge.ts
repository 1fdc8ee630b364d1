import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { type Column, Failure } from "@thulium-stream/contracts";
import { fileFailureOf } from "../encoders/draft-file.ts";
import { type CopiedFile, copyToParquet } from "../encoders/duckdb/copy-to-parquet.ts";
import { identifier, jsonColumnsOf, literal } from "../encoders/duckdb/duckdb-schema.ts";
import { loadDuckdb } from "../encoders/duckdb/load-duckdb.ts";
import { filesOf, selectionOf } from "../encoders/duckdb/parquet-rewriter.ts";
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
  /** DuckDB's own memory limit, as it writes sizes. Default `256MB`; what does not fit goes to the folder. */
  readonly memoryLimit?: string;
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

const rowGroupRows = 20_480;
/** JSON lines are collected to this many bytes before they are written (1 MB). */
const chunkBytes = 1024 ** 2;
/** DuckDB's JSON reader is given at least this many bytes for a line. */
const leastLineBytes = 1024 ** 2;

/**
 * Changes of a current-state table on their way into its files: staged, reduced to the newest of each key, then laid together with the rows that stay. Everything lies in a
 * database of its own on disk, so that memory does not grow with the changes.
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
    const { folder, memoryLimit = "256MB" } = options;
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
        memory_limit: memoryLimit,
        temp_directory: join(folder, "spill"),
      });
      await writeFile(join(folder, "changes.ndjson"), "", { flag: "wx" });
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
    const { columns } = this.#options;
    await this.#write();
    const lines = literal(this.#linesPath);
    const staged = `read_json(${lines}, format = 'newline_delimited', maximum_object_size = ${this.#longestLine}, columns = ${jsonColumnsOf([...changeColumns, ...columns])})`;
    await this.#run(`CREATE TABLE staged AS SELECT * FROM ${staged}`);
    await this.#run(
      "CREATE TABLE newest AS SELECT _key, max(_position) AS _position FROM staged GROUP BY _key",
    );
    await this.#run(
      "CREATE TABLE changes AS SELECT * FROM staged SEMI JOIN newest USING (_key, _position)",
    );
    await this.#run("DROP TABLE staged");
    const found = await this.#connection.runAndReadAll(
      "SELECT _ticket, CASE WHEN _gone THEN NULL ELSE _partition END, count(*), min(_log), max(_position) FROM changes GROUP BY 1, 2",
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
    await this.#run(`CREATE TABLE taken AS SELECT _key, ${isDue} AS _due FROM changes ${which}`);
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
    const { columns, folder, sort, fileBytes } = this.#options;
    const names = columns.map((column) => identifier(column.name)).join(", ");
    const kept =
      paths.length === 0
        ? []
        : [`SELECT ${names} FROM (${selectionOf(columns, paths)}) WHERE NOT ${this.#isTaken()}`];
    const added =
      stretch === null
        ? []
        : [`SELECT ${names} FROM changes WHERE NOT _gone AND ${isWithin(stretch)}`];
    const order = sort.map((column) => `${identifier(column)} NULLS LAST`).join(", ");
    const query = `SELECT * FROM (${[...kept, ...added].join(" UNION ALL ")}) ORDER BY ${order}`;
    const layout =
      pieceRows === null
        ? { rowGroupRows, fileBytes }
        : { rowGroupRows: pieceRows, fileBytes, rowGroupsPerFile: 1 };
    try {
      const plan = { query, target: join(folder, name), columns, ...layout };
      return (await copyToParquet(this.#connection, plan)).filter(({ rows }) => rows > 0);
    } catch (error) {
      throw fileFailureOf(error, `merging into ${name}`);
    }
  }

  /** Removes the folder with everything in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.closeSync();
    this.#instance.closeSync();
    await rm(this.#options.folder, { recursive: true, force: true });
  }

  async #write(): Promise<void> {
    const [pieces, bytes] = [this.#pieces, this.#pieceBytes];
    this.#pieces = [];
    this.#pieceBytes = 0;
    await this.#appender.append(this.#linesPath, pieces);
    this.#written += bytes;
  }

  get #linesPath(): string {
    return join(this.#options.folder, "changes.ndjson");
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
