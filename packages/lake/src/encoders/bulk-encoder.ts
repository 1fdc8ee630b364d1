import type { Column, ParquetEncoder, ParquetFileStats } from "@thulium-stream/contracts";
import type { LineFiles } from "./line-file.ts";

/** An encoder that also takes rows which lie on the disk already: none of them passes through JavaScript. */
export interface BulkEncoder extends ParquetEncoder {
  /**
   * Makes the Parquet file `path` (P1, P2, P4, P5) of NDJSON files, which stay. What P3 asks of a row is the caller's to know: rows are cast to their columns as
   * leniently as the engine does. @throws Failure `CorruptRecord` when it cannot, or the files hold another number of rows: no row is named, and nothing is at `path`.
   */
  encodeLines(
    files: LineFiles,
    target: { readonly path: string; readonly columns: readonly Column[] },
  ): Promise<ParquetFileStats>;
}
