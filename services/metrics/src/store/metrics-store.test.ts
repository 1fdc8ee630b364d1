import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { tableRowOf } from "../aggregates/table-row.ts";
import { exampleRecord } from "./example-record.ts";
import { keptOf, MetricsStore } from "./metrics-store.ts";

const nowMs = Date.parse("2026-11-23T12:00:00.000Z");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "metrics-store-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

async function fill(store: MetricsStore, status: string): Promise<void> {
  await store.apply({
    partition: 4,
    records: ["1", "2"].map((ticketId) => ({
      ticketId,
      kept: keptOf(exampleRecord(ticketId, status), 4),
    })),
    nextPosition: 2,
    foldedTo: {},
  });
  await store.caughtUp(nowMs);
}

it("gives back what is kept of records after it was closed and opened, also when it had been emptied before", async () => {
  const written = await MetricsStore.open(folder, nowMs);
  await fill(written, "first");
  await written.clear();
  expect(written.ticket("1")).toBeNull();
  await fill(written, "second");
  await written.close();
  const store = await MetricsStore.open(folder, nowMs);
  expect(store.ticket("1")).toMatchObject({
    partition: 4,
    customerId: "7",
    history: { heads: [], messages: [] },
  });
  expect(store.ticket("2")?.figures).toEqual(tableRowOf(exampleRecord("2", "second")));
  expect(store.customerOf("2")).toBe("7");
  expect(store.table.idsOf(4)).toEqual(["1", "2"]);
  expect(store.position(4)).toBe(2);
  await store.close();
});

it("removes the files of another form of itself, since nobody would read them", async () => {
  writeFileSync(join(folder, "metrics.mdb"), "");
  writeFileSync(join(folder, "metrics.mdb-lock"), "");
  await (await MetricsStore.open(folder, nowMs)).close();
  expect(readdirSync(folder).every((name) => name.startsWith("metrics-"))).toBe(true);
});
