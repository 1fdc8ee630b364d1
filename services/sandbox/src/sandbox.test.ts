import { describe, expect, it } from "vitest";
import { createSandbox } from "./index.ts";

const startMs = Date.parse("2026-11-23T09:00:00.000Z");
function everything(sandbox: ReturnType<typeof createSandbox>): string {
  return [...sandbox.truth().rows()].map((row) => JSON.stringify(row)).join("\n");
}

describe("createSandbox", () => {
  it("gives the same history, changes and tickets after a restart, whatever the steps of time", () => {
    const options = { startMs, tickets: 500, historyDays: 60, changesPerHour: 200 };
    const stepped = createSandbox(options);
    for (let minute = 1; minute <= 26 * 60; minute += 7)
      stepped.advanceTo(startMs + minute * 60_000);
    stepped.advanceTo(startMs + 26 * 3_600_000);
    const restarted = createSandbox({ ...options, nowMs: startMs + 26 * 3_600_000 });
    expect([...restarted.truth().log()]).toEqual([...stepped.truth().log()]);
    expect(restarted.truth().changes).toBeGreaterThan(2_000);
    expect(everything(restarted)).toBe(everything(stepped));
  });

  it.each([
    ["tickets", { tickets: 13_000_000 }],
    ["tickets", { tickets: -1 }],
    ["changesPerHour", { changesPerHour: Number.NaN }],
    ["historyDays", { historyDays: 0 }],
    ["startMs", { startMs: 0 }],
  ])("refuses a %s out of range with InvalidSettings", (name, options) => {
    expect(() => createSandbox({ startMs, ...options })).toThrow(
      expect.objectContaining({ code: "InvalidSettings", message: expect.stringContaining(name) }),
    );
  });

  it("stands still from its now on when told to", () => {
    const sandbox = createSandbox({
      startMs,
      tickets: 50,
      nowMs: startMs + 60_000,
      standStill: true,
    });
    sandbox.advanceTo(startMs + 24 * 3_600_000);
    expect(sandbox.nowMs).toBe(startMs + 60_000);
    sandbox.thaw();
    sandbox.advanceTo(startMs + 24 * 3_600_000);
    expect(sandbox.nowMs).toBe(startMs + 24 * 3_600_000);
  });
});
