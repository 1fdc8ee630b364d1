import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Column, ColumnStats, ColumnType, ParquetEncoder } from "@thulium-stream/contracts";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

/** A value as a reader gives it: integers, and instants as microseconds since 1970, are bigints. */
export type ReadValue =
  | string
  | bigint
  | boolean
  | null
  | readonly ReadValue[]
  | { readonly [field: string]: ReadValue };

/** A row as a reader gives it. */
export type ReadRow = { readonly [column: string]: ReadValue };

/** Something that reads Parquet files and is not the encoder under test. */
export interface ParquetReader {
  readonly name: string;
  read(path: string, columns: readonly Column[]): Promise<readonly ReadRow[]>;
}

/** How {@link parquetEncoderConformance} runs. */
export interface ParquetEncoderConformance {
  readonly name: string;
  /** Opens the encoder; `folder` is an empty folder that it may use. */
  readonly makeEncoder: (folder: string) => Promise<ParquetEncoder>;
  /** Every file is read back by each of them and compared value by value. */
  readonly readers: readonly ParquetReader[];
}

/** The rules P1–P5 as tests; every adapter of the ParquetEncoder port runs them. */
export function parquetEncoderConformance(suite: ParquetEncoderConformance): void {
  describe(`${suite.name} keeps the rules of the ParquetEncoder port`, () => {
    let root: string;
    let folder: string;
    let encoder: ParquetEncoder;
    let files = 0;

    beforeAll(async () => {
      root = await mkdtemp(join(tmpdir(), "parquet-encoder-"));
      encoder = await suite.makeEncoder(join(root, "temp"));
    });
    beforeEach(async () => {
      folder = await mkdtemp(join(root, "files-"));
    });
    afterEach(async () => {
      await rm(folder, { recursive: true });
    });
    afterAll(async () => {
      await encoder.close();
      await encoder.close();
      await rm(root, { recursive: true });
    });

    const bench: Bench = {
      encoder: () => encoder,
      newPath: () => join(folder, `file-${++files}.parquet`),
      folder: () => folder,
      /** Writes rows (JSON text or values) and expects every reader to give them back. */
      async roundTrip(columns, rows, rowsPerCall = rows.length) {
        const path = bench.newPath();
        const file = await encoder.open(path, columns);
        for (let from = 0; from < rows.length; from += rowsPerCall)
          await file.append(rows.slice(from, from + rowsPerCall).map(bytesOf));
        await file.append([]);
        const stats = await file.close();
        expect(stats.rows).toBe(rows.length);
        const expected = rows.map((row) => expectedRow(columns, parsed(row)));
        for (const reader of suite.readers)
          expect(await reader.read(path, columns), `read by ${reader.name}`).toEqual(expected);
        expectTrueStats(columns, expected, stats.columns);
      },
    };
    roundTrips(bench);
    ticketShapes(bench);
    arbitraryRows(bench);
    lifeOfAFile(bench);
    brokenRows(bench);
  });
}

/** P5: counts are exact, and no value lies outside its column's bounds. Tests of single bounds tell that they are tight. */
function expectTrueStats(
  columns: readonly Column[],
  rows: readonly ReadRow[],
  stats: readonly ColumnStats[],
): void {
  if (rows.length === 0) return;
  for (const { id, name, type } of columns) {
    const of = stats.find((each) => each.id === id);
    if (typeof type !== "string") continue;
    const values = rows.map((row) => row[name] ?? null).filter((value) => value !== null);
    expect(of?.nulls, `P5: nulls of ${name}`).toBe(rows.length - values.length);
    for (const side of ["lower", "upper"] as const) {
      const bound = of?.[side] ?? null;
      if (bound === null) continue;
      const limit = type === "instant" ? microsOf(String(bound)) : bound;
      const outside = values.filter((value) =>
        side === "lower" ? isBelow(value, limit) : isBelow(limit, value),
      );
      expect(outside, `P5: ${name} beyond its ${side} bound ${bound}`).toEqual([]);
    }
  }
}

function isBelow(a: ReadValue | number, b: ReadValue | number): boolean {
  if (typeof a === "string" && typeof b === "string")
    return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
  return BigInt(a as bigint) < BigInt(b as bigint);
}

function microsOf(instant: string): bigint {
  const [, decimals = ""] = /\.(\d{1,6})/.exec(instant) ?? [];
  const seconds = BigInt(Date.parse(instant.replace(/\.\d+/, "")));
  return seconds * 1000n + BigInt(decimals.padEnd(6, "0"));
}

