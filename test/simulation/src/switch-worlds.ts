import { type SwitchInfo, switchTable } from "@thulium-stream/sandbox";
import { describe, expect, it } from "vitest";
import { simulateWorld } from "./simulate.ts";
import { planOf, type WorldPlan } from "./world-plan.ts";

/** Settings of the switches that take no words: off, and what changes something. */
const settings: Readonly<Record<string, readonly string[]>> = {
  tz: ["Europe/Warsaw", "America/New_York", "Australia/Lord_Howe", "UTC"],
  max_offset: ["off", "50"],
  big_ticket: ["off", "10x0.5"],
  max_page_mb: ["off", "0.05"],
  rate_limit: ["off", "3"],
  fail: ["off", "15%", "ticket:103+117"],
  malformed: ["off", "15%"],
  envelope: ["off", "15%"],
  slow: ["off", "10%"],
  slow_ms: ["off", "90000"],
};
/** A switch that only tells how another one acts, and what that one is set to. */
const together: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  max_offset_answer: { max_offset: "40" },
  retry_after: { rate_limit: "3" },
  limit_status: { rate_limit: "3" },
  fail_status: { fail: "15%" },
  envelope_form: { envelope: "15%" },
  html_errors: { fail: "15%" },
  slow_ms: { slow: "10%" },
  max_page_mb: { big_ticket: "10x0.04" },
};

/** A small world in which all else is as by default: an hour's worth of changes over the October night, deletes and merges, one kill. */
export function worldWith(name: string, value: string, more: Partial<WorldPlan> = {}) {
  const plan = planOf(1);
  const zone = name === "tz" ? value : "Europe/Warsaw";
  return simulateWorld({
    ...plan,
    zone,
    startMs: Date.parse("2026-10-25T00:50:00Z"),
    hours: 0.4,
    tickets: 45,
    historyDays: 1,
    changesPerHour: 60,
    mutationPauseMs: 10_000,
    switches: { ...together[name], [name]: value, tz: zone },
    pageSize: 20,
    sliceTickets: 30,
    parallelSlices: 2,
    pollIntervalMs: 30_000,
    settleDelayMs: 60_000,
    requestsPerSecond: 10,
    rereadEveryMs: 300_000,
    rereadSchedule: "*/15 * * * *",
    censusSchedule: "*/5 * * * *",
    skewMs: 0,
    kills: 1,
    downtimeMs: 0,
    latencyMs: 500,
    appendMs: 0,
    latenessMs: 0,
    retryAfterS: 0,
    doubtfulAppends: 0,
    falseGoneMs: 0,
    goneShare: 0.2,
    ...more,
  });
}

/** Every switch but `forbidden`, which ends a run. */
export const switches = switchTable.filter(({ name }) => name !== "forbidden");

/** One simulated world for each setting of these switches. */
export function testSettings(some: readonly SwitchInfo[]): void {
  describe.each(some)("$about", ({ name, values }) => {
    const tried = values.length > 0 ? values : (settings[name] ?? []);
    it("has settings to try", () => expect(tried.length).toBeGreaterThan(1));

    it.each(tried)(`E1–E6 hold with ${name}=%s`, async (value) => {
      const { violation, events, deletes } = await worldWith(name, value);
      expect(violation).toBeNull();
      expect(events).toBeGreaterThan(100);
      expect(deletes).toBeGreaterThan(0);
    });
  });
}
