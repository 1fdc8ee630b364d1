import type { ColumnStats } from "@thulium-stream/contracts";

/** A data file of a table, as a writer made it. */
export interface DataFile {
  /** Key in the object store. */
  readonly key: string;
  /** Value of the table's partition column; null = the rows have none. */
  readonly partition: string | null;
  readonly rows: number;
  readonly bytes: number;
  /** Null counts and bounds by which engines skip the file. */
  readonly columns: readonly ColumnStats[];
  /** Whether its rows are in the table's sort order. */
  readonly sorted: boolean;
}

/** A data file that a snapshot names. */
export interface LiveFile extends DataFile {
  /** The snapshot that added it. */
  readonly addedBy: SnapshotId;
}

/** Id of a snapshot: a number while it is exact, else a bigint (other engines draw 63 bits). */
export type SnapshotId = number | bigint;

/** Next position per partition of the one topic that a table reads. */
export type Positions = Readonly<Record<string, number>>;

/** The limits of a list of files. */
export function totalsOf(files: Iterable<Pick<DataFile, "rows" | "bytes">>): {
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
} {
  const totals = { files: 0, rows: 0, bytes: 0 };
  for (const { rows, bytes } of files) {
    totals.files += 1;
    totals.rows += rows;
    totals.bytes += bytes;
  }
  return totals;
}