type Given = object | string;

interface Bench {
  encoder(): ParquetEncoder;
  newPath(): string;
  folder(): string;
  roundTrip(
    columns: readonly Column[],
    rows: readonly Given[],
    rowsPerCall?: number,
  ): Promise<void>;
}

const text = column(1, "t", "text");
const integer = column(2, "n", "integer");
const flag = column(3, "b", "boolean");
const at = column(4, "at", "instant");
const tags = column(5, "tags", { kind: "list", elementId: 6, element: "text" });
const pairs = column(7, "pairs", {
  kind: "list",
  elementId: 8,
  element: { kind: "struct", fields: [column(9, "name", "text"), column(10, "value", "text")] },
});
const head = column(11, "head", {
  kind: "struct",
  fields: [
    column(12, "id", "text"),
    column(13, "seen_at", "instant"),
    column(14, "size", "integer"),
    column(15, "labels", { kind: "list", elementId: 16, element: "text" }),
    column(17, "fields", {
      kind: "list",
      elementId: 18,
      element: {
        kind: "struct",
        fields: [column(19, "name", "text"), column(20, "on", "boolean")],
      },
    }),
  ],
});
const all = [text, integer, flag, at, tags, pairs, head];

function roundTrips(bench: Bench): void {
  it("P1: null, absent and unknown keys, in every column", async () => {
    const nulls = Object.fromEntries(all.map(({ name }) => [name, null]));
    await bench.roundTrip(all, [{}, nulls, { unknown: { a: [1] } }, { t: "x" }, {}]);
  });

  it("P1: a file without rows", () => bench.roundTrip(all, []));

  it("P1: columns that are null in every row", async () => {
    await bench.roundTrip(
      all,
      Array.from({ length: 50 }, () => ({ t: "only this" })),
    );
  });

  it("P1: empty text, spaces, quotes, line breaks, NUL, every plane of Unicode", async () => {
    const texts = [
      "",
      " ",
      "null",
      '"',
      "'; drop",
      "\\",
      "a\nb\r\nc\td",
      "a\u0000b",
      "\u0000",
      "\u001f\u007f\u0085\u2028\u2029",
      "zażółć gęślą jaźń",
      "😀👩‍👩‍👧‍👦🇵🇱",
      "\ufffd\ufeff",
      "\u{10ffff}",
    ];
    await bench.roundTrip(
      [text, tags],
      texts.map((t) => ({ t, tags: [t, t] })),
    );
  });

  it("P1: lone surrogates become U+FFFD, in text, in lists and in structs; pairs stay", async () => {
    await bench.roundTrip(
      [text, tags, head],
      [
        { t: "a\ud800b", tags: ["\udc00", "ok"], head: { id: "\ud83d", labels: ["\ude00\ud83d"] } },
        '{"t":"\\ud83d\\ude00","tags":["\\uD83D"]}',
      ],
    );
  });

  it("P1: texts of 200 KB", async () => {
    const long = "Zażółć gęślą jaźń 😀 ".repeat(10_000);
    await bench.roundTrip([text, tags], [{ t: long, tags: [long] }, { t: "short" }, { t: long }]);
  });

  it("P1: a text of 17 MB, more than readers of JSON lines expect", async () => {
    await bench.roundTrip([text], [{ t: "before" }, { t: "ż".repeat(8_500_000) }, { t: "after" }]);
  });

  it("P1: integers up to ±(2^53−1), 1.0 and 1e3 as JSON writes them", async () => {
    const numbers = [0, -0, 1, -1, 2 ** 31, -(2 ** 31) - 1, Number.MAX_SAFE_INTEGER];
    await bench.roundTrip(
      [integer],
      [...numbers.map((n) => ({ n })), { n: Number.MIN_SAFE_INTEGER }, '{"n":1.0}', '{"n":1e3}'],
    );
  });

  it("P1: instants before 1970, after 2100, at both ends of the calendar and on leap days", async () => {
    const instants = [
      "1969-12-31T23:59:59.999Z",
      "1970-01-01T00:00:00.000Z",
      "0000-01-01T00:00:00.000Z",
      "0001-01-01T00:00:00.001Z",
      "1582-10-15T00:00:00.000Z",
      "2000-02-29T12:00:00.000Z",
      "2038-01-19T03:14:08.000Z",
      "2026-10-25T00:30:00.000Z",
      "2100-01-01T00:00:00.000Z",
      "9999-12-31T23:59:59.999Z",
    ];
    await bench.roundTrip(
      [at, head],
      instants.map((instant) => ({ at: instant, head: { seen_at: instant } })),
    );
  });

  it("P1: true, false and null in runs", async () => {
    const flags = Array.from({ length: 100 }, (_, index) => [true, false, null][(index >> 3) % 3]);
    await bench.roundTrip(
      [flag],
      flags.map((b) => ({ b })),
    );
  });

  it("P1: a text column takes anything else as JSON text", async () => {
    const values = [0, -1.5, 1e21, true, false, ["a", "ż", null, "\u0001\ud800"], [], {}];
    await bench.roundTrip(
      [text, pairs],
      [...values, { b: { c: [1, "x\u007f"] } }].map((t) => ({ t, pairs: [{ value: t }] })),
    );
  });

  it("P1: null, empty and nested lists and structs are told apart", async () => {
    await bench.roundTrip(
      [tags, pairs, head],
      [
        { tags: null, pairs: null, head: null },
        { tags: [], pairs: [], head: {} },
        { tags: [null], pairs: [null], head: { labels: null, fields: null } },
        { tags: [""], pairs: [{}], head: { labels: [], fields: [] } },
        { tags: ["a", null, "b"], pairs: [{ name: "n" }, null, { value: "v" }], head: { id: "1" } },
        { tags: [], pairs: [], head: { labels: ["a", null], fields: [null, { on: true }, {}] } },
        { tags: Array.from({ length: 300 }, (_, index) => `tag ${index}`), pairs: [], head: null },
      ],
    );
  });

  it("P1: rows keep their order over many calls", async () => {
    const rows = Array.from({ length: 740 }, (_, index) => ({ t: `row ${index}` }));
    await bench.roundTrip([text], rows, 37);
  });

  it("P1: a row that spans lines, as another producer may write it", async () => {
    await bench.roundTrip([text, tags], ['{\n  "t": "x",\r\n  "tags": [\n"a"\n]\n}', { t: "y" }]);
  });

  it("P4: many rows of uneven size, over several row groups", async () => {
    const rows = Array.from({ length: 12_000 }, (_, index) => ({
      t: `row ${index}`,
      n: index,
      at: new Date(1_764_000_000_000 + index * 61_001).toISOString(),
      tags: index % 7 === 0 ? [] : Array.from({ length: index % 5 }, (_, tag) => `t${tag}`),
      pairs: index % 1_000 === 0 ? [{ name: "long", value: "x".repeat(50_000) }] : null,
    }));
    await bench.roundTrip([text, integer, at, tags, pairs], rows, 2_500);
  }, 60_000);
}

