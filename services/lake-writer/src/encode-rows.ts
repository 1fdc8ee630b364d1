import {
  type Column,
  type DeadLetter,
  deadLetterOf,
  isFailure,
  type LogRecord,
  type ParquetEncoder,
  type ParquetFile,
  type ParquetFileStats,
} from "@thulium-stream/contracts";

/** Takes what cannot be a row; resolves when it is durable. */
export type DeadLetterSink = (letter: DeadLetter) => Promise<void>;

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
      rows += await appendRows(file, records.slice(at, at + rowsAtOnce), target);
    if (rows > 0) return await file.close();
    await file.abort();
    return null;
  } catch (error) {
    await file.abort();
    throw error;
  }
}

async function appendRows(
  file: ParquetFile,
  records: readonly LogRecord[],
  target: Parameters<typeof encodeRows>[1],
): Promise<number> {
  try {
    await file.append(records.map(({ value }) => value ?? empty));
    return records.length;
  } catch (error) {
    if (!isFailure(error, "CorruptRecord")) throw error;
    const [only, ...more] = records;
    if (only === undefined) return 0;
    if (more.length === 0) {
      await target.deadLetter(deadLetterOf(only, { failure: error, attempts: 1 }, target.nowMs));
      return 0;
    }
    // The call took none of its rows: halve until the bad one stands alone.
    const middle = Math.ceil(records.length / 2);
    return (
      (await appendRows(file, records.slice(0, middle), target)) +
      (await appendRows(file, records.slice(middle), target))
    );
  }
}
