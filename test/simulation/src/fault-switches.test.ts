import { describe, expect, it } from "vitest";
import { switches, testSettings, worldWith } from "./switch-worlds.ts";
import { faultOf } from "./wire.ts";

// How the source writes values, and how it fails. The first half of the table is in `reading-switches.test.ts`: the halves run side by side.
testSettings(switches.slice(switches.length / 2));

describe("permissions per method", () => {
  it.each(["tickets", "all"])("forbidden=%s stops with the reason", async (value) => {
    const { violation, events } = await worldWith("forbidden", value);
    expect(violation).toContain("403");
    expect(events).toBe(0);
  });

  it("forbidden=ticket deletes nothing, and everything else goes on", async () => {
    const { violation, events, missedDeletes } = await worldWith("forbidden", "ticket");
    expect(violation).toMatch(/^E3: ticket \d+ is gone from the source, but still held$/);
    expect(events).toBeGreaterThan(100);
    expect(missedDeletes).toBeGreaterThan(0);
  });
});

it.each([-180_000, 180_000])(
  "E1–E6 hold with the source's clock %i ms from ours",
  async (skewMs) => {
    const { violation, events } = await worldWith("ties", "shuffled", { skewMs });
    expect(violation).toBeNull();
    expect(events).toBeGreaterThan(100);
  },
);

describe("what is asked", () => {
  const asked = (query: string) =>
    faultOf(`/api/tickets?order=update_date,create_date&limit=100&offset=0&${query}`);

  it.each([
    ["date_from=2026-11-24%2010:00&status_id[]=1", null],
    ["date_from=2026-11-24", "A4"],
    ["status_id=1", "A15"],
    ["updated_from=2026-11-24%2010:00", "A15"],
  ])("%s is told from what leaves its meaning open", (query, fault) => {
    if (fault === null) expect(asked(query)).toBe(null);
    else expect(asked(query)).toContain(fault);
  });

  it.each(["limit=0&offset=0", "limit=101&offset=0", "limit=5&offset=-1"])("%s", (range) => {
    expect(faultOf(`/api/tickets?order=update_date,create_date&${range}`)).toContain("A5");
  });
});
