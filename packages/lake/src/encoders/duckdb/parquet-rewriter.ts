import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { type Column, type ColumnStats, Failure } from "@thulium-stream/contracts";
import { fileFailureOf, publishDraft } from "../draft-file.ts";
import { copyToParquet } from "./copy-to-parquet.ts";
import { emptySelectionOf, identifier, literal, sqlTypeOf } from "./duckdb-schema.ts";
import { loadDuckdb } from "./load-duckdb.ts";
import { type SortableRows, type SortedParts, sortedParts } from "./sorted-parts.ts";

/** Rows by the values of text columns: all that are named must be equal. */
export type RowKey = Readonly<Record<string, string>>;

/** A Parquet file whose rows are laid out anew. */
export interface RewriteInput {
  /** Where it is on this machine. */
  readonly path: string;
  /** Whether its rows are in the order of the new file already. Only how long the work takes depends on it. */
  readonly sorted: boolean;
}

/** Parquet files that become one. */
export interface RewritePlan {
  /** At least one. */
  readonly inputs: readonly RewriteInput[];
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
  /** DuckDB's own memory limit in megabytes. Default 512. */
  readonly memoryMb?: number;
  readonly newId: () => string;
}

/** Lays the rows of Parquet files out anew: together, sorted, with the columns of today, without some rows. Never changes an input. */
export class ParquetRewriter implements AsyncDisposable {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #memoryMb: number;
  readonly #newId: () => string;

  private constructor(
    duckdb: { readonly instance: DuckDBInstance; readonly connection: DuckDBConnection },
    memoryMb: number,
    newId: () => string,
  ) {
    this.#instance = duckdb.instance;
    this.#connection = duckdb.connection;
    this.#memoryMb = memoryMb;
    this.#newId = newId;
  }

  /** @throws Failure `InvalidSettings` where this platform has no native binary of DuckDB. */
  static async open(options: ParquetRewriterOptions): Promise<ParquetRewriter> {
    const duckdb = await loadDuckdb();
    if (duckdb === null)
      throw new Failure("InvalidSettings", "this platform has no native binary of DuckDB", {
        advice: "Let another machine, or an engine such as Spark, look after the tables.",
      });
    const { tempFolder, memoryMb = 512, newId } = options;
    try {
      await mkdir(tempFolder, { recursive: true });
      const instance = await duckdb.DuckDBInstance.create(":memory:", {
        threads: "1",
        memory_limit: `${memoryMb}MB`,
        temp_directory: join(tempFolder, "duckdb-spill"),
      });
      const connection = await instance.connect();
      return new ParquetRewriter({ instance, connection }, memoryMb, newId);
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
    const folder = `${path}.${this.#newId()}.tmp`;
    const paths = inputs.map((input) => input.path);
    const rowsOf = (from: readonly string[]) => {
      const query = `SELECT * FROM (${selectionOf(columns, from)}) WHERE NOT ${isOneOf(without)}`;
      return { query, columns, sort };
    };
    try {
      const rowsBefore = await this.#number(`SELECT count(*) FROM ${filesOf(paths)}`);
      const leftOut = without.length === 0 ? 0 : await this.count(paths, without);
      if (leftOut === rowsBefore) return { rowsBefore, rows: 0, bytes: 0, stats: [] };
      await mkdir(folder);
      let parts = await this.#partsOf(rowsOf(paths));
      if (parts.queries.length > 1) {
        // Each part looks into each file, and finds its rows in a sorted one without reading the others.
        const sorted: string[] = [];
        for (const input of inputs)
          if (input.sorted) sorted.push(input.path);
          else sorted.push(...(await this.#writeParts(rowsOf([input.path]), folder)));
        const written = await this.#writeParts(rowsOf(sorted), folder);
        parts = { ...parts, queries: [`SELECT * FROM ${filesOf(written)}`] };
      }
      const { queries, rowGroupRows } = parts;
      const [query = ""] = queries;
      const target = this.#pathIn(folder);
      const copy = { query, target, columns, rowGroupRows };
      const [file] = await copyToParquet(this.#connection, copy);
      const rows = file?.rows ?? 0;
      if (rows !== rowsBefore - leftOut)
        throw new Failure("Invariant", `DuckDB wrote ${rows} of ${rowsBefore - leftOut} rows`);
      const bytes = await publishDraft(target, path);
      return { rowsBefore, rows, bytes, stats: file?.columns ?? [] };
    } catch (error) {
      throw fileFailureOf(error, `writing ${path}`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Writes rows into files that are sorted, one after the other. Returns their paths. */
  async #writeParts(rows: SortableRows, folder: string): Promise<readonly string[]> {
    const { queries, rowGroupRows } = await this.#partsOf(rows);
    const paths: string[] = [];
    for (const query of queries) {
      const target = this.#pathIn(folder);
      const copy = { query, target, columns: rows.columns, rowGroupRows };
      await copyToParquet(this.#connection, copy);
      paths.push(target);
    }
    return paths;
  }

  #partsOf(rows: SortableRows): Promise<SortedParts> {
    return sortedParts(this.#connection, rows, this.#memoryMb);
  }

  #pathIn(folder: string): string {
    return join(folder, `${this.#newId()}.parquet`);
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
  const cast = columns.map(
    ({ name, type }) => `CAST(${identifier(name)} AS ${sqlTypeOf(type)}) AS ${identifier(name)}`,
  );
  return `SELECT ${cast.join(", ")} FROM (${emptySelectionOf(columns)} UNION ALL BY NAME SELECT * FROM ${filesOf(inputs)})`;
}

/** A condition that is never null. */
function isOneOf(keys: readonly RowKey[]): string {
  const [first] = keys;
  if (first === undefined) return "false";
  const names = Object.keys(first);
  const values = keys.map((key) => `(${names.map((name) => literal(key[name] ?? "")).join(", ")})`);
  return `coalesce((${names.map(identifier).join(", ")}) IN (${values.join(", ")}), false)`;
}
