import type { DuckDBConnection } from "@duckdb/node-api";
import type { BoundValue, Column, ColumnStats, ColumnType } from "@thulium-stream/contracts";
import { fieldIdsOf, identifier, literal } from "./duckdb-schema.ts";

/** What {@link copyToParquet} is to write. */
export interface ParquetCopy {
  /** A query whose result has these columns, in their order. */
  readonly query: string;
  /** A file; with `fileBytes` a folder that does not exist yet. */
  readonly target: string;
  readonly columns: readonly Column[];
  readonly rowGroupRows: number;
  /** A file ends with the row group that brings it to so many bytes. Default: one file. */
  readonly fileBytes?: number;
  /** A file ends after so many row groups; for a folder. Default: as many as the bytes allow. */
  readonly rowGroupsPerFile?: number;
}

/** A file that DuckDB wrote. */
export interface CopiedFile {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  /** Null counts and bounds, as DuckDB kept them for the file's own footer (P5). */
  readonly columns: readonly ColumnStats[];
}

/** Runs one `COPY` into ZSTD Parquet with field ids; bounds come from the writer itself, without another pass over the rows. */
export async function copyToParquet(
  connection: DuckDBConnection,
  { query, target, columns, rowGroupRows, fileBytes, rowGroupsPerFile }: ParquetCopy,
): Promise<readonly CopiedFile[]> {
  const options = [
    "FORMAT parquet",
    "COMPRESSION zstd",
    `ROW_GROUP_SIZE ${rowGroupRows}`,
    `FIELD_IDS ${fieldIdsOf(columns)}`,
    "RETURN_STATS",
    ...(fileBytes === undefined ? [] : [`FILE_SIZE_BYTES ${fileBytes}`]),
    ...(rowGroupsPerFile === undefined ? [] : [`ROW_GROUPS_PER_FILE ${rowGroupsPerFile}`]),
  ];
  const sql = `COPY (${query}) TO ${literal(target)} (${options.join(", ")})`;
  const copied = await connection.runAndReadAll(sql);
  return (copied.getRowsJson() as unknown as CopyRow[]).map(([path, rows, bytes, , stats]) => ({
    path,
    rows: Number(rows),
    bytes: Number(bytes),
    columns: statsOf(columns, stats ?? []),
  }));
}

type Entry<T> = { readonly key: string; readonly value: T };
type ColumnEntry = Entry<readonly Entry<string>[]>;
type CopyRow = readonly [
  path: string,
  rows: string,
  bytes: string,
  footer: string,
  stats: readonly ColumnEntry[] | null,
];

function statsOf(columns: readonly Column[], entries: readonly ColumnEntry[]): ColumnStats[] {
  const byName = new Map(entries.map(({ key, value }) => [key, value]));
  return columns.flatMap(({ id, name, type }) => {
    const stats = byName.get(identifier(name));
    if (typeof type !== "string" || stats === undefined) return [];
    const text = (key: string) => stats.find((entry) => entry.key === key)?.value;
    const bound = (key: string) => boundOf(type, text(key));
    return [
      { id, nulls: Number(text("null_count") ?? 0), lower: bound("min"), upper: bound("max") },
    ];
  });
}

function boundOf(type: ColumnType, text: string | undefined): BoundValue | null {
  if (text === undefined) return null;
  if (type === "integer") return Number.isSafeInteger(Number(text)) ? Number(text) : null;
  if (type === "boolean") return text === "1" || text === "true";
  if (type === "instant") return instantOf(text);
  return text;
}

/** `2026-11-24 13:46:39.123456+00` as ISO 8601; null for years that have another form. */
function instantOf(text: string): string | null {
  const [, day, time, decimals = "", offset] =
    /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})(\.\d+)?([+-]\d{2}(?::\d{2})?)$/.exec(text) ?? [];
  if (day === undefined || offset === undefined) return null;
  const utc = Date.parse(`${day}T${time}${offset.length === 3 ? `${offset}:00` : offset}`);
  return new Date(utc).toISOString().replace(/\.000Z$/, `${decimals || ".000"}Z`);
}