/** The nested shapes of `ticket_events`. */
function ticketShapes(bench: Bench): void {
  const named: ColumnType = {
    kind: "struct",
    fields: [column(31, "name", "text"), column(32, "value", "text")],
  };
  const columns = [
    column(20, "id", "text"),
    column(21, "from", "text"),
    column(22, "kinds", { kind: "list", elementId: 23, element: "text" }),
    column(24, "changes", {
      kind: "list",
      elementId: 25,
      element: {
        kind: "struct",
        fields: [
          column(26, "field", "text"),
          column(27, "before", "text"),
          column(28, "after", "text"),
        ],
      },
    }),
    column(29, "ticket", {
      kind: "struct",
      fields: [
        column(33, "ticket_id", "text"),
        column(34, "tags", { kind: "list", elementId: 35, element: "text" }),
        column(36, "created_at", "instant"),
        column(37, "vendor_close_time_s", "integer"),
        column(30, "custom_fields", { kind: "list", elementId: 38, element: named }),
      ],
    }),
  ];

  it("P1: events with a ticket in them: custom fields of every shape, changes of text, number and list", async () => {
    const ticket = {
      ticket_id: "1001",
      tags: ["pilne", "zwrot"],
      created_at: "2026-11-23T08:00:00.000Z",
      vendor_close_time_s: 3_600,
      custom_fields: [
        { name: "Numer zamówienia", value: "ZX/1" },
        { name: "", value: "" },
        { name: "dużo", value: '["a","b"]' },
        { name: "brak", value: null },
        { name: "emoji 😀", value: "\ud83d" },
      ],
    };
    const changes = [
      { field: "status_id", before: "1", after: "4" },
      { field: "vendor_close_time_s", before: null, after: 3_600 },
      { field: "tags", before: ["pilne"], after: ["pilne", "zwrot"] },
      { field: "custom_fields.Numer zamówienia", before: null, after: "ZX/1" },
    ];
    await bench.roundTrip(columns, [
      { id: "a", from: "bob@test.pl", kinds: ["status_changed", "closed"], changes, ticket },
      { id: "b", from: null, kinds: ["created"], changes: [], ticket },
      {
        id: "c",
        kinds: [],
        changes: [{ field: "tags", before: [], after: null }],
        ticket: { ...ticket, tags: [], custom_fields: [], created_at: null },
      },
      { id: "d", ticket: null },
    ]);
  });
}

