import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import type { Column, ColumnType, ParquetEncoder } from "@thulium-stream/contracts";
import {
  type ParquetReader,
  parquetEncoderConformance,
  type ReadRow,
  type ReadValue,
} from "@thulium-stream/kit/conformance";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { afterAll, describe, expect, it } from "vitest";
import { createDuckdbEncoder } from "./duckdb/duckdb-encoder.ts";
import { identifier, literal } from "./duckdb/duckdb-schema.ts";
import { createParquetjsEncoder } from "./parquetjs/parquetjs-encoder.ts";

let ids = 0;
const newId = () => `id-${++ids}`;

const instance = await DuckDBInstance.create(":memory:", { threads: "1", memory_limit: "512MB" });
const connection = await instance.connect();
afterAll(() => {
  connection.closeSync();
  instance.closeSync();
});

/** Asks DuckDB; values as JSON. */
async function ask(sql: string): Promise<Record<string, unknown>[]> {
  return (await connection.runAndReadAll(sql)).getRowObjectsJson();
}

const duckdb: ParquetReader = {
  name: "DuckDB",
  read: async (path, columns) => {
    const rows = await connection.runAndReadAll(
      `SELECT ${columns.map(({ name }) => identifier(name)).join(", ")} FROM read_parquet(${literal(path)})`,
    );
    return rows.getRowObjects().map((row) => fromDuckdb({ kind: "struct", fields: columns }, row));
  },
};

/** Unwraps DuckDB's value classes: `micros` of an instant, `items` of a list, `entries` of a struct. */
function fromDuckdb(type: ColumnType, value: unknown): ReadRow {
  return convert(type, value, {
    instant: (at) => (at as { micros: bigint }).micros,
    items: (list) => (list as { items: readonly unknown[] }).items,
    fields: (struct) =>
      ((struct as { entries?: object }).entries ?? struct) as Record<string, unknown>,
  }) as ReadRow;
}

const hyparquet: ParquetReader = {
  name: "hyparquet",
  read: async (path, columns) => {
    const rows = await parquetReadObjects({
      file: await asyncBufferFromFile(path),
      compressors,
      parsers: { timestampFromMicroseconds: (micros: bigint) => micros },
    });
    return rows.map(
      (row) =>
        convert({ kind: "struct", fields: columns }, row, {
          instant: (at) => at as bigint,
          items: (list) => list as readonly unknown[],
          fields: (struct) => struct as Record<string, unknown>,
        }) as ReadRow,
    );
  },
};

interface Unwrapping {
  instant(value: unknown): bigint;
  items(value: unknown): readonly unknown[];
  fields(value: unknown): Readonly<Record<string, unknown>>;
}

function convert(type: ColumnType, value: unknown, unwrap: Unwrapping): ReadValue {
  if (value === null || value === undefined) return null;
  if (type === "instant") return unwrap.instant(value);
  if (typeof type === "string") return value as ReadValue;
  if (type.kind === "list")
    return unwrap.items(value).map((item) => convert(type.element, item, unwrap));
  const fields = unwrap.fields(value);
  return Object.fromEntries(
    type.fields.map((field) => [field.name, convert(field.type, fields[field.name], unwrap)]),
  );
}

// pyarrow reads the same files in parquet-pyarrow.int.test.ts.
const readers = [duckdb, hyparquet];

parquetEncoderConformance({
  name: "the parquetjs-lite encoder",
  makeEncoder: async () => createParquetjsEncoder({ newId }),
  readers,
});

parquetEncoderConformance({
  name: "the DuckDB encoder",
  makeEncoder: (folder) => createDuckdbEncoder({ tempFolder: folder, newId }),
  readers,
});

