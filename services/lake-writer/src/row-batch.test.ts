import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Column, LogRecord } from "@thulium-stream/contracts";
import { afterEach, beforeEach, expect, it } from "vitest";
import { RowBatch } from "./row-batch.ts";

const columns: readonly Column[] = [{ id: 1, name: "n", type: "integer", doc: "" }];
let folder: string;
let ids = 0;
const letters: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "row-batch-"));
  letters.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const batchOf = () =>
  new RowBatch({
    columns,
    folder: join(folder, "lines"),
    newId: () => `id${++ids}`,
    nowMs: () => 0,
    deadLetter: async ({ detail }) => void letters.push(detail),
    isBulk: ({ rows }) => rows > 2,
    isTrusted: ({ headers }) => headers["ts_append"] !== undefined,
  });

function record(text: string, headers: Record<string, string> = {}): LogRecord {
  const place = { topic: "t", partition: 0, position: 0 };
  const day = { ts_observed_at: "2026-11-24T01:00:00.000Z", ...headers };
  return { ...place, key: "k", value: Buffer.from(text), headers: day, appendedAtMs: 0 };
}
const ours = (text: string) => record(text, { ts_append: "1" });
const linesOf = (batch: RowBatch) =>
  batch.days.map(({ day, lines }) => [
    day,
    lines?.paths.map((path) => readFileSync(path, "utf8")).join(""),
  ]);

it("a few rows stay in memory; beyond these all go to the disk, and memory holds none", async () => {
  const batch = batchOf();
  await batch.add(0, [ours('{"n":1}'), ours('{"n":2}')]);
  expect(batch.days[0]?.records).toHaveLength(2);
  expect(batch.days[0]?.lines).toBeNull();
  await batch.add(1, [ours('{"n":3}'), record('{"n":4}', { ts_observed_at: "2026-11-25T" })]);
  await batch.add(0, [ours('{"n":5}')]);
  expect(batch.days.flatMap(({ records }) => records)).toEqual([]);
  expect(linesOf(batch)).toEqual([
    ["2026-11-24", '{"n":1}\n{"n":2}\n{"n":5}\n{"n":3}\n'],
    ["2026-11-25", '{"n":4}\n'],
  ]);
  expect(batch.size).toEqual({ rows: 5, bytes: 35 });
  expect(batch.days[0]?.lines).toMatchObject({ rows: 4, longestLineBytes: 8 });
});

it("our own rows go as they are; others, and ours that look odd, are checked, and what is no row becomes a dead letter", async () => {
  const batch = batchOf();
  await batch.add(0, [
    ours('{"n":"unseen"}'),
    record('{"n":"seen"}'),
    ours("not json"),
    ours('{"n":\n1}'),
    ours('{"n":2,"t":"\\ud800"}'),
  ]);
  expect(linesOf(batch)).toEqual([["2026-11-24", '{"n":"unseen"}\n{"n":1}\n{"n":2}\n']]);
  expect(letters).toEqual([expect.stringContaining("column n"), "a row is not JSON"]);
  expect(batch.hasUnchecked).toBe(true);
});

it("nothing is left of a partition that is dropped, nor of a batch that is discarded", async () => {
  const batch = batchOf();
  await batch.add(0, [ours('{"n":1}')]);
  await batch.add(1, [ours('{"n":2}'), ours('{"n":3}')]);
  await batch.drop(1);
  expect(linesOf(batch)).toEqual([["2026-11-24", '{"n":1}\n']]);
  expect(readdirSync(join(folder, "lines"))).toHaveLength(1);
  await batch.discard();
  expect(readdirSync(join(folder, "lines"))).toEqual([]);
});

it("rows larger than what is written at once arrive whole", async () => {
  const batch = batchOf();
  const large = `{"n":1,"x":"${"ż".repeat(300_000)}"}`;
  await batch.add(0, [ours('{"n":1}'), ours(large), ours('{"n":2}')]);
  expect(linesOf(batch)).toEqual([["2026-11-24", `{"n":1}\n${large}\n{"n":2}\n`]]);
});
