import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import {
  type Column,
  Failure,
  type ParquetFile,
  type ParquetFileStats,
} from "@thulium-stream/contracts";
import type { BulkEncoder } from "../bulk-encoder.ts";
import { dropDraft, fileFailureOf, publishDraft } from "../draft-file.ts";
import { LineAppender, type LineFiles } from "../line-file.ts";
import { rowLineOf } from "../row-line.ts";
import { type CopiedFile, copyToParquet, type ParquetCopy } from "./copy-to-parquet.ts";
import { jsonColumnsOf, literal } from "./duckdb-schema.ts";
import { loadDuckdb } from "./load-duckdb.ts";

/** DuckDB's JSON reader keeps two buffers of the longest line; this is the least it is given, in bytes. */
const leastLineBytes = 1024 * 1024;

/**
 * Memory that DuckDB lets go of at once goes back to the system from this size on. By its own default of 512 MB each thread of the pool that has run a `COPY` keeps
 * what it took: five files of 50,000 ticket events came to 0.32 GB so, to 0.22 GB with this.
 */
const returnedFrom = "16MB";

/** Options of {@link createDuckdbEncoder}. */
export interface DuckdbEncoderOptions {
  /** Folder for rows on their way and for what DuckDB spills; made when missing. Needs room for one file's JSON. */
  readonly tempFolder: string;
  /** DuckDB's own memory limit, as it writes sizes. Default `256MB`. */
  readonly memoryLimit?: string;
  /** DuckDB's threads. Default 1: more keep more row groups in memory and mix the rows' order. */
  readonly threads?: number;
  /** Rows per row group. Default 10,240: a drain of 150,000 ticket events peaked 0.1 GB lower than with 30,720. Compaction writes larger ones. */
  readonly rowGroupRows?: number;
  /** Unique names for files being written. */
  readonly newId: () => string;
}

/**
 * The bulk encoder (P1–P5), by DuckDB: rows go as bytes into one NDJSON file, which `COPY` turns into ZSTD Parquet at
 * `close`. A call of `append` takes all its rows or none. One encoder is one DuckDB instance; its files close one after another.
 * @throws Failure `InvalidSettings` when this platform has no native binary of DuckDB; `Forbidden` when the folder cannot be made.
 */
export async function createDuckdbEncoder(options: DuckdbEncoderOptions): Promise<BulkEncoder> {
  const { tempFolder, memoryLimit = "256MB", threads = 1 } = options;
  const duckdb = await loadDuckdb();
  if (duckdb === null)
    throw new Failure("InvalidSettings", "this platform has no native binary of DuckDB", {
      advice: "Set PARQUET_ENCODER to auto or parquetjs-lite.",
    });
  try {
    await mkdir(tempFolder, { recursive: true });
    const instance = await duckdb.DuckDBInstance.create(":memory:", {
      threads: String(threads),
      memory_limit: memoryLimit,
      temp_directory: join(tempFolder, "duckdb-spill"),
      allocator_bulk_deallocation_flush_threshold: returnedFrom,
    });
    return new DuckdbEncoder(instance, await instance.connect(), options);
  } catch (error) {
    throw fileFailureOf(error, "starting DuckDB");
  }
}

