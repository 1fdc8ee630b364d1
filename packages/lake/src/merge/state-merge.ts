import { type FileHandle, mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { type Column, Failure } from "@thulium-stream/contracts";
import { fileFailureOf } from "../encoders/draft-file.ts";
import { type CopiedFile, copyToParquet } from "../encoders/duckdb/copy-to-parquet.ts";
import { identifier, jsonColumnsOf, literal } from "../encoders/duckdb/duckdb-schema.ts";
import { loadDuckdb } from "../encoders/duckdb/load-duckdb.ts";
import { filesOf, selectionOf } from "../encoders/duckdb/parquet-rewriter.ts";
import { normaliserOf, type RowCheck, rowCheckOf } from "../encoders/row-check.ts";
import type { ChangedTicket, Stretch } from "./merge-plan.ts";

/** A new state of a row, or its removal. */
export interface StateChange {
  /** The record's key: the values of the key columns, joined by colons. */
  readonly key: string;
  readonly ticketId: string;
  /** Place in the log; of two changes of one key the later counts. */
  readonly position: number;
  /** Value of the partition column. */
  readonly partition: string;
  /** The row as JSON; null removes it. */
  readonly value: Uint8Array | null;
}

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
  /** A file ends with the row group that brings it to so many bytes. Default 16 MB. */
  readonly fileBytes?: number;
}

const rowGroupRows = 20_480;
const defaultFileBytes = 16 * 1024 ** 2;
/** JSON lines are collected to this many bytes before they are written (1 MB). */
const chunkBytes = 1024 ** 2;
/** DuckDB's JSON reader is given at least this many bytes for a line. */
const leastLineBytes = 1024 ** 2;

/** Columns that changes have beside those of the table. */
const changeColumns: readonly Column[] = [
  { id: 0, name: "_key", type: "text", doc: "" },
  { id: 0, name: "_ticket", type: "text", doc: "" },
  { id: 0, name: "_position", type: "integer", doc: "" },
  { id: 0, name: "_partition", type: "text", doc: "" },
  { id: 0, name: "_gone", type: "boolean", doc: "" },
];

/**
 * Changes of a current-state table on their way into its files: staged, reduced to the newest of each key, then laid together with the rows that stay. Everything lies in a
 * database of its own on disk, so that memory does not grow with the changes.
 */
export class StateMerge implements AsyncDisposable {
  readonly #options: StateMergeOptions;
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #lines: FileHandle;
  readonly #check: RowCheck;
  readonly #normalise: (row: unknown) => unknown;
  #pieces: Uint8Array[] = [];
  #pieceBytes = 0;
  #longestLine = leastLineBytes;
  #written = 0;