function arbitraryRows(bench: Bench): void {
  it("P1: any rows of any columns", async () => {
    const json = fc.jsonValue({ maxDepth: 2, stringUnit: "binary" });
    const instants = fc
      .date({
        min: new Date(-62_167_219_200_000),
        max: new Date(253_402_300_799_999),
        noInvalidDate: true,
      })
      .map((date) => date.toISOString());
    const leaves: Record<"text" | "integer" | "boolean" | "instant", fc.Arbitrary<unknown>> = {
      text: fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), json),
      integer: fc.maxSafeInteger(),
      boolean: fc.boolean(),
      instant: instants,
    };
    const values = (type: ColumnType): fc.Arbitrary<unknown> => {
      const arbitrary =
        typeof type === "string"
          ? leaves[type]
          : type.kind === "list"
            ? fc.array(values(type.element), { maxLength: 4 })
            : fc.record(
                Object.fromEntries(type.fields.map((field) => [field.name, values(field.type)])),
                { requiredKeys: [] },
              );
      return fc.option(arbitrary, { freq: 4 });
    };
    const rows = fc.array(
      fc.record(Object.fromEntries(all.map(({ name, type }) => [name, values(type)])), {
        requiredKeys: [],
      }),
      { maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(rows, (given) => bench.roundTrip(all, given)),
      { numRuns: 25 },
    );
  }, 60_000);
}

function lifeOfAFile(bench: Bench): void {
  it("P2: the path is taken only by close; then no other file is left", async () => {
    const path = bench.newPath();
    const file = await bench.encoder().open(path, [text]);
    await file.append([bytesOf({ t: "x" })]);
    const during = await readdir(bench.folder());
    expect(during.filter((name) => name.endsWith(".parquet"))).toEqual([]);
    const { bytes } = await file.close();
    expect(bytes).toBeGreaterThan(0);
    expect(await readdir(bench.folder())).toEqual([path.split("/").at(-1)]);
  });

  it("P2: abort leaves nothing, may be called twice and after close", async () => {
    const file = await bench.encoder().open(bench.newPath(), [text]);
    await file.append([bytesOf({ t: "x" })]);
    await file.abort();
    await file.abort();
    expect(await readdir(bench.folder())).toEqual([]);
    const kept = await bench.encoder().open(bench.newPath(), [text]);
    await kept.close();
    await kept.abort();
    expect(await readdir(bench.folder())).toHaveLength(1);
  });

  it("P2: a closed or aborted file takes no rows", async () => {
    const file = await bench.encoder().open(bench.newPath(), [text]);
    await file.close();
    await expect(file.append([])).rejects.toMatchObject({ code: "Closed" });
    await expect(file.close()).rejects.toMatchObject({ code: "Closed" });
  });

  it("a folder that is not there fails as Forbidden, at opening or at closing", async () => {
    const write = async () => {
      const file = await bench.encoder().open(join(bench.folder(), "none", "a.parquet"), [text]);
      await file.append([bytesOf({ t: "x" })]);
      await file.close();
    };
    await expect(write()).rejects.toMatchObject({ code: "Forbidden" });
  });

  it("several files at once do not mix", async () => {
    const opened = await Promise.all(
      ["a", "b", "c"].map(async (name) => ({
        name,
        file: await bench.encoder().open(bench.newPath(), [text]),
      })),
    );
    for (const { name, file } of opened)
      await file.append(Array.from(name === "b" ? "12" : "1", () => bytesOf({ t: name })));
    const stats = await Promise.all(opened.map(({ file }) => file.close()));
    expect(stats.map(({ rows }) => rows)).toEqual([1, 2, 1]);
  });
}

