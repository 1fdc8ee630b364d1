import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Column, ParquetEncoder } from "@thulium-stream/contracts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createDuckdbEncoder } from "./encoders/duckdb/duckdb-encoder.ts";
import { createParquetjsEncoder } from "./encoders/parquetjs/parquetjs-encoder.ts";
import { openLakeQuery } from "./query.ts";

let ids = 0;
const newId = () => `id-${++ids}`;
const leaf = (id: number, name: string, type: Column["type"]): Column => ({
  id,
  name,
  type,
  doc: "",
});
const named = (...more: Column[]): Column["type"] => ({
  kind: "struct",
  fields: [leaf(10, "name", "text"), ...more],
});

/** What the table had before its last two columns were added, one of them inside the struct. */
const older: readonly Column[] = [
  leaf(1, "ticket_id", "text"),
  leaf(2, "from", "text"),
  leaf(3, "at", "instant"),
  leaf(4, "n", "integer"),
  leaf(5, "who", named()),
];
const columns: readonly Column[] = [
  ...older.slice(0, 4),
  leaf(5, "who", named(leaf(11, "mail", "text"))),
  leaf(6, "tags", { kind: "list", elementId: 7, element: "text" }),
];

let folder: string;
let files: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lake-query-"));
  const write = async (
    encoder: ParquetEncoder,
    name: string,
    of: readonly Column[],
    rows: object[],
  ) => {
    const file = await encoder.open(join(folder, name), of);
    await file.append(rows.map((row) => Buffer.from(JSON.stringify(row))));
    await file.close();
    await encoder.close();
    return join(folder, name);
  };
  files = [
    await write(createParquetjsEncoder({ newId }), "it's.parquet", older, [
      { ticket_id: "1", from: "a", at: "2026-11-23T08:00:00.000Z", n: 1, who: { name: "A" } },
    ]),
    await write(await createDuckdbEncoder({ tempFolder: folder, newId }), "b.parquet", columns, [
      {
        ticket_id: "2",
        at: "1969-12-31T23:59:59.999Z",
        n: 9_007_199_254_740_991,
        tags: ["x", null],
      },
      { ticket_id: "3", who: { name: "C", mail: "c@test.pl" }, tags: [] },
    ]),
  ];
});
afterAll(() => rm(folder, { recursive: true }));

it("reads files of both encoders and of an older column list as one table of the declared types", async () => {
  await using query = await openLakeQuery({ views: [{ name: "tickets", files, columns }] });
  const result = await query.run("SELECT * FROM tickets ORDER BY ticket_id");
  expect(result).toEqual({
    columns: [
      { name: "ticket_id", type: "VARCHAR" },
      { name: "from", type: "VARCHAR" },
      { name: "at", type: "TIMESTAMP WITH TIME ZONE" },
      { name: "n", type: "BIGINT" },
      { name: "who", type: 'STRUCT("name" VARCHAR, "mail" VARCHAR)' },
      { name: "tags", type: "VARCHAR[]" },
    ],
    rows: [
      ["1", "a", "2026-11-23T08:00:00.000Z", 1, { name: "A", mail: null }, null],
      ["2", null, "1969-12-31T23:59:59.999Z", 9_007_199_254_740_991, null, ["x", null]],
      ["3", null, null, null, { name: "C", mail: "c@test.pl" }, []],
    ],
    truncated: false,
  });
});

it("gives a table without files its columns and no rows, beside others", async () => {
  const views = [
    { name: "tickets", files, columns },
    { name: "messages", files: [], columns },
  ];
  await using query = await openLakeQuery({ views });
  const { columns: shown, rows } = await query.run("SELECT * FROM messages");
  expect(rows).toEqual([]);
  expect(shown).toHaveLength(columns.length);
  const counts = await query.run(
    "SELECT (SELECT count(*) FROM tickets) AS t, (SELECT count(*) FROM messages) AS m",
  );
  expect(counts.rows).toEqual([[3, 0]]);
});

