import type {
  Column,
  LogRecord,
  ParquetEncoder,
  ParquetFileStats,
} from "@thulium-stream/contracts";
import { appendOrSetAside, type DeadLetterSink } from "./append-or-set-aside.ts";

/** Rows given to the encoder at once. */
const rowsAtOnce = 1000;
const empty = new Uint8Array();

/**
 * Writes records as rows of one Parquet file: the log's own bytes. A record that is no row of these columns goes to the dead letters, before the
 * file that lacks it can be committed; the others are written (P3). Returns null, and leaves no file, when no row is left.
 */
export async function encodeRows(
  records: readonly LogRecord[],
  target: {
    readonly encoder: ParquetEncoder;
    readonly path: string;
    readonly columns: readonly Column[];
    readonly deadLetter: DeadLetterSink;
    readonly nowMs: number;
  },
): Promise<ParquetFileStats | null> {
  const file = await target.encoder.open(target.path, target.columns);
  try {
    let rows = 0;
    for (let at = 0; at < records.length; at += rowsAtOnce)
      rows += await appendOrSetAside(records.slice(at, at + rowsAtOnce), {
        ...target,
        append: (taken) => file.append(taken.map(({ value }) => value ?? empty)),
      });
    if (rows > 0) return await file.close();
    await file.abort();
    return null;
  } catch (error) {
    await file.abort();
    throw error;
  }
}
