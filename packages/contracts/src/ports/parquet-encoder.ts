/**
 * Turns rows into one Parquet file. Rules, cited as P1–P5; one round-trip suite holds for every encoder:
 *
 * P1 What is read back equals what was given, value by value; lone surrogates become U+FFFD, nothing else changes.
 * P2 The file appears under its path only when `close` resolves; `abort` and a crash leave nothing there but a temporary file.
 * P3 A row that breaks its column's type fails the call with `CorruptRecord` naming the column; none of the call's rows is taken, rows given before stay good.
 * P4 Memory is bounded by the row group, not by the file.
 * P5 `close` tells of every top-level column that is not nested how many rows lack it and bounds that hold for all others, text by its UTF-8 bytes.
 */
export interface ParquetEncoder {
  readonly name: "parquetjs-lite" | "duckdb";
  /** Opens a file to be written at `path` in an existing folder. */
  open(path: string, columns: readonly Column[]): Promise<ParquetFile>;
  /** Releases what the encoder holds. Idempotent. */
  close(): Promise<void>;
}

/** A Parquet file being written. */
export interface ParquetFile {
  /** Rows as UTF-8 JSON objects keyed by column name: the log's own bytes. Missing keys are null, unknown keys are ignored. */
  append(rows: readonly Uint8Array[]): Promise<void>;
  /** Finishes the file (P2). */
  close(): Promise<ParquetFileStats>;
  /** Gives it up. Idempotent. */
  abort(): Promise<void>;
}

/** What became of a file. */
export interface ParquetFileStats {
  readonly rows: number;
  readonly bytes: number;
  /** Null counts and bounds, nested columns excepted (P5). */
  readonly columns: readonly ColumnStats[];
}

/** A value that bounds a column: text, an integer, true or false; an instant as ISO 8601 UTC text. */
export type BoundValue = string | number | boolean;

/** What a file's metadata says of one column, so that engines can skip the file. */
export interface ColumnStats {
  /** Field id of the column. */
  readonly id: number;
  readonly nulls: number;
  /** Nothing is below; null where there are no values or no bound is known. */
  readonly lower: BoundValue | null;
  /** Nothing is above; may itself be above every value. */
  readonly upper: BoundValue | null;
}

/** One column: its name, type and what it means. `id` is the field id of Iceberg and Parquet, unique within a table, never reused. */
export interface Column {
  readonly id: number;
  readonly name: string;
  readonly type: ColumnType;
  readonly doc: string;
}

/**
 * `text` takes strings as they are and anything else as JSON text; `instant` takes ISO 8601 UTC text and is stored as
 * microseconds; `integer` is 64 bit within ±(2^53−1). All are nullable. `elementId` and field ids serve Iceberg.
 */
export type ColumnType =
  | "text"
  | "integer"
  | "boolean"
  | "instant"
  | { readonly kind: "list"; readonly elementId: number; readonly element: ColumnType }
  | { readonly kind: "struct"; readonly fields: readonly Column[] };
