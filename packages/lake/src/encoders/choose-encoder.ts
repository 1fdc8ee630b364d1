import { Failure, type ParquetEncoder } from "@thulium-stream/contracts";

/** Values of the setting `PARQUET_ENCODER`. */
export const encoderSettings = ["auto", "parquetjs-lite", "duckdb"] as const;
/** One of {@link encoderSettings}. */
export type EncoderSetting = (typeof encoderSettings)[number];

/**
 * Batches above this many rows go to DuckDB under `auto`. The pure encoder holds the event loop for 0.25 ms a ticket
 * event (500: 0.13 s, against 0.02 s by DuckDB on its own thread); below that DuckDB's memory is not worth loading.
 */
const bulkRows = 500;

/** Batches above this many bytes of JSON go to DuckDB under `auto` (1 MB). */
const bulkBytes = 1024 * 1024;

/** What the choice depends on. */
export interface EncoderChoice {
  readonly setting: EncoderSetting;
  /** Rows of the batch. */
  readonly rows: number;
  /** Bytes of the batch as JSON. */
  readonly bytes: number;
  /** Whether this platform has DuckDB's native binary. */
  readonly duckdbAvailable: boolean;
}

/**
 * Which encoder writes a batch: the one that is set; under `auto` DuckDB for bulk where it is available, the pure one otherwise.
 * @throws Failure `InvalidSettings` when `duckdb` is set and not available.
 */
export function chooseEncoder(choice: EncoderChoice): ParquetEncoder["name"] {
  const { setting, rows, bytes, duckdbAvailable } = choice;
  if (setting === "duckdb" && !duckdbAvailable)
    throw new Failure(
      "InvalidSettings",
      "PARQUET_ENCODER is duckdb, but this platform has no native binary of DuckDB",
      { advice: "Set PARQUET_ENCODER to auto or parquetjs-lite." },
    );
  if (setting !== "auto") return setting;
  return duckdbAvailable && (rows > bulkRows || bytes > bulkBytes) ? "duckdb" : "parquetjs-lite";
}
