import type { ErasurePartDone, ErasureState } from "@thulium-stream/contracts";
import { describe, expect, it } from "vitest";
import { closingOf, overdue, type ReportInput, reportOf } from "./erasure-report.ts";

const erasure: ErasureState = {
  system: "acme",
  erasure_id: "e",
  subject: "customer",
  subject_hash: "h".repeat(26),
  ticket_hashes: [],
  state: "erased",
  revision: 1,
  requested_at: "2026-11-01T00:00:00.000Z",
  erased_at: "2026-11-01T00:00:01.000Z",
  log_ends: {},
  tickets: 2,
  messages: 5,
  dead_letters: 1,
  dead_letters_left: null,
};
const done: ErasurePartDone = {
  system: "acme",
  erasure_id: "e",
  revision: 1,
  done_at: "2026-11-01T00:01:00.000Z",
  counts: { rows: 7 },
};
const nothing = { topics: new Map(), objects: [] };
const input = (fields: Partial<ReportInput>): ReportInput => ({
  erasure,
  lake: done,
  metrics: done,
  isEmbedded: false,
  found: null,
  ...fields,
});
const pending = (fields: Partial<ReportInput>) =>
  reportOf(input(fields))
    .filter(({ state }) => state === "pending")
    .map(({ what, at }) => `${what.split(" ")[0]} ${at?.slice(0, 10)}`);

describe("the report of an erasure", () => {
  it("says until when compaction, tombstones and events take on Kafka, and what is done at once on an embedded log", () => {
    expect(pending({})).toEqual([
      "superseded 2026-11-02",
      "tombstones 2026-11-10",
      "past 2026-12-02",
    ]);
    expect(pending({ isEmbedded: true })).toEqual(["tombstones 2026-11-10", "past 2026-12-02"]);
  });

  it("waits for whoever has not done its part, without a date", () => {
    const running = { ...erasure, state: "running" as const, erased_at: null };
    expect(pending({ erasure: running })).toEqual(["everything undefined"]);
    expect(pending({ lake: null, metrics: null }).slice(0, 2)).toEqual([
      "lake: undefined",
      "metrics' undefined",
    ]);
  });

  it("says that dead letters wait for their retention when the broker refuses to cut the topic", () => {
    const kept = { ...erasure, dead_letters_left: "Forbidden: no ACL" };
    expect(pending({ erasure: kept })[0]).toBe("dead 2026-12-02");
  });

  it("is believed only as far as a search agrees", () => {
    expect(pending({ found: nothing })).toEqual([]);
    const objects = ["tables/ticket_events/data/x.parquet"];
    expect(pending({ found: { ...nothing, objects } })).toEqual(["lake: undefined"]);
    const topics = new Map([["ticket-events", { records: 3, tombstones: 0 }]] as const);
    const lines = reportOf(input({ found: { topics, objects: [] } }));
    expect(lines.find(({ what }) => what.startsWith("past"))).toMatchObject({
      state: "pending",
      detail: expect.stringContaining("3 left"),
    });
    expect(overdue(lines, Date.parse("2026-12-01"))).toHaveLength(0);
    expect(overdue(lines, Date.parse("2026-12-03"))).toHaveLength(1);
  });

  it("is closed when nothing is pending, and not before", () => {
    const searched = { records: 9, objects: 4, nowMs: 0 };
    expect(closingOf(erasure, reportOf(input({})), searched)).toBe(null);
    expect(closingOf(erasure, reportOf(input({ found: nothing })), searched)).toMatchObject({
      erasure_id: "e",
      revision: 1,
      records: 9,
    });
  });
});