class DuckdbEncoder implements BulkEncoder {
  readonly name = "duckdb";
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #options: DuckdbEncoderOptions;
  #queries: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(
    instance: DuckDBInstance,
    connection: DuckDBConnection,
    options: DuckdbEncoderOptions,
  ) {
    this.#instance = instance;
    this.#connection = connection;
    this.#options = options;
  }

  async open(path: string, columns: readonly Column[]): Promise<ParquetFile> {
    this.#checkOpen();
    const lines = join(this.#options.tempFolder, `${this.#options.newId()}.ndjson`);
    const draft = this.#draftOf(path);
    try {
      // DuckDB writes over it at the end; making it now tells at once whether the folder can be written to.
      await (await open(draft, "wx")).close();
      await (await open(lines, "wx")).close();
      const encode = (files: LineFiles) => this.#encode(files, { path, draft, columns });
      return new DuckdbFile({ path, draft, lines, columns, encode });
    } catch (error) {
      throw fileFailureOf(error, `opening ${draft}`);
    }
  }

  async encodeLines(
    files: LineFiles,
    target: { readonly path: string; readonly columns: readonly Column[] },
  ): Promise<ParquetFileStats> {
    this.#checkOpen();
    const draft = this.#draftOf(target.path);
    try {
      return await this.#encode(files, { ...target, draft });
    } catch (error) {
      await dropDraft(draft);
      throw refusalOf(error) ?? fileFailureOf(error, `encoding ${draft}`);
    }
  }

  async #encode(
    { paths, rows, longestLineBytes }: LineFiles,
    target: { readonly path: string; readonly draft: string; readonly columns: readonly Column[] },
  ): Promise<ParquetFileStats> {
    const { path, draft, columns } = target;
    const { rowGroupRows = 10_240 } = this.#options;
    const longest = Math.max(leastLineBytes, longestLineBytes);
    const list = paths.map(literal).join(", ");
    const source = `read_json([${list}], format = 'newline_delimited', maximum_object_size = ${longest}, columns = ${jsonColumnsOf(columns)})`;
    const query = `SELECT * FROM ${source}`;
    const [file] = await this.#copy({ query, target: draft, columns, rowGroupRows });
    if (file?.rows !== rows)
      throw new Failure("CorruptRecord", `DuckDB found ${file?.rows} rows in ${rows} lines`);
    return { rows, bytes: await publishDraft(draft, path), columns: file.columns };
  }

  #draftOf(path: string): string {
    return `${path}.${this.#options.newId()}.tmp`;
  }

  #checkOpen(): void {
    if (this.#closed) throw new Failure("Closed", "the encoder is closed");
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#queries;
    this.#connection.closeSync();
    this.#instance.closeSync();
  }

  /** Runs a COPY after those before it, so that memory is that of one. */
  #copy(what: ParquetCopy): Promise<readonly CopiedFile[]> {
    const running = this.#queries.then(() => copyToParquet(this.#connection, what));
    this.#queries = running.catch(() => undefined);
    return running;
  }
}

interface FilePlan {
  readonly path: string;
  /** The Parquet file until it is complete. */
  readonly draft: string;
  /** The rows as NDJSON. */
  readonly lines: string;
  readonly columns: readonly Column[];
  /** Makes the Parquet file of its lines. */
  readonly encode: (files: LineFiles) => Promise<ParquetFileStats>;
}

class DuckdbFile implements ParquetFile {
  readonly #plan: FilePlan;
  readonly #lineOf: (row: Uint8Array) => Uint8Array;
  readonly #appender = new LineAppender();
  #rows = 0;
  #longestLineBytes = 0;
  #ended = false;

  constructor(plan: FilePlan) {
    this.#plan = plan;
    this.#lineOf = rowLineOf(plan.columns);
  }

  async append(rows: readonly Uint8Array[]): Promise<void> {
    this.#checkOpen();
    // All are checked before the first is taken: one bad line would make DuckDB refuse the whole file.
    const lines = rows.map(this.#lineOf);
    await this.#guarded("writing rows", () => this.#appender.append(this.#plan.lines, lines));
    this.#rows += rows.length;
    for (const line of lines)
      this.#longestLineBytes = Math.max(this.#longestLineBytes, line.byteLength + 1);
  }

  async close(): Promise<ParquetFileStats> {
    this.#checkOpen();
    const { lines, encode } = this.#plan;
    const files = { paths: [lines], rows: this.#rows, longestLineBytes: this.#longestLineBytes };
    return await this.#guarded("closing", async () => {
      const stats = await encode(files);
      this.#ended = true;
      await dropDraft(lines);
      return stats;
    });
  }

  async abort(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await dropDraft(this.#plan.lines);
    await dropDraft(this.#plan.draft);
  }

  /** Runs `work`; a failure in it ends the file. */
  async #guarded<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await this.abort().catch(() => undefined);
      throw fileFailureOf(error, `${what} ${this.#plan.draft}`);
    }
  }

  #checkOpen(): void {
    if (this.#ended) throw new Failure("Closed", `${this.#plan.path} is closed`);
  }
}

/** DuckDB's refusal of a row, without what it quotes of it; null for any other trouble. */
function refusalOf(error: unknown): Failure | null {
  if (!(error instanceof Error) || !/^(Invalid Input|Conversion) Error/.test(error.message))
    return null;
  return new Failure("CorruptRecord", "DuckDB refuses a row as it is");
}
