import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { type Column, type ColumnStats, Failure } from "@thulium-stream/contracts";
import { dropDraft, fileFailureOf, publishDraft } from "../draft-file.ts";
import { copyToParquet } from "./copy-to-parquet.ts";
import { identifier, literal, sqlTypeOf } from "./duckdb-schema.ts";
import { loadDuckdb } from "./load-duckdb.ts";

/** Rows by the values of text columns: all that are named must be equal. */
export type RowKey = Readonly<Record<string, string>>;

/** Parquet files that become one. */
export interface RewritePlan {
  /** Local paths, at least one. */
  readonly inputs: readonly string[];
  /** Where the new file goes, in an existing folder. */
  readonly path: string;
  /** Columns of the new file, in their order; one that an input lacks is null there. */
  readonly columns: readonly Column[];
  /** Names of the columns that it is sorted by, ascending, nulls last. */
  readonly sort: readonly string[];
  /** Rows that are left out. Default: none. */
  readonly without?: readonly RowKey[];
}

/** What a rewrite came to. */
export interface Rewritten {
  /** Rows of the inputs. */
  readonly rowsBefore: number;
  /** Rows of the new file; with 0 there is none. */
  readonly rows: number;
  readonly bytes: number;
  /** Null counts and bounds of its columns, nested ones excepted. */
  readonly stats: readonly ColumnStats[];
}

/** Options of {@link ParquetRewriter.open}. */
export interface ParquetRewriterOptions {
  /** Folder for what DuckDB spills; made when missing. */
  readonly tempFolder: string;
  /** DuckDB's own memory limit, as it writes sizes. Default `512MB`. */
  readonly memoryLimit?: string;
  readonly newId: () => string;
}

/** Rows per row group: large enough to compress and to skip well, small enough for the memory of one. */
const rowGroupRows = 122_880;

/** Lays the rows of Parquet files out anew: together, sorted, with the columns of today, without some rows. Never changes an input. */
export class ParquetRewriter implements AsyncDisposable {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #newId: () => string;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection, newId: () => string) {
    this.#instance = instance;
    this.#connection = connection;
    this.#newId = newId;
  }

  /** @throws Failure `InvalidSettings` where this platform has no native binary of DuckDB. */
  static async open(options: ParquetRewriterOptions): Promise<ParquetRewriter> {
    const duckdb = await loadDuckdb();
    if (duckdb === null)
      throw new Failure("InvalidSettings", "this platform has no native binary of DuckDB", {
        advice: "Let another machine, or an engine such as Spark, look after the tables.",
      });
    const { tempFolder, memoryLimit = "512MB", newId } = options;
    try {
      await mkdir(tempFolder, { recursive: true });
      const instance = await duckdb.DuckDBInstance.create(":memory:", {
        threads: "1",
        memory_limit: memoryLimit,
        temp_directory: join(tempFolder, "duckdb-spill"),
      });
      return new ParquetRewriter(instance, await instance.connect(), newId);
    } catch (error) {
      throw fileFailureOf(error, "starting DuckDB");
    }
  }

  /** Rows of files that a key names: what a rewrite would leave out. */
  async count(inputs: readonly string[], keys: readonly RowKey[]): Promise<number> {
    return this.#number(`SELECT count(*) FROM ${filesOf(inputs)} WHERE ${isOneOf(keys)}`);
  }

  /**
   * Writes the new file; it appears under its path when this resolves (P2).
   * @throws Failure `Unavailable` (full disk, out of memory), `Forbidden`, `Invariant` when rows went missing.
   */
  async rewrite({ inputs, path, columns, sort, without = [] }: RewritePlan): Promise<Rewritten> {
    const draft = `${path}.${this.#newId()}.tmp`;
    try {
      const rowsBefore = await this.#number(`SELECT count(*) FROM ${filesOf(inputs)}`);
      const leftOut = without.length === 0 ? 0 : await this.count(inputs, without);
      if (leftOut === rowsBefore) return { rowsBefore, rows: 0, bytes: 0, stats: [] };
      const order = sort.map((name) => `${identifier(name)} ASC NULLS LAST`).join(", ");
      const query = `SELECT * FROM (${selectionOf(columns, inputs)}) WHERE NOT ${isOneOf(without)}${order === "" ? "" : ` ORDER BY ${order}`}`;
      const copy = { query, target: draft, columns, rowGroupRows };
      const [file] = await copyToParquet(this.#connection, copy);
      const rows = file?.rows ?? 0;
      if (rows !== rowsBefore - leftOut)
        throw new Failure("Invariant", `DuckDB wrote ${rows} of ${rowsBefore - leftOut} rows`);
      const bytes = await publishDraft(draft, path);
      return { rowsBefore, rows, bytes, stats: file?.columns ?? [] };
    } catch (error) {
      throw fileFailureOf(error, `writing ${path}`);
    } finally {
      await dropDraft(draft);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }

  async #number(sql: string): Promise<number> {
    const [[value] = []] = (await this.#connection.runAndReadAll(sql)).getRows();
    return Number(value);
  }
}

/** Local Parquet files as a table expression. */
export function filesOf(inputs: readonly string[]): string {
  return `read_parquet([${inputs.map(literal).join(", ")}], union_by_name = true, hive_partitioning = false)`;
}

/** All columns with their types of today. The empty first part gives a column its place where no input has it. */
export function selectionOf(columns: readonly Column[], inputs: readonly string[]): string {
  const typed = columns.map(
    ({ name, type }) => `CAST(NULL AS ${sqlTypeOf(type)}) ${identifier(name)}`,
  );
  const cast = columns.map(
    ({ name, type }) => `CAST(${identifier(name)} AS ${sqlTypeOf(type)}) AS ${identifier(name)}`,
  );
  return `SELECT ${cast.join(", ")} FROM (SELECT ${typed.join(", ")} WHERE false UNION ALL BY NAME SELECT * FROM ${filesOf(inputs)})`;
}

/** A condition that is never null. */
function isOneOf(keys: readonly RowKey[]): string {
  const [first] = keys;
  if (first === undefined) return "false";
  const names = Object.keys(first);
  const values = keys.map((key) => `(${names.map((name) => literal(key[name] ?? "")).join(", ")})`);
  return `coalesce((${names.map(identifier).join(", ")}) IN (${values.join(", ")}), false)`;
}
