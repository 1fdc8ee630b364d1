import type { DuckDBConnection } from "@duckdb/node-api";
import type { Column, ColumnType } from "@thulium-stream/contracts";
import { identifier, literal } from "./duckdb-schema.ts";

/** Rows to be laid out in an order. */
export interface SortableRows {
  /** SQL of the rows, in any order. */
  readonly query: string;
  readonly columns: readonly Column[];
  /** Names of the columns to sort by, ascending, nulls last; the first is text. None: as they come. */
  readonly sort: readonly string[];
}

/** How rows are sorted and written within a bound of memory. */
export interface SortedParts {
  /** SQL of sorted rows: each part holds what comes after the part before. */
  readonly queries: readonly string[];
  /** Rows of a row group, so that a group's rows fit into the memory of a part. */
  readonly rowGroupRows: number;
}

/** Most rows of a row group: DuckDB's own default. */
const mostRowGroupRows = 122_880;
/** DuckDB keeps about so many rows in memory while it merges what it sorted, however large they are. */
const rowsInMemory = 65_536;
/** What a part takes while it is sorted, encoded and compressed: measured three times its bytes, and room for the rest. */
const partsInMemory = 8;

/**
 * Cuts rows by the first column of their order into parts that DuckDB sorts and writes within its memory limit. Its sort spills rows to the disk, but at the end holds a number of
 * rows whatever they weigh, and its Parquet writer holds a row group: a few thousand long texts exceed any limit. Rows of one value of the first column stay together.
 */
export async function sortedParts(
  connection: DuckDBConnection,
  { query, columns, sort }: SortableRows,
  memoryMb: number,
): Promise<SortedParts> {
  const partBytes = Math.floor((memoryMb * 1e6) / partsInMemory);
  const [first, ...rest] = sort.map(identifier);
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE sizes AS
     SELECT value, bytes, sum(bytes) OVER upto AS bytes_upto, sum(rows) OVER upto AS rows_upto
     FROM (SELECT ${first ?? "NULL::VARCHAR"} AS value, sum(${bytesOf(columns)}) AS bytes, count(*) AS rows FROM (${query}) GROUP BY 1)
     WINDOW upto AS (ORDER BY value NULLS LAST ROWS UNBOUNDED PRECEDING)`,
  );
  const [[rows, bytes, densest] = []] = (
    await connection.runAndReadAll(
      `SELECT coalesce(max(rows_upto), 0), coalesce(max(bytes_upto), 0),
         (SELECT coalesce(max(bytes), 0) FROM (SELECT sum(bytes) AS bytes FROM sizes GROUP BY (rows_upto - 1) // ${rowsInMemory}))
       FROM sizes`,
    )
  ).getRows();
  const rowGroupRows = rowGroupRowsOf(Number(rows), Number(bytes), partBytes);
  if (first === undefined) return { queries: [query], rowGroupRows };
  const order = `ORDER BY ${[first, ...rest].map((name) => `${name} NULLS LAST`).join(", ")}`;
  const sorted = (condition: string) => `SELECT * FROM (${query}) WHERE ${condition} ${order}`;
  if (Number(densest) <= partBytes) return { queries: [sorted("true")], rowGroupRows };
  const found = await connection.runAndReadAll(
    `SELECT min(value) FROM sizes GROUP BY (bytes_upto - 1) // ${partBytes} HAVING min(value) IS NOT NULL ORDER BY 1 OFFSET 1`,
  );
  const cuts = found.getRows().map(([value]) => literal(String(value)));
  return { queries: rangesOf(first, cuts).map(sorted), rowGroupRows };
}

/** Conditions that divide rows by a column at these values; the last one takes rows without a value, too. Pure. */
function rangesOf(column: string, cuts: readonly string[]): readonly string[] {
  return [null, ...cuts].map((from, at) => {
    const to = cuts[at];
    const least = from === null ? "true" : `${column} >= ${from}`;
    return to === undefined ? `(${least} OR ${column} IS NULL)` : `${least} AND ${column} < ${to}`;
  });
}

/** A whole number of DuckDB's vectors, as far as one fits. Pure. */
function rowGroupRowsOf(rows: number, bytes: number, partBytes: number): number {
  const fitting = Math.floor((partBytes * rows) / Math.max(bytes, 1));
  const vectors = fitting - (fitting % 2_048);
  return Math.min(mostRowGroupRows, Math.max(1, vectors || fitting));
}

/** About what a row takes in memory. */
function bytesOf(columns: readonly Column[]): string {
  const sizes = columns.map(({ name, type }) => sizeOf(identifier(name), type));
  return [...sizes, String(16 * columns.length)].join(" + ");
}

function sizeOf(name: string, type: ColumnType): string {
  if (type === "text") return `coalesce(strlen(${name}), 0)`;
  return typeof type === "string" ? "0" : `coalesce(strlen(CAST(${name} AS VARCHAR)), 0)`;
}
