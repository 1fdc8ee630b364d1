import { expect, it } from "vitest";
import { chooseEncoder, type EncoderChoice } from "./choose-encoder.ts";

const choice = (fields: Partial<EncoderChoice>): EncoderChoice => ({
  setting: "auto",
  rows: 10,
  bytes: 10_000,
  duckdbAvailable: true,
  ...fields,
});

it("auto takes the pure encoder for small batches and DuckDB for bulk by rows or by bytes", () => {
  expect(chooseEncoder(choice({}))).toBe("parquetjs-lite");
  expect(chooseEncoder(choice({ rows: 0, bytes: 0 }))).toBe("parquetjs-lite");
  expect(chooseEncoder(choice({ rows: 50_000 }))).toBe("duckdb");
  expect(chooseEncoder(choice({ bytes: 10_000_000 }))).toBe("duckdb");
});

it("auto takes the pure encoder for everything where DuckDB has no binary", () => {
  const bulk = choice({ rows: 50_000, bytes: 10_000_000, duckdbAvailable: false });
  expect(chooseEncoder(bulk)).toBe("parquetjs-lite");
});

it("a set encoder is taken whatever the batch; a set one that is missing is refused with advice", () => {
  expect(chooseEncoder(choice({ setting: "parquetjs-lite", rows: 50_000 }))).toBe("parquetjs-lite");
  expect(chooseEncoder(choice({ setting: "duckdb", rows: 1 }))).toBe("duckdb");
  expect(() => chooseEncoder(choice({ setting: "duckdb", duckdbAvailable: false }))).toThrowError(
    expect.objectContaining({
      code: "InvalidSettings",
      advice: expect.stringContaining("PARQUET_ENCODER"),
    }),
  );
});
