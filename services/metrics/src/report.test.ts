import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { recordOfEvent, silentLogger, type TicketEvent, topics } from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { makeTicket, VirtualClock } from "@thulium-stream/kit";
import { newId } from "@thulium-stream/runtime";
import { expect, it } from "vitest";
import type { Aggregate } from "./aggregates/aggregate.ts";
import { MetricsEngine } from "./metrics-engine.ts";
import { csvOf, durationText, reportHeadings, reportRows } from "./report.ts";
import { reportRange } from "./report-range.ts";

const distribution = (p50_s: number | null) => ({ count: 1, p50_s, p90_s: p50_s });
const lineOf = (key: string | null, created: number, backlog: number) => ({
  key: [key],
  ...({
    created,
    closed: 1,
    backlog,
    reopen_rate: 0.125,
    first_response: distribution(90),
    first_response_business: distribution(45),
    resolution: distribution(null),
    resolution_business: distribution(null),
    sla: {
      first_response: { met: 3, breached: 1, share: 0.75 },
      next_response: { met: 0, breached: 0, share: null },
      resolution: { met: 0, breached: 0, share: null },
    },
  } as unknown as Aggregate),
});

it("draws bars as long as the largest group, and any above nothing where there is something", () => {
  const rows = reportRows(
    [lineOf("a", 1600, 0), lineOf(null, 1, 3), lineOf("all", 1601, 3)],
    "calendar",
  );
  expect(rows[0]).toEqual([
    "a",
    1600,
    "█".repeat(12),
    1,
    0,
    "",
    "2 min",
    "2 min",
    "–",
    "–",
    "12.5 %",
    "75 %",
  ]);
  expect(rows[1]?.slice(0, 3)).toEqual(["(none)", 1, "▏"]);
  expect(rows[2]?.[2]).toBe("█".repeat(12));
  expect(rows.every((row) => row.length === reportHeadings.length)).toBe(true);
  expect(reportRows([lineOf("a", 1, 1)], "business")[0]?.[6]).toBe("45 s");
});

it.each([
  [null, "–"],
  [0, "0 s"],
  [89, "89 s"],
  [90, "2 min"],
  [5400, "1.5 h"],
  [129_600, "1.5 d"],
] as const)("says %s seconds as %s", (seconds, text) => {
  expect(durationText(seconds)).toBe(text);
});

it("keeps text of strangers from becoming cells or formulas", () => {
  expect(
    csvOf([
      { name: '=1+1,"x"', count: -1 },
      { name: "a\nb", count: null },
    ]),
  ).toBe(`name,count\r\n"'=1+1,""x""",-1\r\n"a\nb",`);
});

it("refuses days by the rules of the API, naming the option", () => {
  const view = { day: (offset: number) => (offset === 0 ? "2026-11-23" : "2026-10-25") };
  expect(reportRange({}, view)).toEqual({ from: "2026-10-25", to: "2026-11-23" });
  expect(() => reportRange({ from: "2026-02-30" }, view)).toThrow(
    "--from 2026-02-30: must be a day of the calendar",
  );
  expect(() => reportRange({ from: "2026-12-01" }, view)).toThrow(
    "--from 2026-12-01: must not lie after to",
  );
});

it("a report beside running metrics sees their figures, folds nothing itself, and tells what is still to be folded", async () => {
  const folder = mkdtempSync(join(tmpdir(), "report-"));
  const clock = new VirtualClock("2026-11-23T12:00:00.000Z");
  const log = await openEmbeddedLog({
    folder: join(folder, "log"),
    clock,
    logger: silentLogger,
    newId,
  });
  await log.ensureTopics(topics);
  const writer = await log.openWriter("w");
  const open = (name: string) =>
    MetricsEngine.open(
      { log, folder: join(folder, name), clock, logger: silentLogger, newId },
      {
        system: "acme",
        zone: "Europe/Warsaw",
        closedStatuses: [],
        automaticLogins: [],
        businessHours: "Mon-Fri 08:00-16:00",
        holidays: "PL",
      },
    );
  const never = new AbortController().signal;
  const running = await open("running");
  await writer.append([recordOfEvent(createdOf("1"), 1)]);
  await running.catchUp(never);
  const folded = await log.ends("ticket-metrics");
  await writer.append([recordOfEvent(createdOf("2"), 2)]);
  const report = await open("report");
  expect(await report.takeOver(never)).toBe(1);
  const query = { from: "2026-11-23", to: "2026-11-23" };
  expect(report.summary(query, ["queue"])).toEqual(running.summary(query, ["queue"]));
  expect(report.summary(query, []).total.created).toBe(1);
  expect(await log.ends("ticket-metrics")).toEqual(folded);
  for (const closing of [report, running, log]) await closing.close();
  rmSync(folder, { recursive: true });
});

function createdOf(id: string): TicketEvent {
  const at = "2026-11-23T08:00:00.000Z";
  return {
    type: "thulium.ticket.created",
    id: id.padStart(26, "a"),
    system: "acme",
    ticket_id: id,
    time: at,
    time_is_observation: false,
    observed_at: at,
    origin: "live",
    version: 1,
    previous_event_id: null,
    source_updated_at: null,
    source_updated_at_ambiguous: false,
    kinds: ["other"],
    changes: [],
    derived: [],
    ticket: makeTicket({ ticket_id: id, created_at: at }),
  };
}
