import { isFailure } from "@thulium-stream/contracts";
import { describe, expect, it } from "vitest";
import { type AskedRow, ask, createSandbox, type Mutation } from "./index.ts";

const startMs = Date.parse("2026-11-23T09:00:00.000Z");

function oneTicket() {
  const switches = "no_value=null,merged=listed";
  const sandbox = createSandbox({ startMs, tickets: 0, changesPerHour: 0, switches });
  const create = { kind: "create", subject: "Pierwsze", body: "Dzień dobry" } as const;
  const made = sandbox.mutate({
    ...create,
    from: "a@b.pl",
    queueId: 32,
    categoryId: 2,
    customerId: 30_500,
    source: "www",
  });
  const ticketId = Number(made.ticketId);
  const row = () => {
    const { result } = ask(sandbox, "/api/tickets?include_custom_fields=true").body;
    return result.find((one) => one["ticket_id"] === made.ticketId) as AskedRow;
  };
  return { sandbox, ticketId, row, firstMessageId: Number(made.messageId) };
}

describe("mutate", () => {
  it("creates a ticket as described, in the list at once, and logs it", () => {
    const { sandbox, row, ticketId, firstMessageId } = oneTicket();
    expect(row()).toMatchObject({
      subject: "Pierwsze",
      from: "a@b.pl",
      ticket_queue_id: 32,
      category_id: 2,
      customer_id: 30_500,
      source: "www",
      full_status_name: "Nowe",
      created_at: "2026-11-23 10:00",
    });
    expect(row().messages).toHaveLength(1);
    expect(row().messages[0]).toMatchObject({ message_id: firstMessageId, body: "Dzień dobry" });
    expect([...sandbox.truth().log()]).toEqual([
      {
        seq: 1,
        at: "2026-11-23T09:00:00.000Z",
        ticket_id: String(ticketId),
        kind: "create",
        bumped: true,
      },
    ]);
  });

  const cases: readonly (readonly [
    string,
    (ids: { ticketId: number; firstMessageId: number }) => Mutation,
    object,
  ])[] = [
    [
      "reply",
      ({ ticketId }) => ({ kind: "reply", ticketId, login: "mnowak" }),
      {
        full_status_name: "Oczekuje na klienta",
        user_login: "mnowak",
        first_agent_responded_at: "2026-11-23 10:30",
        first_agent_response_time: "00:30:00",
      },
    ],
    [
      "close",
      ({ ticketId }) => ({ kind: "close", ticketId }),
      { status_id: "6", closed_at: "2026-11-23 10:30", close_time: "00:30:00" },
    ],
    [
      "status",
      ({ ticketId }) => ({ kind: "status", ticketId, statusId: 6, substatusId: 62 }),
      { substatus_id: "62", full_status_name: "Zamknięte - spam" },
    ],
    [
      "assign",
      ({ ticketId }) => ({ kind: "assign", ticketId, login: "ktoś.nowy" }),
      { user_login: "ktoś.nowy", full_status_name: "W realizacji" },
    ],
    [
      "queue",
      ({ ticketId }) => ({ kind: "queue", ticketId, queueId: 13 }),
      { ticket_queue_name: "support@example.com" },
    ],
    [
      "category",
      ({ ticketId }) => ({ kind: "category", ticketId, categoryId: null }),
      { category_id: null },
    ],
    [
      "customer",
      ({ ticketId }) => ({ kind: "customer", ticketId, customerId: null }),
      { customer_id: null },
    ],
    [
      "subject",
      ({ ticketId }) => ({ kind: "subject", ticketId, subject: "Inny" }),
      { subject: "Inny" },
    ],
    [
      "a tag of the catalogue",
      ({ ticketId }) => ({ kind: "tag", ticketId, tag: "vip" }),
      { tags: ["vip"] },
    ],
    [
      "any other tag",
      ({ ticketId }) => ({ kind: "tag", ticketId, tag: "nowy, tag" }),
      { tags: ["nowy, tag"] },
    ],
    ["touch", ({ ticketId }) => ({ kind: "touch", ticketId }), { full_status_name: "Nowe" }],
    [
      "merge",
      ({ ticketId }) => ({ kind: "merge", ticketId, into: ticketId + 1 }),
      { full_status_name: "Połączone", messages: [] },
    ],
  ];
  it.each(cases)("%s shows, moves updated_at and is logged", (_what, mutationOf, expected) => {
    const { sandbox, row, ticketId, firstMessageId } = oneTicket();
    sandbox.mutate({ kind: "create" });
    sandbox.advance(30 * 60_000);
    const logged = sandbox.truth().changes;
    expect(sandbox.mutate(mutationOf({ ticketId, firstMessageId })).changed).toBe(true);
    expect(row()).toMatchObject({ ...expected, updated_at: "2026-11-23 10:30" });
    expect(sandbox.truth().changes).toBeGreaterThan(logged);
  });

  it("edits, rates and removes messages", () => {
    const { sandbox, row, ticketId, firstMessageId } = oneTicket();
    const { messageId } = sandbox.mutate({
      kind: "reply",
      ticketId,
      body: "ok",
      attachments: ["1e5"],
    });
    sandbox.mutate({ kind: "edit", ticketId, messageId: firstMessageId, body: "po edycji" });
    sandbox.mutate({ kind: "rate", ticketId, value: { rate: 5 } });
    expect(row().messages.map((message) => message["body"])).toEqual(["po edycji", "ok"]);
    expect(row().messages[1]).toMatchObject({ attachments: ["1e5"], ratings: [{ rate: 5 }] });
    expect(ask(sandbox, `/api/tickets?message_id=${messageId}`).body.count).toBe(1);
    sandbox.mutate({ kind: "remove_message", ticketId, messageId: Number(messageId) });
    expect(row().messages).toHaveLength(1);
    expect(sandbox.truth().messages).toBe(1);
    expect(ask(sandbox, `/api/tickets?message_id=${messageId}`).body.count).toBe(0);
  });

  it("stamps with `at`, which may be past: updated_at then goes back", () => {
    const { sandbox, row, ticketId } = oneTicket();
    sandbox.advance(3_600_000);
    sandbox.mutate({ kind: "touch", ticketId });
    sandbox.mutate({ kind: "touch", ticketId, at: "2026-11-23T09:20:00Z" });
    expect(row()["updated_at"]).toBe("2026-11-23 10:20");
    const found = ask(sandbox, "/api/tickets?date_from=2026-11-23 10:19&date_to=2026-11-23 10:21");
    expect(found.body.count).toBe(1);
  });

  it("puts 350 tickets into one minute", () => {
    const sandbox = createSandbox({ startMs, tickets: 400, historyDays: 30, changesPerHour: 0 });
    const ids = [...sandbox.truth().rows()].slice(0, 350).map((row) => Number(row["ticket_id"]));
    sandbox.advance(600_000);
    for (const ticketId of ids) sandbox.mutate({ kind: "touch", ticketId });
    const path = "/api/tickets?date_from=2026-11-23 10:10&date_to=2026-11-23 10:10";
    expect(ask(sandbox, path).body.count).toBe(350);
  });

  it("takes a deleted ticket out of list and truth, for good", () => {
    const { sandbox, ticketId } = oneTicket();
    sandbox.mutate({ kind: "delete", ticketId });
    expect(sandbox.truth()).toMatchObject({ tickets: 0, messages: 0, deleted: 1 });
    expect(ask(sandbox, "/api/tickets").body).toEqual({ count: 0, result: [] });
    expect(ask(sandbox, `/api/tickets/${ticketId}`).status).toBe(410);
    expect(() => sandbox.mutate({ kind: "touch", ticketId })).toThrow(/does not exist/);
  });

  it("says when nothing changed, and leaves no trace then", () => {
    const { sandbox, ticketId } = oneTicket();
    sandbox.mutate({ kind: "close", ticketId });
    const logged = sandbox.truth().changes;
    expect(sandbox.mutate({ kind: "close", ticketId }).changed).toBe(false);
    expect(sandbox.mutate({ kind: "untag", ticketId, tag: "vip" }).changed).toBe(false);
    expect(sandbox.truth().changes).toBe(logged);
  });

  it.each<[string, unknown, RegExp]>([
    ["an unknown kind", { kind: "explode", ticketId: 1 }, /kind/],
    ["an unknown field", { kind: "touch", ticketId: 1, when: 5 }, /when/],
    ["an unknown queue", { kind: "create", queueId: 77 }, /queueId is one of 2, 3/],
    ["an instant to come", { kind: "create", at: startMs + 5000 }, /later than/],
  ])("refuses %s with InvalidSettings", (_what, mutation, message) => {
    const sandbox = createSandbox({ startMs, tickets: 5, changesPerHour: 0 });
    try {
      sandbox.mutate(mutation as Mutation);
      expect.unreachable();
    } catch (error) {
      expect(isFailure(error, "InvalidSettings")).toBe(true);
      expect((error as Error).message).toMatch(message);
    }
  });

  it("does not move what happens by nature: the other tickets live on as they would have", () => {
    const options = { startMs, tickets: 300, historyDays: 5, changesPerHour: 0 };
    const [touched, left] = [createSandbox(options), createSandbox(options)];
    touched.mutate({ kind: "create" });
    for (const sandbox of [touched, left]) sandbox.advanceTo(startMs + 48 * 3_600_000);
    const rows = (sandbox: typeof left) =>
      [...sandbox.truth().rows()].map((row) => JSON.stringify(row));
    const known = new Set(rows(left));
    expect(rows(touched).filter((row) => !known.has(row))).toHaveLength(1);
    expect(left.truth().changes).toBeGreaterThan(50);
  });
});
