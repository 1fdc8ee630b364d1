import { instantOf, type StoredHistory } from "@thulium-stream/contracts";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { TableRow } from "../aggregates/table-row.ts";
import { headFields } from "../history/arbitrary-head.ts";
import { figuresOfRow, type KeptTicket, rowVersion, ticketOfRow, ticketRow } from "./ticket-row.ts";

const text = fc.option(
  fc.oneof(
    fc.constantFrom("", "a", "Zamknięte"),
    fc.string({ unit: "binary", maxLength: 300 }),
    // Halves of surrogate pairs.
    fc.string({ unit: fc.constantFrom("\ud83d", "\ude00", "ż"), maxLength: 5 }),
  ),
);
const second = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 1, max: 0xffffffff }),
  fc.integer({ min: 29_000_000, max: 29_000_100 }).map((minute) => minute * 60),
);
const instant = fc
  .oneof(
    fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }),
    fc.integer({ min: 29_000_000, max: 29_000_100 }).map((minute) => minute * 60_000),
  )
  .map(instantOf);
const duration = fc.integer({ min: -1, max: 2 ** 31 - 1 });
const count = fc.oneof(fc.nat({ max: 200 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }));

const figures: fc.Arbitrary<TableRow> = fc.record({
  rulesId: fc.constant("01234567890123456789012345"),
  asOfMs: fc.integer({ min: 0, max: 4_000_000_000_000 }),
  groups: fc.record({ queue: text, category: text, source: text, agent: text, status: text }),
  created: second,
  responded: second,
  resolved: second,
  ended: second,
  createdKnown: second,
  respondedKnown: second,
  resolvedKnown: second,
  dueFirst: second,
  dueNext: second,
  dueResolution: second,
  response: duration,
  responseBusiness: duration,
  resolution: duration,
  resolutionBusiness: duration,
  reopens: count,
  deleted: fc.nat({ max: 1 }),
  slaFirst: fc.nat({ max: 3 }),
  slaNext: fc.nat({ max: 3 }),
  slaResolution: fc.nat({ max: 3 }),
  facts: count,
  next: fc.array(fc.tuple(second, duration, duration)).map((answers) => answers.flat()),
  stretches: fc.array(second),
});
const step = fc.record({ kind: fc.constant("closed" as const), at: instant, to: text });
const number = fc.integer({ min: -(2 ** 50), max: 2 ** 50 });
const head = fc.record(headFields({ text, instant, count, number, step }), {
  requiredKeys: ["version", "at", "observed_at"],
});
const mark = fc.record(
  {
    message_id: fc.string(),
    at: instant,
    observed_at: instant,
    version: count,
    first_observed_at: instant,
    type: text,
    user_login: text,
    rating: text,
    removed: fc.boolean(),
  },
  { requiredKeys: ["message_id", "at", "observed_at"] },
);
const ticket: fc.Arbitrary<KeptTicket> = fc.record({
  partition: fc.nat({ max: 1000 }),
  customerId: text,
  figures,
  history: fc.record({
    heads: fc.array(head, { maxLength: 5 }),
    messages: fc.array(mark, { maxLength: 5 }),
  }) as unknown as fc.Arbitrary<StoredHistory>,
});

it("gives back what was kept of tickets, also of those whose rows were written after it (property)", () => {
  fc.assert(
    fc.property(fc.array(ticket, { minLength: 1, maxLength: 4 }), (tickets) => {
      const rows = tickets.map(ticketRow);
      expect(rows.map(ticketOfRow)).toEqual(tickets);
      expect(rows.map(figuresOfRow)).toEqual(tickets.map(({ history, ...rest }) => rest));
    }),
  );
});

it("has the form that its version stands for: with another form goes another version", () => {
  const at = (minute: number) => instantOf(1_795_000_000_123 + minute * 60_000);
  const groups = { queue: "Zwroty", category: null, source: "email", agent: "ala", status: "Nowe" };
  const instants = { created: 60, responded: 61, resolved: 0, ended: 63, createdKnown: 64 };
  const known = { respondedKnown: 65, resolvedKnown: 66 };
  const dues = { dueFirst: 3600, dueNext: 0, dueResolution: 7200 };
  const durations = { response: 1, responseBusiness: -1, resolution: 90, resolutionBusiness: 300 };
  const counts = { reopens: 2, deleted: 0, slaFirst: 1, slaNext: 2, slaResolution: 3, facts: 130 };
  const rest = { next: [120, 60, -1], stretches: [60, 0] };
  const row = ticketRow({
    partition: 5,
    customerId: "7",
    figures: {
      ...{ rulesId: "r", asOfMs: Date.parse(at(0)), groups, ...rest },
      ...{ ...instants, ...known, ...dues, ...durations, ...counts },
    },
    history: {
      heads: [
        {
          ...{ version: 1, at: at(1), observed_at: at(2), through: 3, last_observed_at: at(4) },
          ...{ is_observation: true, deleted: false, unlisted: true, status_id: "1", status: "S" },
          ...{ queue_id: "q", queue: "Q", category: "c", source: "s", agent: "a", priority: "p" },
          ...{ subject: "ż", customer_id: "7", created_at: at(5), closed_at: at(6) },
          ...{ updated_at: null, vendor_responded_at: at(7), vendor_first_response_s: null },
          ...{ vendor_close_s: 9, steps: [] },
        },
      ],
      messages: [
        {
          ...{ message_id: "9", at: at(8), observed_at: at(9), version: 2, type: "MAIL" },
          ...{ first_observed_at: at(10), user_login: "u", rating: "5", removed: true },
        },
      ],
    },
  });
  expect({ rowVersion, row: row.toString("hex") }).toMatchInlineSnapshot(`
    {
      "row": "05010237010272eef3e5cafbd001010c5a77726f747900010a656d61696c0106616c6101084e6f7765eca0d7cafbd001a21f00c23ea21fa21fa21fc2e5de0600f1010201b401d8040200010203820103d703780102030001ffffff0f01eef3e5cafbd0010503090100010102310102530102710102510102630102730102610102700104c5bc0205050005000112045b5d01ff0302390505020501084d41494c01027501023501",
      "rowVersion": 4,
    }
  `);
});

it("keeps a ticket whose row takes more room than several others together", () => {
  const [sample] = fc.sample(ticket, 1);
  if (sample === undefined) throw new Error("no sample");
  const messages = Array.from({ length: 20_000 }, (_, at) => ({
    message_id: `message ${at}`,
    at: "2026-11-23T08:00:00.000Z",
    observed_at: "2026-11-23T08:00:15.000Z",
    user_login: `agent${at % 100}`,
  }));
  const large = { ...sample, history: { heads: [], messages } };
  const rows = [sample, large, sample].map(ticketRow);
  expect(rows.map(ticketOfRow)).toEqual([sample, large, sample]);
});
