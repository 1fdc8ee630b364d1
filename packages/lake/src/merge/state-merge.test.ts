import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import type { Column } from "@thulium-stream/contracts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { filesOf } from "../encoders/duckdb/parquet-rewriter.ts";
import { StateMerge } from "./state-merge.ts";

const text = (id: number, name: string): Column => ({ id, name, type: "text", doc: "" });
const columns = [text(1, "system"), text(2, "ticket_id"), text(3, "body")];
const everything = { partition: "2026-11", from: null, to: null };

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "state-merge-"));
});
afterAll(() => rm(root, { recursive: true }));

function change(ticketId: string, position: number, body: string | null) {
  const value = { system: "acme", ticket_id: ticketId, body };
  return {
    key: `acme:${ticketId}`,
    ticketId,
    logPartition: 0,
    position,
    partition: "2026-11",
    value: body === null ? null : Buffer.from(JSON.stringify(value)),
  };
}

function open(name: string) {
  const options = { folder: join(root, name), columns, keyColumns: ["system", "ticket_id"] };
  const sort = ["ticket_id", "system"];
  return StateMerge.open({ ...options, sort, memoryMb: 128, fileBytes: 16 * 1024 ** 2 });
}

/** Ids and bodies of files, in their order. */
async function rowsOf(paths: readonly string[]) {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const read = await connection.runAndReadAll(`SELECT ticket_id, body FROM ${filesOf(paths)}`);
  connection.closeSync();
  instance.closeSync();
  return read.getRows();
}

it("merges rows of several times its memory, each in its newest state, sorted over all files", async () => {
  const ids = Array.from({ length: 2_400 }, (_, n) =>
    String((n * 7_919) % 100_003).padStart(6, "0"),
  );
  const bodyOf = () => randomBytes(750).toString("base64").repeat(100);
  const newest = new Map(ids.map((id) => [id, bodyOf()]));

  await using first = await open("first");
  await first.add(ids.slice(0, 20).map((id, n) => change(id, n, "older")));
  for (const [n, [id, body]] of [...newest].entries()) await first.add([change(id, 100 + n, body)]);
  expect(await first.reduce()).toHaveLength(ids.length);
  await first.take(null);
  const made = await first.rewrite("made", { paths: [], stretch: everything, pieceRows: null });
  const sorted = () => [...newest].sort(([a], [b]) => (a < b ? -1 : 1));
  const paths = made.map(({ path }) => path);
  expect(await rowsOf(paths)).toEqual(sorted());

  await using second = await open("second");
  for (const [n, id] of ids.entries()) {
    if (n % 3 === 0) newest.delete(id);
    if (n % 3 === 1) newest.set(id, bodyOf());
    if (n % 3 < 2) await second.add([change(id, 10_000 + n, newest.get(id) ?? null)]);
  }
  await second.reduce();
  await second.take(null);
  const again = await second.rewrite("again", { paths, stretch: everything, pieceRows: 300 });
  expect(Math.max(...again.map(({ rows }) => rows))).toBeLessThanOrEqual(300);
  expect(await rowsOf(again.map(({ path }) => path))).toEqual(sorted());
});
