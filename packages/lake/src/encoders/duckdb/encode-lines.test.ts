import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Column } from "@thulium-stream/contracts";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { BulkEncoder } from "../bulk-encoder.ts";
import { LineAppender } from "../line-file.ts";
import { isPlainRow } from "../row-line.ts";
import { createDuckdbEncoder } from "./duckdb-encoder.ts";
import { literal } from "./duckdb-schema.ts";
import { loadDuckdb } from "./load-duckdb.ts";

const columns: readonly Column[] = [
  { id: 1, name: "any", type: "text", doc: "" },
  { id: 2, name: "at", type: "instant", doc: "" },
  { id: 3, name: "n", type: "integer", doc: "" },
];
let folder: string;
let encoder: BulkEncoder;
let ids = 0;
const newId = () => `id${++ids}`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "encode-lines-"));
  encoder = await createDuckdbEncoder({ tempFolder: join(folder, "temp"), newId });
});
afterAll(async () => {
  await encoder.close();
  rmSync(folder, { recursive: true, force: true });
});

const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value));

async function linesOf(rows: readonly Uint8Array[]) {
  const path = join(folder, `${newId()}.ndjson`);
  await new LineAppender().append(path, rows);
  return { paths: [path], rows: rows.length, longestLineBytes: 0 };
}

async function read(path: string): Promise<readonly unknown[]> {
  const duckdb = await loadDuckdb();
  const instance = await duckdb?.DuckDBInstance.create(":memory:");
  const connection = await instance?.connect();
  const answer = await connection?.runAndReadAll(`SELECT * FROM read_parquet(${literal(path)})`);
  return answer?.getRowsJson() ?? [];
}

it("unparsed rows become what checked rows become, whatever lies in a text column", async () => {
  const values = [
    ...[
      "text",
      "żółć 🎫",
      'quo"te\\ and / slash',
      "",
      null,
      true,
      0,
      1,
      -17,
      123456789,
      2 ** 53 - 1,
    ],
    ...[["a", null, 1], { b: [], a: "ż/" }, [{ x: { y: "\t" } }], {}, []],
  ];
  const rows = values.map((any, n) =>
    bytesOf({ any, at: "2026-11-24T03:00:00.123Z", n, extra: 1 }),
  );
  expect(rows.every(isPlainRow)).toBe(true);
  const [plain, checked] = [join(folder, "plain.parquet"), join(folder, "checked.parquet")];
  const stats = await encoder.encodeLines(await linesOf(rows), { path: plain, columns });
  const file = await encoder.open(checked, columns);
  await file.append(rows);
  expect(stats.columns).toEqual((await file.close()).columns);
  expect(await read(plain)).toEqual(await read(checked));
});

it.each([
  ["no JSON", ["{no}"]],
  ["a cut line", ['{"n":1']],
  ["a text in place of a number", ['{"n":"many"}']],
  ["a day that does not exist", ['{"at":"2026-02-30T00:00:00.000Z"}']],
  ["two objects on one line", ['{"n":1}{"n":2}']],
  ["bytes that are no UTF-8", [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])]],
])("refuses %s as CorruptRecord, without quoting it, and leaves nothing", async (_, lines) => {
  const path = join(folder, "refused.parquet");
  const rows = [bytesOf({ n: 1 }), ...lines.map((line) => Buffer.from(line))];
  const failure = await encoder.encodeLines(await linesOf(rows), { path, columns }).catch((e) => e);
  expect(failure).toMatchObject({
    code: "CorruptRecord",
    message: expect.stringMatching(/^DuckDB/),
  });
  expect(failure.message).not.toMatch(/many|2026-02-30/);
  expect(readdirSync(folder).filter((name) => name.startsWith("refused"))).toEqual([]);
});

it("finds more or fewer rows than it was told: refused", async () => {
  const files = { ...(await linesOf([bytesOf({ n: 1 })])), rows: 2 };
  await expect(
    encoder.encodeLines(files, { path: join(folder, "x.parquet"), columns }),
  ).rejects.toThrow("DuckDB found 1 rows in 2 lines");
});
