import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TicketMetrics } from "@thulium-stream/contracts";
import { afterEach, beforeEach, expect, it } from "vitest";
import { tableRowOf } from "../aggregates/table-row.ts";
import { MetricsStore } from "./metrics-store.ts";

const nowMs = Date.parse("2026-11-23T12:00:00.000Z");

const noHistory = { heads: [], messages: [] };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "metrics-store-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function record(ticketId: string, status: string): TicketMetrics {
  return {
    ticket_id: ticketId,
    rules_id: "r",
    as_of: "2026-11-23T11:00:00.000Z",
    status,
    queue: "Zwroty",
    category: null,
    source: null,
    agent: null,
    customer_id: "7",
    deleted: false,
    reopen_count: 0,
    created_at: "2026-11-20T08:00:00.000Z",
    created_known_at: "2026-11-20T08:00:15.000Z",
    open: [{ from: "2026-11-20T08:00:00.000Z", to: null }],
    first_response_at: null,
    first_response_known_at: null,
    first_response_s: null,
    first_response_business_s: null,
    resolved_at: null,
    resolved_known_at: null,
    resolution_s: null,
    resolution_business_s: null,
    sla_first_response: null,
    sla_next_response: null,
    sla_resolution: null,
    next_responses: [],
    history: noHistory,
  } as unknown as TicketMetrics;
}

async function fill(store: MetricsStore, status: string): Promise<void> {
  await store.apply({
    partition: 4,
    records: ["1", "2"].map((ticketId) => ({ ticketId, metrics: record(ticketId, status) })),
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
  expect(store.ticket("1")).toMatchObject({ partition: 4, customerId: "7", history: noHistory });
  expect(store.ticket("2")?.figures).toEqual(tableRowOf(record("2", "second")));
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
