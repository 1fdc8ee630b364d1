import { describe, expect, it } from "vitest";
import { basicAuthorisation, createSandbox } from "./index.ts";

const startMs = Date.parse("2026-11-23T09:00:00.000Z");
const headers = { authorization: basicAuthorisation("sandbox", "sandbox") };

/** A canonical row, as far as these tests look. */
interface TruthRow {
  readonly ticket_id: string;
}

function everything(sandbox: ReturnType<typeof createSandbox>): string {
  return [...sandbox.truth().rows()].map((row) => JSON.stringify(row)).join("\n");
}

describe("createSandbox", () => {
  it("gives the same history, changes and tickets after a restart, whatever the steps of time", () => {
    const options = { startMs, tickets: 800, historyDays: 60, changesPerHour: 500 };
    const stepped = createSandbox(options);
    for (let minute = 1; minute <= 26 * 60; minute += 7)
      stepped.advanceTo(startMs + minute * 60_000);
    stepped.advanceTo(startMs + 26 * 3_600_000);
    const restarted = createSandbox({ ...options, nowMs: startMs + 26 * 3_600_000 });
    expect([...restarted.truth().log()]).toEqual([...stepped.truth().log()]);
    expect(restarted.truth().changes).toBeGreaterThan(5_000);
    expect(everything(restarted)).toBe(everything(stepped));
  });

  it("shows in a full listing exactly the tickets of the truth", () => {
    const sandbox = createSandbox({ startMs, tickets: 700, nowMs: startMs + 5 * 3_600_000 });
    const listed: string[] = [];
    for (let offset = 0; ; offset += 100) {
      const path = `/api/tickets?order=create_date&offset=${offset}&include_custom_fields=true`;
      const { body } = sandbox.handle("GET", path, headers);
      const page = JSON.parse(String(body)) as { count: number; result: TruthRow[] };
      expect(page.count).toBe(sandbox.truth().tickets);
      if (page.result.length === 0) break;
      listed.push(...page.result.map((row) => row.ticket_id));
    }
    const truth = [...sandbox.truth().rows()].map((row) => String(row["ticket_id"]));
    // Creation minutes are unique enough here that pages do not cut a shuffled group.
    expect(new Set(listed).size).toBeGreaterThan(truth.length - 5);
    expect(truth).toEqual(expect.arrayContaining(listed));
  });
});
