import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryStore } from "@thulium-stream/lake/memory";
import type { DescribedTable } from "@thulium-stream/lake-writer";
import { readSettings, systemClock } from "@thulium-stream/runtime";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { listLake, type QueryFormat, queryLake, rendered, tableOfTables } from "./query-lake.ts";

const table: DescribedTable = {
  name: "tickets",
  files: 1203,
  rows: 1_000_000,
  bytes: 3_758_096_384,
  positions: { 0: 12, 1: 7 },
  committedAt: "2026-11-24T08:00:00.000Z",
  wholePositions: { 0: 12, 1: 7 },
  wholeAt: null,
  states: 100,
  fileSizes: [1200, 0, 0, 2, 1],
};
const spaced = (text: string) => text.replaceAll("\u202f", " ");

it("lists tables with sizes that can be read, under one another", () => {
  const empty = { ...table, name: "messages", files: 0, rows: 0, bytes: 0, positions: {} };
  const text = tableOfTables(
    [table, { ...empty, committedAt: null, fileSizes: [0, 0, 0, 0, 0], states: 0 }],
    Date.parse("2026-11-24T08:02:00.000Z"),
  );
  expect(spaced(text).split("\n")).toEqual([
    "table     files  of them                                 rows    size  states    age  whole  log positions",
    "────────  ─────  ─────────────────────────────────  ─────────  ──────  ──────  ─────  ─────  ─────────────",
    "tickets   1 203  1 200 ≤1 MB, 2 ≤256 MB, 1 >256 MB  1 000 000  3.5 GB     100  2 min  2 min  0:12 1:7",
    "messages      0                                             0     0 B       0  empty  empty",
  ]);
});

it.each<[QueryFormat, string]>([
  ["json", ""],
  ["csv", "n"],
])("a result without rows is no row of %s", (format, text) => {
  expect(rendered(["n"], [], format)).toBe(text);
});

describe("asking a lake", () => {
  let folder: string;
  let written: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "query-lake-"));
    written = "";
    for (const stream of [process.stdout, process.stderr])
      vi.spyOn(stream, "write").mockImplementation((text) => {
        written += String(text);
        return true;
      });
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await rm(folder, { recursive: true });
  });

  const ask = async (sql: string, asOfMs?: number) => {
    const settings = readSettings(
      { STATE_DIR: folder, LAKE_URL: "s3://bucket/lake" },
      { source: false },
    );
    const store = createMemoryStore();
    const { signal } = new AbortController();
    const how = { settings, store, clock: systemClock, format: "csv" as const, signal };
    await queryLake(sql, { ...how, asOfMs });
    return written;
  };

  it("knows every table, whether the SQL names it or not", async () => {
    expect(await ask("SHOW TABLES")).toContain("ticket_metrics_snapshot");
    await expect(ask("SELECT * FROM ticket")).rejects.toMatchObject({
      code: "InvalidSettings",
      message: expect.stringMatching(/Did you mean "tickets"/),
    });
  });

  it("says which tables without rows were asked, and where", async () => {
    expect(await ask("SELECT count(*) FROM tickets")).toContain(
      "without rows in s3://bucket/lake: tickets",
    );
    expect(await ask("SELECT count(*) FROM tickets", 0)).toContain("TABLE_HISTORY_RETAIN");
  });

  it("says that nothing is there, and what fills it", async () => {
    await listLake(createMemoryStore(), { url: "s3://bucket/lake", json: false, nowMs: 0 });
    expect(written).toContain("nothing is in s3://bucket/lake yet");
  });
});