it("gives every type as JSON has it", async () => {
  await using query = await openLakeQuery({ views: [] });
  const { rows } = await query.run(
    `SELECT 1::UTINYINT, 2::HUGEINT, 9007199254740993, 1.5::DOUBLE, 'nan'::DOUBLE, 1.25::DECIMAL(9,2), true, NULL,
            DATE '2026-11-23', TIMESTAMPTZ '2026-11-23 08:00:00.000001+00', MAP {'k': [1, NULL]}, {'a': {'b': 'c'}}`,
  );
  expect(rows).toEqual([
    [
      1,
      2,
      "9007199254740993",
      1.5,
      "NaN",
      "1.25",
      true,
      null,
      "2026-11-23",
      "2026-11-23T08:00:00.000001Z",
      [{ key: "k", value: [1, null] }],
      { a: { b: "c" } },
    ],
  ]);
});

it("reckons days in UTC wherever the process runs", async () => {
  const zone = process.env["TZ"];
  process.env["TZ"] = "Asia/Tokyo";
  try {
    await using query = await openLakeQuery({ views: [] });
    const { rows } = await query.run(
      "SELECT current_setting('TimeZone'), date_trunc('day', TIMESTAMPTZ '2026-11-23 20:00:00+00')",
    );
    expect(rows).toEqual([["UTC", "2026-11-23T00:00:00.000Z"]]);
  } finally {
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  }
});

it("stops at maxRows and says so", async () => {
  await using query = await openLakeQuery({ views: [] });
  const all = await query.run("SELECT * FROM range(3)", { maxRows: 3 });
  expect([all.rows.length, all.truncated]).toEqual([3, false]);
  const cut = await query.run("SELECT * FROM range(1000000)", { maxRows: 3 });
  expect([cut.rows.length, cut.truncated]).toEqual([3, true]);
});

it.each(["SELEC 1", "SELECT nothing FROM nowhere", "", "SELECT 'a'::INTEGER"])(
  "refuses %j as InvalidSettings with DuckDB's words",
  async (sql) => {
    await using query = await openLakeQuery({ views: [] });
    await expect(query.run(sql)).rejects.toMatchObject({ code: "InvalidSettings" });
    expect((await query.run("SELECT 1")).rows).toEqual([[1]]);
  },
);

it("ends a running query when its signal fires", async () => {
  await using query = await openLakeQuery({ views: [] });
  const stop = new AbortController();
  const running = query.run(
    "SELECT sum(a.range * b.range) FROM range(10000000) a, range(100000) b",
    {
      signal: stop.signal,
    },
  );
  setTimeout(() => stop.abort(), 50);
  await expect(running).rejects.toMatchObject({ code: "Cancelled" });
  await expect(query.run("SELECT 1", { signal: stop.signal })).rejects.toMatchObject({
    code: "Cancelled",
  });
});

it("a query that needs more than its memory is TooLarge with advice", async () => {
  await using query = await openLakeQuery({ views: [], memoryLimit: "20MB" });
  await expect(
    query.run("SELECT list(range::VARCHAR || 'xxxxxxxxxxxxxxxxxxxx') FROM range(5000000)"),
  ).rejects.toMatchObject({ code: "TooLarge", advice: expect.any(String) });
});

it("after dispose a query fails with Closed", async () => {
  const query = await openLakeQuery({ views: [] });
  await query[Symbol.asyncDispose]();
  await query[Symbol.asyncDispose]();
  await expect(query.run("SELECT 1")).rejects.toMatchObject({ code: "Closed" });
});

it.each(["", ";", "-- nothing"])("refuses SQL without a statement: %j", async (sql) => {
  await using query = await openLakeQuery({ views: [] });
  await expect(query.run(sql)).rejects.toMatchObject({
    code: "InvalidSettings",
    message: "there is no statement in the SQL",
  });
});
