import { type FileHandle, mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import {
  type Column,
  Failure,
  type ParquetEncoder,
  type ParquetFile,
  type ParquetFileStats,
} from "@thulium-stream/contracts";
import { dropDraft, fileFailureOf, publishDraft } from "../draft-file.ts";
import { normaliserOf, type RowCheck, rowCheckOf } from "../row-check.ts";
import { type CopiedFile, copyToParquet, type ParquetCopy } from "./copy-to-parquet.ts";
import { jsonColumnsOf, literal } from "./duckdb-schema.ts";
import { loadDuckdb } from "./load-duckdb.ts";

/** JSON lines are collected to this many bytes before they are written (1 MB). */
const chunkBytes = 1024 * 1024;

/** DuckDB's JSON reader keeps two buffers of the longest line; this is the least it is given, in bytes. */
const leastLineBytes = 1024 * 1024;

const lineEnd = Buffer.from("\n");

/** Options of {@link createDuckdbEncoder}. */
export interface DuckdbEncoderOptions {
  /** Folder for rows on their way and for what DuckDB spills; made when missing. Needs room for one file's JSON. */
  readonly tempFolder: string;
  /** DuckDB's own memory limit, as it writes sizes. Default `256MB`. */
  readonly memoryLimit?: string;
  /** DuckDB's threads. Default 1: more keep more row groups in memory and mix the rows' order. */
  readonly threads?: number;
  /** Rows per row group. Default 30,720: over 300,000 ticket events the process peaked at 0.40 GB, with 122,880 at 0.57 GB. */
  readonly rowGroupRows?: number;
  /** Unique names for files being written. */
  readonly newId: () => string;
}

/**
 * The bulk encoder (P1–P5), by DuckDB: rows go as bytes into one NDJSON file, which `COPY` turns into ZSTD Parquet at
 * `close`. A call of `append` takes all its rows or none. One encoder is one DuckDB instance; its files close one after another.
 * @throws Failure `InvalidSettings` when this platform has no native binary of DuckDB; `Forbidden` when the folder cannot be made.
 */
export async function createDuckdbEncoder(options: DuckdbEncoderOptions): Promise<ParquetEncoder> {
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
    });
    return new DuckdbEncoder(instance, await instance.connect(), options);
  } catch (error) {
    throw fileFailureOf(error, "starting DuckDB");
  }
}

class DuckdbEncoder implements ParquetEncoder {
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
    if (this.#closed) throw new Failure("Closed", "the encoder is closed");
    const { tempFolder, rowGroupRows = 30_720, newId } = this.#options;
    const id = newId();
    const draft = `${path}.${id}.tmp`;
    const lines = join(tempFolder, `${id}.ndjson`);
    try {
      // DuckDB writes over it at the end; making it now tells at once whether the folder can be written to.
      await (await open(draft, "wx")).close();
      const handle = await open(lines, "wx");
      const copy = (what: ParquetCopy) => this.#copy(what);
      return new DuckdbFile({ path, draft, lines, columns, rowGroupRows, handle, copy });
    } catch (error) {
      throw fileFailureOf(error, `opening ${draft}`);
    }
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
  readonly rowGroupRows: number;
  readonly handle: FileHandle;
  /** Runs one COPY statement. */
  readonly copy: (what: ParquetCopy) => Promise<readonly CopiedFile[]>;
}

class DuckdbFile implements ParquetFile {
  readonly #plan: FilePlan;
  readonly #check: RowCheck;
  readonly #normalise: (row: unknown) => unknown;
  #rows = 0;
  #longestLine = leastLineBytes;
  #ended = false;

  constructor(plan: FilePlan) {
    this.#plan = plan;
    this.#check = rowCheckOf(plan.columns);
    this.#normalise = normaliserOf({ kind: "struct", fields: plan.columns });
  }

  async append(rows: readonly Uint8Array[]): Promise<void> {
    this.#checkOpen();
    // All are checked before the first is taken: one bad line would make DuckDB refuse the whole file.
    const lines = rows.map((bytes) => this.#lineOf(bytes));
    await this.#guarded("writing rows", async () => {
      for (const chunk of chunksOf(lines)) await this.#plan.handle.appendFile(chunk);
    });
    this.#rows += rows.length;
    for (const line of lines) this.#longestLine = Math.max(this.#longestLine, line.byteLength + 1);
  }

  async close(): Promise<ParquetFileStats> {
    this.#checkOpen();
    const { path, draft, lines, handle } = this.#plan;
    return await this.#guarded("closing", async () => {
      const file = await this.#copy();
      this.#ended = true;
      await handle.close();
      await dropDraft(lines);
      return { rows: this.#rows, bytes: await publishDraft(draft, path), columns: file.columns };
    });
  }

  async abort(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#plan.handle.close();
    await dropDraft(this.#plan.lines);
    await dropDraft(this.#plan.draft);
  }

  /** The row's own bytes where they can go on as they are. */
  #lineOf(bytes: Uint8Array): Uint8Array {
    const { row, asGiven } = this.#check(bytes);
    return asGiven ? bytes : Buffer.from(JSON.stringify(this.#normalise(row)));
  }

  async #copy(): Promise<CopiedFile> {
    const { columns, rowGroupRows, lines, draft, copy } = this.#plan;
    const source = `read_json(${literal(lines)}, format = 'newline_delimited', maximum_object_size = ${this.#longestLine}, columns = ${jsonColumnsOf(columns)})`;
    const query = `SELECT * FROM ${source}`;
    const [file] = await copy({ query, target: draft, columns, rowGroupRows });
    if (file?.rows !== this.#rows)
      throw new Failure("Invariant", `DuckDB wrote ${file?.rows} of ${this.#rows} rows`);
    return file;
  }

  /** Runs `work`; a failure in it ends the file. */
  async #guarded<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await this.abort().catch(() => undefined);
      await dropDraft(this.#plan.draft).catch(() => undefined);
      throw fileFailureOf(error, `${what} ${this.#plan.draft}`);
    }
  }

  #checkOpen(): void {
    if (this.#ended) throw new Failure("Closed", `${this.#plan.path} is closed`);
  }
}

/** Lines joined into pieces of about {@link chunkBytes}. */
function* chunksOf(lines: readonly Uint8Array[]): Iterable<Buffer> {
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  for (const line of lines) {
    pieces.push(line, lineEnd);
    bytes += line.byteLength + 1;
    if (bytes < chunkBytes) continue;
    yield Buffer.concat(pieces, bytes);
    pieces = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(pieces, bytes);
}
