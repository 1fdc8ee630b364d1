import {
  createWallClock,
  messageHash,
  normaliseTicket,
  ticketHash,
} from "@thulium-stream/thulium-api/pure";
import { describe, expect, it } from "vitest";
import { type AskedRow, ask, createSandbox, type Sandbox } from "./index.ts";

const startMs = Date.parse("2026-11-23T09:00:00.000Z");
const clock = createWallClock("Europe/Warsaw");

/** Content of a row as the client understands it: hashes of its head and messages, ratings beside. */
function contentOf(row: unknown): string {
  const read = normaliseTicket(row, "sandbox", clock);
  if (!read.ok) throw new Error(read.detail);
  const { ticket, messages } = read.observed;
  const parts = messages.map((message) => `${messageHash(message)} ${message.ratings.join()}`);
  return [ticket.ticket_id, ticketHash(ticket), ...parts].join("\n");
}

/** Every listed row, read through creation minutes so that shuffled ties cannot hide one. */
function listed(sandbox: Sandbox): AskedRow[] {
  const rows = new Map<string, AskedRow>();
  let from = "2020-01-01 00:00";
  for (;;) {
    const order = "order=create_date,update_date&include_custom_fields=true";
    const { result } = ask(sandbox, `/api/tickets?${order}&create_date_from=${from}`).body;
    for (const row of result) rows.set(String(row["ticket_id"]), row);
    if (result.length < 100) return [...rows.values()];
    from = String(result.at(-1)?.["created_at"]).slice(0, 16);
  }
}

describe("truth", () => {
  it.each([
    "",
    "no_value=random,id_types=random,stamps=random,message_order=shuffled",
    "merged=listed,merged_messages=stay,touch_on=messages_only,on_reopen=keep",
    "durations=business,json=php,no_value=absent,id_types=all_int",
  ])("equals a full listing by content, ticket by ticket, with the switches %s", (switches) => {
    const nowMs = startMs + 50 * 3_600_000;
    const options = { startMs, nowMs, tickets: 500, historyDays: 40, changesPerHour: 120 };
    const sandbox = createSandbox({ ...options, switches });
    const rows = listed(sandbox);
    const truth = [...sandbox.truth().rows()];
    expect(rows.map(contentOf).sort()).toEqual(truth.map(contentOf).sort());
    expect(truth.length).toBe(sandbox.truth().tickets);
    expect(sandbox.truth().messages).toBe(
      truth.reduce((sum, row) => sum + (row["messages"] as unknown[]).length, 0),
    );
  });

  it("has canonical rows: every field, ids as text, null for no value, sorted lists", () => {
    const sandbox = createSandbox({ startMs, tickets: 400, historyDays: 20 });
    const fields = new Set<string>();
    for (const row of sandbox.truth().rows()) {
      fields.add(Object.keys(row).sort().join());
      expect(JSON.stringify(row)).not.toContain('":""');
      const tags = row["tags"] as string[];
      expect(tags).toEqual([...tags].sort());
      const ids = (row["messages"] as AskedRow["messages"]).map((message) =>
        Number(message["message_id"]),
      );
      expect(ids).toEqual([...ids].sort((a, b) => a - b));
    }
    expect([...fields]).toHaveLength(1);
  });

  it("logs every change of the living with its time, ticket and kind, without gaps", () => {
    const sandbox = createSandbox({ startMs, tickets: 500, historyDays: 20 });
    sandbox.advanceTo(startMs + 6 * 3_600_000);
    const log = [...sandbox.truth().log()];
    expect(log.length).toBe(sandbox.truth().changes);
    expect(log.map(({ seq }) => seq)).toEqual(log.map((_, i) => i + 1));
    const times = log.map(({ at }) => at);
    expect(times).toEqual([...times].sort());
    expect(times.every((at) => Date.parse(at) > startMs)).toBe(true);
    expect([...sandbox.truth().log(log.length - 3)]).toEqual(log.slice(-3));
  });

  it("logs exactly the tickets whose content differs from before", () => {
    const options = { startMs, tickets: 600, historyDays: 10, changesPerHour: 400 };
    const sandbox = createSandbox(options);
    const before = new Map(
      [...sandbox.truth().rows()].map((row) => [row["ticket_id"], contentOf(row)]),
    );
    sandbox.advanceTo(startMs + 3 * 3_600_000);
    const after = new Map(
      [...sandbox.truth().rows()].map((row) => [row["ticket_id"], contentOf(row)]),
    );
    const ids = new Set([...before.keys(), ...after.keys()]);
    const changed = [...ids].filter((id) => before.get(id) !== after.get(id)).map(String);
    const logged = new Set([...sandbox.truth().log()].map(({ ticket_id }) => ticket_id));
    expect(changed.length).toBeGreaterThan(200);
    for (const id of changed) expect(logged).toContain(id);
    // The other way round, a change may have been undone since (a tag set and taken away).
    const undone = [...logged].filter((id) => !changed.includes(id));
    expect(undone.length).toBeLessThan(logged.size / 20);
  });
});
