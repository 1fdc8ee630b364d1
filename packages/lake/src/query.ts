import type { DuckDBConnection, DuckDBInstance, DuckDBValue } from "@duckdb/node-api";
import { type Column, Failure } from "@thulium-stream/contracts";
import {
  emptySelectionOf,
  identifier,
  literal,
  sqlTypeOf,
} from "./encoders/duckdb/duckdb-schema.ts";
import { type DuckdbModule, loadDuckdb } from "./encoders/duckdb/load-duckdb.ts";
import { instantText } from "./instant-text.ts";

/** A table to query: Parquet files under one name, with the columns they may have. */
export interface LakeView {
  readonly name: string;
  /** Local paths; none makes an empty table. Files of both encoders and of older column lists may be mixed. */
  readonly files: readonly string[];
  readonly columns: readonly Column[];
}

/** Options of {@link openLakeQuery}. */
export interface LakeQueryOptions {
  readonly views: readonly LakeView[];
  /** DuckDB's memory limit, as it writes sizes. Default `512MB`. */
  readonly memoryLimit?: string;
  /** Folder for what exceeds memory. Default: none, such queries fail. */
  readonly tempFolder?: string;
}

/** A value of a result, as JSON has it: instants are ISO 8601 UTC text, integers beyond ±(2^53−1), decimals and other types text. */
export type Cell =
  | string
  | number
  | boolean
  | null
  | readonly Cell[]
  | { readonly [field: string]: Cell };

/** What a query gave. */
export interface LakeResult {
  /** Names may repeat, as SQL allows. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly Cell[])[];
  /** Whether there were more rows than asked for. */
  readonly truncated: boolean;
}

/** SQL over the lake's tables. */
export interface LakeQuery extends AsyncDisposable {
  /**
   * Runs SQL of DuckDB's dialect with its session in UTC and returns up to `maxRows` rows (default 10,000).
   * @throws Failure `InvalidSettings` with DuckDB's own words for wrong SQL; `TooLarge` when memory does not suffice; `Cancelled`.
   */
  run(
    sql: string,
    options?: { readonly maxRows?: number; readonly signal?: AbortSignal },
  ): Promise<LakeResult>;
}

/**
 * Opens DuckDB with the tables as views. Every column has the type of its declaration whatever wrote the file; a column
 * that a file lacks is null. The SQL is the caller's own: it may read and write files as this user may.
 * @throws Failure `InvalidSettings` where this platform has no native binary of DuckDB, or when a view cannot be made of its files.
 */
export async function openLakeQuery(options: LakeQueryOptions): Promise<LakeQuery> {
  const duckdb = await loadDuckdb();
  if (duckdb === null)
    throw new Failure("InvalidSettings", "this platform has no native binary of DuckDB", {
      advice: "Query the lake by another engine: its files are ordinary Parquet.",
    });
  const { views, memoryLimit = "512MB", tempFolder = "" } = options;
  const instance = await duckdb.DuckDBInstance.create(":memory:", {
    memory_limit: memoryLimit,
    temp_directory: tempFolder,
  });
  const query = new DuckdbQuery(duckdb, instance);
  try {
    for (const view of views) await query.run(viewSql(view));
  } catch (error) {
    await query[Symbol.asyncDispose]();
    throw error;
  }
  return query;
}

/** A view of files with explicit types. The empty first part gives each column its type and its place even without files. */
export function viewSql({ name, files, columns }: LakeView): string {
  const cast = columns.map(
    (column) =>
      `CAST(${identifier(column.name)} AS ${sqlTypeOf(column.type)}) AS ${identifier(column.name)}`,
  );
  const empty = emptySelectionOf(columns);
  const read = `SELECT * FROM read_parquet([${files.map(literal).join(", ")}], union_by_name = true, hive_partitioning = false)`;
  const source = files.length === 0 ? empty : `${empty} UNION ALL BY NAME ${read}`;
  return `CREATE VIEW ${identifier(name)} AS SELECT ${cast.join(", ")} FROM (${source})`;
}

class DuckdbQuery implements LakeQuery {
  readonly #duckdb: DuckdbModule;
  readonly #instance: DuckDBInstance;
  #closed = false;

  constructor(duckdb: DuckdbModule, instance: DuckDBInstance) {
    this.#duckdb = duckdb;
    this.#instance = instance;
  }

  async run(
    sql: string,
    options: { readonly maxRows?: number; readonly signal?: AbortSignal } = {},
  ): Promise<LakeResult> {
    if (this.#closed) throw new Failure("Closed", "the query is closed");
    const { maxRows = 10_000, signal } = options;
    if (signal?.aborted) throw new Failure("Cancelled", "the query was cancelled");
    const connection = await this.#instance.connect();
    const interrupt = () => connection.interrupt();
    signal?.addEventListener("abort", interrupt, { once: true });
    try {
      await connection.run("SET TimeZone = 'UTC'");
      return await this.#read(connection, sql, maxRows);
    } catch (error) {
      throw failureOf(error, signal?.aborted === true);
    } finally {
      signal?.removeEventListener("abort", interrupt);
      connection.closeSync();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#instance.closeSync();
  }

  async #read(connection: DuckDBConnection, sql: string, maxRows: number): Promise<LakeResult> {
    // Streamed: rows beyond the bound are never computed.
    const reader = await connection.streamAndReadUntil(sql, maxRows + 1);
    const types = reader.columnTypes();
    const rows = reader.getRows();
    return {
      columns: reader.columnNames().map((name, index) => ({ name, type: String(types[index]) })),
      rows: rows.slice(0, maxRows).map((row) => row.map((value) => this.#cellOf(value))),
      truncated: rows.length > maxRows,
    };
  }

  #cellOf(value: DuckDBValue): Cell {
    const {
      DuckDBTimestampTZValue,
      DuckDBListValue,
      DuckDBArrayValue,
      DuckDBStructValue,
      DuckDBMapValue,
    } = this.#duckdb;
    if (value === null || typeof value === "string" || typeof value === "boolean") return value;
    if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
    if (typeof value === "bigint") {
      const number = Number(value);
      return Number.isSafeInteger(number) ? number : String(value);
    }
    if (value instanceof DuckDBTimestampTZValue) return instantText(value.micros) ?? String(value);
    if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue)
      return value.items.map((item) => this.#cellOf(item));
    if (value instanceof DuckDBStructValue)
      return Object.fromEntries(
        Object.entries(value.entries).map(([name, field]) => [name, this.#cellOf(field)]),
      );
    if (value instanceof DuckDBMapValue)
      return value.entries.map((entry) => ({
        key: this.#cellOf(entry.key),
        value: this.#cellOf(entry.value),
      }));
    return String(value);
  }
}

function failureOf(error: unknown, aborted: boolean): Failure {
  if (error instanceof Failure) return error;
  if (aborted) return new Failure("Cancelled", "the query was cancelled", { cause: error });
  const message = error instanceof Error ? error.message : String(error);
  // What the binding says of SQL without a statement.
  if (message === "Error in native callback")
    return new Failure("InvalidSettings", "there is no statement in the SQL", { cause: error });
  if (/^Out of Memory/i.test(message))
    return new Failure("TooLarge", message, {
      cause: error,
      advice: "Select fewer columns or rows, or give the query more memory.",
    });
  return new Failure("InvalidSettings", message, { cause: error });
}
