import { describe, expect, it } from "vitest";
import { messageHash, ticketHash } from "./content-hash.ts";
import { type NormalisedRow, normaliseTicket } from "./normalise-ticket.ts";
import { createWallClock } from "./wall-clock.ts";

const clock = createWallClock("Europe/Warsaw");
/** The vendor's documented row, its missing quote put right. */
const documented = {
  ticket_id: "23962",
  user_login: "akowalski",
  from: "bob@test.pl",
  ticket_queue_name: "help@thulium.com",
  ticket_queue_id: 32,
  subject: "subject",
  category_id: 2,
  source: "email",
  status_id: "2",
  substatus_id: "1",
  tags: ["xyz", "abc"],
  customer_id: 32122,
  full_status_name: "some status - some sub status",
  created_at: "2013-08-02 09:47",
  updated_at: "2014-07-04 16:15",
  closed_at: "2014-07-05 15:15",
  close_time: "123:33:44",
  first_agent_responded_at: "2014-07-04 15:15",
  first_agent_response_time: "01:00:12",
  messages: [
    {
      message_id: 433,
      user_login: "",
      type: "MAIL",
      body: "hello2",
      comment: "",
      system_comment: "",
      created_at: "2014-07-04 16:15",
      attachments: ["1175982115cb861c810534", "85734759348c94a5983b12"],
      ratings: [2, 3],
    },
    {
      message_id: "432",
      user_login: "",
      type: "MAIL",
      body: "hello",
      comment: "",
      system_comment: "",
      created_at: "2013-08-02 09:47",
      attachments: [],
      ratings: [],
    },
  ],
  custom_fields: { Uwagi: "information", ID: null },
};
const read = (row: unknown) => normaliseTicket(row, "acme", clock);
const observed = (row: unknown) => {
  const result: NormalisedRow = read(row);
  if (!result.ok) throw new Error(result.detail);
  return result.observed;
};
const hashes = (row: unknown) => {
  const { ticket, messages } = observed(row);
  return [ticketHash(ticket), ...messages.map(messageHash)];
};

describe("normaliseTicket", () => {
  it("reads the vendor's documented row", () => {
    const { ticket, messages } = observed(documented);
    expect(ticket).toMatchObject({
      ticket_id: "23962",
      ticket_queue_id: "32",
      category_id: "2",
      customer_id: "32122",
      tags: ["abc", "xyz"],
      created_at: "2013-08-02T07:47:00.000Z",
      created_at_raw: "2013-08-02 09:47",
      vendor_close_time_s: 444_824,
      vendor_first_agent_response_time_s: 3612,
      custom_fields: [
        { name: "ID", value: null },
        { name: "Uwagi", value: "information" },
      ],
      extra: [],
    });
    expect(
      messages.map(({ message_id, user_login, ratings }) => [message_id, user_login, ratings]),
    ).toEqual([
      ["432", null, []],
      ["433", null, ["2", "3"]],
    ]);
    expect(messages[1]?.attachments[0]).toBe("1175982115cb861c810534");
  });

  it.each([
    ["ids as numbers or text", { ticket_id: 23962, status_id: 2, category_id: "2" }],
    ["seconds that come and go", { updated_at: "2014-07-04 16:15:33" }],
    [
      "the order of tags and keys",
      { tags: ["abc", "xyz"], custom_fields: { ID: "", Uwagi: "information" } },
    ],
    ["the order of messages", { messages: documented.messages.toReversed() }],
  ])("takes %s for the same content", (_name, fields) => {
    expect(hashes({ ...documented, ...fields })).toEqual(hashes(documented));
  });

  it("takes an absent key, null and empty text for the same", () => {
    const { user_login: _absent, ...without } = documented;
    const versions = [
      without,
      { ...documented, user_login: null },
      { ...documented, user_login: "" },
    ];
    expect(new Set(versions.map((row) => hashes(row).join())).size).toBe(1);
    expect(observed(without).ticket.user_login).toBeNull();
  });

  it("tells a sub-status 0 from none, and any change of content", () => {
    const changed = [
      { substatus_id: "0" },
      { substatus_id: "" },
      { subject: "x" },
      { tags: [] },
      { ticket_queue_name: "other" },
      { custom_fields: [] },
    ];
    const all = [documented, ...changed.map((fields) => ({ ...documented, ...fields }))].map(
      (row) => hashes(row)[0],
    );
    expect(new Set(all).size).toBe(all.length);
  });

  it("hashes a message without its ratings", () => {
    const [first, second] = documented.messages;
    const rated = { ...documented, messages: [first, { ...second, ratings: [5] }] };
    expect(hashes(rated)).toEqual(hashes(documented));
  });

  it("reads an empty map written as a list, and a list for a map", () => {
    expect(observed({ ...documented, custom_fields: [] }).ticket.custom_fields).toEqual([]);
    expect(observed({ ...documented, custom_fields: ["a"] }).ticket.custom_fields).toEqual([
      { name: "0", value: "a" },
    ]);
  });

  it("keeps unknown fields and names them", () => {
    const result = read({ ...documented, priority: { level: 3 } });
    expect(result).toMatchObject({ ok: true, unknownFields: ["priority"] });
    expect(observed({ ...documented, priority: { level: 3 } }).ticket.extra).toEqual([
      { name: "priority", value: '{"level":3}' },
    ]);
  });

  it("keeps what it cannot read beside a null", () => {
    const { ticket } = observed({ ...documented, closed_at: "wczoraj", close_time: "12:99" });
    expect(ticket).toMatchObject({
      closed_at: null,
      closed_at_raw: "wczoraj",
      vendor_close_time_s: null,
      vendor_close_time_raw: "12:99",
    });
  });

  it("flags a stamp in the repeated hour", () => {
    expect(observed({ ...documented, updated_at: "2026-10-25 02:10" }).updatedAtAmbiguous).toBe(
      true,
    );
  });

  it.each([
    [{ ...documented, ticket_id: "abc" }, "ticket_id: must be a whole number"],
    [{ ...documented, ticket_id: null }, "ticket_id: must be a whole number, got null"],
    [{ ...documented, messages: { "5": {} } }, "messages: must be a list"],
    [{ ...documented, messages: [7] }, "messages[0]: must be an object, got 7"],
    [{ ...documented, messages: [{ type: "MAIL" }] }, "messages[0].message_id"],
    ["row", "ticket: must be an object"],
  ])("refuses a row of an impossible shape, naming field and rule (%#)", (row, detail) => {
    const result = read(row);
    expect(result.ok).toBe(false);
    expect(result.ok ? "" : result.detail).toContain(detail);
  });
});