function brokenRows(bench: Bench): void {
  const broken: readonly (readonly [string, Given, string])[] = [
    ["2^53", '{"n":9007199254740992}', "n"],
    ["2^53+1, which JSON rounds", '{"n":9007199254740993}', "n"],
    ["−2^53", '{"n":-9007199254740992}', "n"],
    ["a fraction", { n: 1.5 }, "n"],
    ["a number as text", { n: "12" }, "n"],
    ["1e400", '{"n":1e400}', "n"],
    ["text for a boolean", { b: "true" }, "b"],
    ["a number for a boolean", { b: 1 }, "b"],
    ["no instant", { at: "yesterday" }, "at"],
    ["an empty instant", { at: "" }, "at"],
    ["an instant without zone", { at: "2026-11-23T08:00:00.000" }, "at"],
    ["an instant of another zone", { at: "2026-11-23T08:00:00.000+01:00" }, "at"],
    ["30 February", { at: "2026-02-30T08:00:00.000Z" }, "at"],
    ["29 February of a common year", { at: "2027-02-29T08:00:00.000Z" }, "at"],
    ["24:00", { at: "2026-11-23T24:00:00.000Z" }, "at"],
    ["an instant as number", { at: 1_764_000_000_000 }, "at"],
    ["text for a list", { tags: "a" }, "tags"],
    ["an object for a list", { tags: { 0: "a" } }, "tags"],
    ["text in a list of structs", { pairs: ["a"] }, "pairs[]"],
    ["a list for a struct", { head: [] }, "head"],
    ["a wrong field of a struct", { head: { size: "big" } }, "head.size"],
    ["a wrong field in a list in a struct", { head: { fields: [{ on: 1 }] } }, "head.fields[].on"],
  ];

  it.each(broken)(
    "P3: %s fails the call with CorruptRecord naming the column, and rows given before stay good",
    async (_, row, name) => {
      const path = bench.newPath();
      const file = await bench.encoder().open(path, all);
      await file.append([bytesOf({ t: "before" })]);
      await expect(file.append([bytesOf({ t: "beside" }), bytesOf(row)])).rejects.toMatchObject({
        code: "CorruptRecord",
        message: expect.stringContaining(`column ${name} `),
      });
      await file.append([bytesOf({ t: "after" })]);
      expect(await file.close()).toMatchObject({ rows: 2 });
    },
  );

  it.each([
    ["no JSON", Buffer.from("{")],
    ["two values", Buffer.from("{}{}")],
    ["nothing", Buffer.from("")],
    ["a list", Buffer.from("[]")],
    ["null", Buffer.from("null")],
    ["no UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
  ])("P3: a row that is %s fails the call with CorruptRecord", async (_, bytes) => {
    const file = await bench.encoder().open(bench.newPath(), all);
    await expect(file.append([bytes])).rejects.toMatchObject({ code: "CorruptRecord" });
    expect(await file.close()).toMatchObject({ rows: 0 });
  });
}

function column(id: number, name: string, type: ColumnType): Column {
  return { id, name, type, doc: name };
}

function bytesOf(row: Given): Uint8Array {
  return new TextEncoder().encode(typeof row === "string" ? row : JSON.stringify(row));
}

function parsed(row: Given): unknown {
  return JSON.parse(typeof row === "string" ? row : JSON.stringify(row));
}

function expectedRow(columns: readonly Column[], row: unknown): ReadRow {
  return expectedValue({ kind: "struct", fields: columns }, row) as ReadRow;
}

/** What P1 promises for one value. */
function expectedValue(type: ColumnType, value: unknown): ReadValue {
  if (value === null || value === undefined) return null;
  if (type === "text") return wellFormed(typeof value === "string" ? value : JSON.stringify(value));
  if (type === "integer") return BigInt(value as number);
  if (type === "boolean") return value as boolean;
  if (type === "instant") return BigInt(Date.parse(value as string)) * 1_000n;
  if (type.kind === "list")
    return (value as readonly unknown[]).map((item) => expectedValue(type.element, item));
  const row = value as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    type.fields.map((field) => [field.name, expectedValue(field.type, row[field.name])]),
  );
}

/** UTF-8 has no lone surrogates: encoding replaces each by U+FFFD. */
function wellFormed(value: string): string {
  return Buffer.from(value).toString();
}
