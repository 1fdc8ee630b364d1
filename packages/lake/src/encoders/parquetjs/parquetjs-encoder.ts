import { type FileHandle, open } from "node:fs/promises";
import {
  type Column,
  Failure,
  type ParquetEncoder,
  type ParquetFile,
  type ParquetFileStats,
} from "@thulium-stream/contracts";
import parquetjs, { type ParquetWriter } from "parquetjs-lite";
import { ColumnTally } from "../column-stats.ts";
import { dropDraft, fileFailureOf, publishDraft } from "../draft-file.ts";
import { type RowCheck, rowCheckOf } from "../row-check.ts";
import { footerOf } from "./footer.ts";
import { fieldsOf, recordOf } from "./parquetjs-schema.ts";

/** A row group also ends when its rows were this many bytes of JSON (16 MB), however few they are (P4). */
const rowGroupBytes = 16 * 1024 * 1024;

/** What pitfalls of the library ask for: version 2 pages and page indexes of its making are not read alike everywhere. */
const writerOptions = { useDataPageV2: false, pageIndex: false } as const;

/** Options of {@link createParquetjsEncoder}. */
export interface ParquetjsEncoderOptions {
  /** Rows per row group, 1–5,000. Default 5,000. */
  readonly rowGroupRows?: number;
  /** Unique names for files being written. */
  readonly newId: () => string;
}

/**
 * The pure JavaScript encoder (P1–P5), by parquetjs-lite: GZIP pages, row by row, for live flushes and for platforms
 * without DuckDB. A call of `append` takes all its rows or none.
 */
export function createParquetjsEncoder(options: ParquetjsEncoderOptions): ParquetEncoder {
  const { rowGroupRows = 5_000, newId } = options;
  return {
    name: "parquetjs-lite",
    open: async (path, columns) => {
      const draft = `${path}.${newId()}.tmp`;
      try {
        return new ParquetjsFile({
          path,
          draft,
          columns,
          rowGroupRows,
          handle: await open(draft, "wx"),
        });
      } catch (error) {
        throw fileFailureOf(error, `opening ${draft}`);
      }
    },
    close: async () => undefined,
  };
}

interface FilePlan {
  readonly path: string;
  readonly draft: string;
  readonly columns: readonly Column[];
  readonly rowGroupRows: number;
  readonly handle: FileHandle;
}

class ParquetjsFile implements ParquetFile {
  readonly #plan: FilePlan;
  readonly #writer: ParquetWriter;
  readonly #check: RowCheck;
  readonly #record: (row: Readonly<Record<string, unknown>>) => object;
  readonly #tally: ColumnTally;
  readonly #dates = new Map<string, Date>();
  #written: Promise<void> = Promise.resolve();
  #rows = 0;
  #groupRows = 0;
  #groupBytes = 0;
  #ended = false;

  constructor(plan: FilePlan) {
    const { columns, rowGroupRows } = plan;
    this.#plan = plan;
    this.#check = rowCheckOf(columns);
    this.#tally = new ColumnTally(columns);
    this.#record = recordOf(columns, (instant) => this.#dateOf(instant));
    const schema = new parquetjs.ParquetSchema(fieldsOf(columns));
    const options = { ...writerOptions, rowGroupSize: rowGroupRows };
    const envelope = new parquetjs.ParquetEnvelopeWriter(
      schema,
      (bytes) => this.#write(bytes),
      async () => undefined,
      0,
      options,
    );
    envelope.writeFooter = () =>
      envelope.writeSection(
        footerOf(columns, { rows: envelope.rowCount, rowGroups: envelope.rowGroups }),
      );
    this.#writer = new parquetjs.ParquetWriter(schema, envelope, options);
  }

  async append(rows: readonly Uint8Array[]): Promise<void> {
    this.#checkOpen();
    // All are checked before the first is taken: the writer cannot give a row back, and a bad date would lose the file.
    const checked = rows.map((bytes) => ({ row: this.#check(bytes).row, bytes: bytes.byteLength }));
    await this.#guarded("writing rows", async () => {
      for (const { row, bytes } of checked) {
        await this.#appendRow(this.#record(row), bytes);
        this.#tally.add(row);
      }
    });
  }

  async close(): Promise<ParquetFileStats> {
    this.#checkOpen();
    const { draft, path, handle } = this.#plan;
    return await this.#guarded("closing", async () => {
      await this.#writer.close();
      await this.#written;
      this.#ended = true;
      await handle.close();
      return {
        rows: this.#rows,
        bytes: await publishDraft(draft, path),
        columns: this.#tally.stats,
      };
    });
  }

  async abort(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#written.catch(() => undefined);
    await this.#plan.handle.close();
    await dropDraft(this.#plan.draft);
  }

  async #appendRow(record: object, bytes: number): Promise<void> {
    this.#groupRows += 1;
    this.#groupBytes += bytes;
    const { rowGroupRows } = this.#plan;
    const full = this.#groupRows >= rowGroupRows || this.#groupBytes >= rowGroupBytes;
    // The writer ends a row group after the row that fills it; its size is the only handle on that.
    if (full) this.#writer.setRowGroupSize(1);
    await this.#writer.appendRow(record);
    this.#rows += 1;
    if (!full) return;
    this.#writer.setRowGroupSize(rowGroupRows);
    this.#groupRows = 0;
    this.#groupBytes = 0;
    this.#dates.clear();
    await this.#written;
  }

  /** The writer does not wait for its first and last sections: they are put in order here. */
  #write(bytes: Buffer): Promise<void> {
    const { handle } = this.#plan;
    const writing = this.#written.then(() => handle.appendFile(bytes));
    this.#written = writing;
    // Whoever awaits meets the failure; a section that nobody awaits must not end the process.
    writing.catch(() => undefined);
    return writing;
  }

  #dateOf(instant: string): Date {
    const known = this.#dates.get(instant);
    if (known !== undefined) return known;
    const date = new Date(instant);
    this.#dates.set(instant, date);
    return date;
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