describe("files of both encoders", () => {
  const leaf = (id: number, name: string, type: ColumnType): Column => ({
    id,
    name,
    type,
    doc: "",
  });
  const columns: readonly Column[] = [
    leaf(1, "t", "text"),
    leaf(2, "n", "integer"),
    leaf(3, "b", "boolean"),
    leaf(4, "at", "instant"),
    leaf(7, "head", {
      kind: "struct",
      fields: [
        leaf(8, "seen_at", "instant"),
        leaf(9, "pairs", {
          kind: "list",
          elementId: 10,
          element: {
            kind: "struct",
            fields: [leaf(11, "name", "text"), leaf(12, "value", "text")],
          },
        }),
      ],
    }),
  ];
  // By twos: in UTF-16 order the bounds of the second row group would be 😀 to U+FFFD, in bytes the other way round.
  const rows = ["a", "z", "\ufffd", "😀", "ż"].map((t, index) => ({
    t,
    n: index * 10 - 20,
    b: true,
    at: `19${68 + index}-01-01T00:00:00.000Z`,
  }));

  async function both(
    use: (files: { readonly pure: string; readonly bulk: string }) => Promise<void>,
    given: readonly object[] = rows,
  ) {
    const folder = await mkdtemp(join(tmpdir(), "both-encoders-"));
    const files = { pure: join(folder, "pure.parquet"), bulk: join(folder, "bulk.parquet") };
    const write = async (encoder: ParquetEncoder, path: string) => {
      const file = await encoder.open(path, columns);
      await file.append(given.map((row) => Buffer.from(JSON.stringify(row))));
      await file.close();
      await encoder.close();
    };
    await write(createParquetjsEncoder({ newId, rowGroupRows: 2 }), files.pure);
    await write(await createDuckdbEncoder({ tempFolder: folder, newId }), files.bulk);
    await use(files);
    await rm(folder, { recursive: true });
  }

  it("have the same names, types and field ids for every reader, so one folder may hold both", () =>
    both(async ({ pure, bulk }) => {
      const types = (path: string) => ask(`DESCRIBE SELECT * FROM read_parquet(${literal(path)})`);
      expect(await types(pure)).toEqual(await types(bulk));
      expect((await types(pure)).map((column) => column["column_type"])).toContain(
        "TIMESTAMP WITH TIME ZONE",
      );
      const ids = async (path: string) => {
        const { schema } = await parquetMetadataAsync(await asyncBufferFromFile(path));
        return schema.slice(1).map(({ name, field_id, type, repetition_type }) => ({
          name,
          field_id,
          type,
          repetition_type,
        }));
      };
      expect(await ids(pure)).toEqual(await ids(bulk));
      expect((await ids(pure)).flatMap(({ field_id }) => field_id ?? [])).toEqual([
        1, 2, 3, 4, 7, 8, 9, 10, 11, 12,
      ]);
    }));

  it("are filtered rightly on every column: no bound hides a row", () =>
    both(async ({ pure, bulk }) => {
      for (const path of [pure, bulk])
        for (const { t, n, at } of rows)
          for (const condition of [
            `t = ${literal(t)}`,
            `n = ${n}`,
            `"at" = TIMESTAMPTZ ${literal(at)}`,
          ])
            expect(
              await ask(`SELECT t FROM read_parquet(${literal(path)}) WHERE ${condition}`),
              `${path} ${condition}`,
            ).toEqual([{ t }]);
    }));

  it("carry bounds of integers and instants per row group, so that readers can skip", () => {
    const [low = "", high = ""] = rows.map(({ at }) => at);
    const given = [
      { n: 7, at: high, t: "x" },
      { n: -20, at: low, t: "y" },
      { n: 7, at: high, t: "y" },
      { n: 7, at: high, t: "y" },
      { n: null, at: null },
      { n: 7, at: high },
    ];
    return both(async ({ pure }) => {
      const stats = await ask(
        `SELECT path_in_schema AS name, stats_min_value AS low, stats_max_value AS high,
                stats_null_count AS nulls, stats_distinct_count AS distinct_values
         FROM parquet_metadata(${literal(pure)})`,
      );
      const text = (instant: string) => instant.replace("T", " ").replace(".000Z", "+00");
      expect(stats.filter((group) => group["low"] !== null)).toEqual([
        { name: "n", low: "-20", high: "7", nulls: "0", distinct_values: "2" },
        { name: "at", low: text(low), high: text(high), nulls: "0", distinct_values: "2" },
        { name: "n", low: "7", high: "7", nulls: "0", distinct_values: "1" },
        { name: "at", low: text(high), high: text(high), nulls: "0", distinct_values: "1" },
        { name: "n", low: "7", high: "7", nulls: "1", distinct_values: "1" },
        { name: "at", low: text(high), high: text(high), nulls: "1", distinct_values: "1" },
      ]);
    }, given);
  });
});
