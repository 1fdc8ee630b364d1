import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import type { Column, ParquetEncoder } from "@thulium-stream/contracts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createParquetjsEncoder } from "../parquetjs/parquetjs-encoder.ts";
import { createDuckdbEncoder } from "./duckdb-encoder.ts";
import { literal } from "./duckdb-schema.ts";
import { ParquetRewriter } from "./parquet-rewriter.ts";

let ids = 0;
const newId = () => `id-${++ids}`;
const column = (id: number, name: string, type: Column["type"]): Column => ({
  id,
  name,
  type,
  doc: "",
});
const before = [
  column(1, "system", "text"),
  column(2, "ticket_id", "text"),
  column(3, "at", "instant"),
  column(4, "head", { kind: "struct", fields: [column(41, "a", "text")] }),
];
const today = [
  ...before.slice(0, 3),
  column(4, "head", {
    kind: "struct",
    fields: [column(41, "a", "text"), column(42, "b", "integer")],
  }),
  column(5, "tags", { kind: "list", elementId: 6, element: "text" }),
];

const long = [
  column(1, "system", "text"),
  column(2, "ticket_id", "text"),
  column(3, "body", "text"),
];
const idOf = (n: number) => String(n % 100_003).padStart(6, "0");
/** 100 KB. */
const longRow = (n: number) => ({
  system: "acme",
  ticket_id: idOf(n),
  body: randomBytes(750).toString("base64").repeat(100),
});

describe("ParquetRewriter", () => {
  let root: string;
  let folder: string;
  let rewriter: ParquetRewriter;
  let bulk: ParquetEncoder;
  const pure = createParquetjsEncoder({ newId });

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "parquet-rewriter-"));
    rewriter = await ParquetRewriter.open({ tempFolder: join(root, "temp"), newId });
    bulk = await createDuckdbEncoder({ tempFolder: join(root, "temp"), newId });
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(root, "files-"));
  });
  afterAll(async () => {
    await rewriter[Symbol.asyncDispose]();
    await bulk.close();
    await rm(root, { recursive: true });
  });

  async function written(encoder: ParquetEncoder, columns: readonly Column[], rows: object[]) {
    const path = join(folder, `${newId()}.parquet`);
    const file = await encoder.open(path, columns);
    await file.append(rows.map((row) => Buffer.from(JSON.stringify(row))));
    await file.close();
    return path;
  }

  async function rowsOf(path: string) {
    const instance = await DuckDBInstance.create(":memory:");
    const connection = await instance.connect();
    const read = await connection.runAndReadAll(`SELECT * FROM read_parquet(${literal(path)})`);
    connection.closeSync();
    instance.closeSync();
    return read.getRowObjectsJson();
  }

  const unsorted = (paths: readonly string[]) => paths.map((path) => ({ path, sorted: false }));
  const row = (ticket_id: string, at: string | null = null) => ({ system: "acme", ticket_id, at });

  it("lays files of both encoders together, sorted, with the columns of today", async () => {
    const inputs = [
      await written(pure, before, [{ ...row("30"), head: { a: "x" } }, row("1")]),
      await written(bulk, today, [{ ...row("200"), head: { a: "y", b: 7 }, tags: ["t"] }]),
    ];
    const path = join(folder, "new.parquet");
    const plan = { inputs: unsorted(inputs), path, columns: today, sort: ["ticket_id"] };
    const { stats, ...counts } = await rewriter.rewrite(plan);
    expect(counts).toMatchObject({ rowsBefore: 3, rows: 3 });
    expect(stats).toEqual([
      { id: 1, nulls: 0, lower: "acme", upper: "acme" },
      { id: 2, nulls: 0, lower: "1", upper: "30" },
      { id: 3, nulls: 3, lower: null, upper: null },
    ]);
    expect(await rowsOf(path)).toEqual([
      { ...row("1"), head: null, tags: null },
      { ...row("200"), head: { a: "y", b: "7" }, tags: ["t"] },
      { ...row("30"), head: { a: "x", b: null }, tags: null },
    ]);
    expect((await readdir(folder)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("leaves out the rows of keys and no others, nulls and other tenants included", async () => {
    const given = [
      row("1"),
      row("2"),
      { ...row("1"), system: "other" },
      { ...row("1"), system: null },
      { ...row("it's"), at: "2026-11-23T08:00:00.000Z" },
    ];
    const inputs = [await written(bulk, before, given)];
    const path = join(folder, "new.parquet");
    const without = [
      { system: "acme", ticket_id: "1" },
      { system: "acme", ticket_id: "it's" },
    ];
    expect(await rewriter.count(inputs, without)).toBe(2);
    const plan = { inputs: unsorted(inputs), path, columns: before, sort: [], without };
    expect(await rewriter.rewrite(plan)).toMatchObject({ rowsBefore: 5, rows: 3 });
    expect((await rowsOf(path)).map(({ system, ticket_id }) => [system, ticket_id])).toEqual([
      ["acme", "2"],
      ["other", "1"],
      [null, "1"],
    ]);
  });

  it("writes no file when no row is left", async () => {
    const inputs = [await written(bulk, before, [row("1")])];
    const path = join(folder, "new.parquet");
    const without = [{ ticket_id: "1" }];
    const plan = { inputs: unsorted(inputs), path, columns: before, sort: [], without };
    expect(await rewriter.rewrite(plan)).toEqual({ rowsBefore: 1, rows: 0, bytes: 0, stats: [] });
    expect(await readdir(folder)).toHaveLength(1);
  });

  it("rows of several times its memory are laid out in bounded memory, sorted, each once", async () => {
    const little = { tempFolder: join(root, "little"), memoryMb: 128, newId };
    await using small = await ParquetRewriter.open(little);
    const files = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((file) =>
      Array.from({ length: 200 }, (_, n) => longRow((n * 9 + file) * 7_919)),
    );
    const paths: string[] = [];
    for (const rows of files) paths.push(await written(bulk, long, rows));
    const [last = ""] = paths.splice(8);
    const sortedFirst = join(folder, "sorted.parquet");
    const plan = { columns: long, sort: ["ticket_id", "system"] };
    await small.rewrite({ ...plan, inputs: unsorted([last]), path: sortedFirst });
    const inputs = [...unsorted(paths), { path: sortedFirst, sorted: true }];
    const path = join(folder, "new.parquet");
    const without = [{ ticket_id: idOf(7_919) }];
    const made = await small.rewrite({ ...plan, inputs, path, without });
    expect(made).toMatchObject({ rowsBefore: 1_800, rows: 1_799 });
    const expected = files.flat().filter(({ ticket_id }) => ticket_id !== idOf(7_919));
    expected.sort((a, b) => (a.ticket_id < b.ticket_id ? -1 : 1));
    expect(await rowsOf(path)).toEqual(expected);
    expect(await readdir(folder)).toHaveLength(11);
  });

  it("an input that is gone is told, and nothing is left behind", async () => {
    const path = join(folder, "new.parquet");
    const plan = {
      inputs: unsorted([join(folder, "none.parquet")]),
      path,
      columns: before,
      sort: [],
    };
    await expect(rewriter.rewrite(plan)).rejects.toThrow(/none\.parquet/);
    expect(await readdir(folder)).toEqual([]);
  });
});