  private constructor(
    options: StateMergeOptions,
    duckdb: { readonly instance: DuckDBInstance; readonly connection: DuckDBConnection },
    lines: FileHandle,
  ) {
    this.#options = options;
    this.#instance = duckdb.instance;
    this.#connection = duckdb.connection;
    this.#lines = lines;
    this.#check = rowCheckOf(options.columns);
    this.#normalise = normaliserOf({ kind: "struct", fields: options.columns });
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
      const lines = await open(join(folder, "changes.ndjson"), "wx");
      return new StateMerge(options, { instance, connection: await instance.connect() }, lines);
    } catch (error) {
      throw fileFailureOf(error, `opening ${folder}`);
    }
  }

  /** Takes changes; all of a call or none. @throws Failure `CorruptRecord` naming the column of a row that does not fit. */
  async add(changes: readonly StateChange[]): Promise<void> {
    const lines = changes.map((change) => this.#lineOf(change));
    for (const line of lines) {
      this.#longestLine = Math.max(this.#longestLine, line.byteLength);
      this.#pieceBytes += line.byteLength;
    }
    this.#pieces.push(...lines);
    if (this.#pieceBytes >= chunkBytes) await this.#write();
  }

  /** Ends the taking of changes and reduces them to the newest of each key. Returns the tickets that they are about. */
  async reduce(): Promise<readonly ChangedTicket[]> {
    const { columns, folder } = this.#options;
    await this.#write();
    const lines = literal(join(folder, "changes.ndjson"));
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
      "SELECT DISTINCT _ticket, CASE WHEN _gone THEN NULL ELSE _partition END FROM changes",
    );
    return found.getRows().map(([ticketId, partition]) => ({
      ticketId: String(ticketId),
      partition: partition === null ? null : String(partition),
    }));
  }

  /** Rows of a local file that a change is about. */
  async held(path: string): Promise<number> {
    const found = await this.#connection.runAndReadAll(
      `SELECT count(*) FROM ${filesOf([path])} WHERE ${this.#isChanged()}`,
    );
    return Number(found.getRows()[0]?.[0]);
  }

  /** Writes what is left of a file and the new rows of a stretch into files of this merge's folder, sorted. None when no row is left. */
  async rewrite(
    name: string,
    path: string | null,
    stretch: Stretch | null,
  ): Promise<readonly CopiedFile[]> {
    const { columns, folder, sort, fileBytes = defaultFileBytes } = this.#options;
    const names = columns.map((column) => identifier(column.name)).join(", ");
    const kept =
      path === null
        ? []
        : [`SELECT ${names} FROM (${selectionOf(columns, [path])}) WHERE NOT ${this.#isChanged()}`];
    const added =
      stretch === null
        ? []
        : [`SELECT ${names} FROM changes WHERE NOT _gone AND ${isWithin(stretch)}`];
    const order = sort.map((column) => `${identifier(column)} NULLS LAST`).join(", ");
    const query = `SELECT * FROM (${[...kept, ...added].join(" UNION ALL ")}) ORDER BY ${order}`;
    try {
      const target = join(folder, name);
      const plan = { query, target, columns, rowGroupRows, fileBytes };
      return (await copyToParquet(this.#connection, plan)).filter(({ rows }) => rows > 0);
    } catch (error) {
      throw fileFailureOf(error, `merging into ${name}`);
    }
  }

  /** Removes the folder with everything in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.closeSync();
    this.#instance.closeSync();
    await this.#lines.close();
    await rm(this.#options.folder, { recursive: true, force: true });
  }

  /** The row's own bytes behind what the change says, in one line. */
  #lineOf({ key, ticketId, position, partition, value }: StateChange): Uint8Array {
    const change = {
      _key: key.toWellFormed(),
      _ticket: ticketId.toWellFormed(),
      _position: position,
      _partition: partition,
      _gone: value === null,
    };
    const head = JSON.stringify(change);
    if (value === null) return Buffer.from(`${head}\n`);
    const { row, asGiven } = this.#check(value);
    // `{"` and nothing else before the first name: the row can follow as it is.
    const isPlain = asGiven && value[0] === 0x7b && value[1] === 0x22;
    const rest = isPlain ? value : Buffer.from(JSON.stringify(this.#normalise(row)));
    return Buffer.concat([
      Buffer.from(`${head.slice(0, -1)},`),
      rest.subarray(1),
      Buffer.from("\n"),
    ]);
  }

  async #write(): Promise<void> {
    const [pieces, bytes] = [this.#pieces, this.#pieceBytes];
    this.#pieces = [];
    this.#pieceBytes = 0;
    if (bytes === 0) return;
    try {
      await this.#lines.appendFile(Buffer.concat(pieces, bytes));
      this.#written += bytes;
    } catch (error) {
      throw fileFailureOf(error, "staging changes");
    }
  }

  /** Bytes of the changes taken so far. */
  get bytes(): number {
    return this.#written + this.#pieceBytes;
  }

  #isChanged(): string {
    const key = this.#options.keyColumns.map(identifier).join(" || ':' || ");
    return `coalesce(${key}, '') IN (SELECT _key FROM newest)`;
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
  return [
    `_partition = ${literal(partition)}`,
    ...(from === null ? [] : [`_ticket >= ${literal(from)}`]),
    ...(to === null ? [] : [`_ticket < ${literal(to)}`]),
  ].join(" AND ");
}
