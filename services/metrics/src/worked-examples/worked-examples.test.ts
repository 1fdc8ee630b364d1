import type { ChangeEvent, MessageEvent, TicketEvent } from "@thulium-stream/contracts";
import { makeMessage, makeTicket } from "@thulium-stream/kit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBusinessCalendar } from "../business-calendar.ts";
import { type TicketFigures, ticketFigures } from "../ticket-figures.ts";
import { emptyTimeline, foldEvent } from "../ticket-timeline.ts";

const calendar = createBusinessCalendar({
  zone: "Europe/Warsaw",
  businessHours: "Mon-Fri 08:00-16:00",
  holidays: "PL",
});
const rules = { closedStatuses: ["Zamknięte", "Połączone"], automaticLogins: ["robot"], calendar };

/** `MAIL`, `REPLY ala`, `COMMENT ala` at an instant (UTC, minutes). */
type Said = readonly [at: string, what: string];
/** Status from an instant on; `deleted` ends it; a second instant is the source's `closed_at`. */
type Became = readonly [at: string, status: string, closedAt?: string];

interface Example {
  readonly name: string;
  readonly created: string;
  readonly said: readonly Said[];
  readonly became?: readonly Became[];
  readonly expected: Partial<TicketFigures>;
}

const minute = 60;
const hour = 3600;
const day = 86_400;

/** Worked out by hand from a calendar: Warsaw is UTC+1 in winter, UTC+2 in summer; working hours are 08:00–16:00 local. */
const examples: readonly Example[] = [
  {
    name: "answered within the working day",
    created: "2026-11-23T08:00",
    said: [
      ["2026-11-23T08:00", "MAIL"],
      ["2026-11-23T09:30", "REPLY ala"],
    ],
    expected: {
      first_response_s: 90 * minute,
      first_response_business_s: 90 * minute,
      is_open: true,
      resolution_s: null,
      replies: 1,
      customer_messages: 1,
    },
  },
  {
    name: "answered the next morning: 21:00 to 09:00 local is an hour of work",
    created: "2026-11-23T20:00",
    said: [
      ["2026-11-23T20:00", "MAIL"],
      ["2026-11-24T08:00", "REPLY ala"],
    ],
    expected: { first_response_s: 12 * hour, first_response_business_s: hour },
  },
  {
    name: "answered after a weekend: Friday 15:00 to Monday 09:00 local",
    created: "2026-11-20T14:00",
    said: [
      ["2026-11-20T14:00", "MAIL"],
      ["2026-11-23T08:00", "REPLY ala"],
    ],
    expected: { first_response_s: 66 * hour, first_response_business_s: 2 * hour },
  },
  {
    name: "24 December 2025 is free: Tuesday 15:00 to Monday 29th 09:00 local",
    created: "2025-12-23T14:00",
    said: [
      ["2025-12-23T14:00", "MAIL"],
      ["2025-12-29T08:00", "REPLY ala"],
    ],
    expected: { first_response_s: 5 * day + 18 * hour, first_response_business_s: 2 * hour },
  },
  {
    name: "24 December 2024 was a working day: Tuesday 08:00 to 12:00 local",
    created: "2024-12-24T07:00",
    said: [
      ["2024-12-24T07:00", "MAIL"],
      ["2024-12-24T11:00", "REPLY ala"],
    ],
    expected: { first_response_s: 4 * hour, first_response_business_s: 4 * hour },
  },
  {
    name: "over the autumn night, a day of 25 hours: Saturday 20:00 to Sunday 20:00 local",
    created: "2026-10-24T18:00",
    said: [
      ["2026-10-24T18:00", "MAIL"],
      ["2026-10-25T19:00", "REPLY ala"],
    ],
    expected: { first_response_s: 25 * hour, first_response_business_s: 0 },
  },
  {
    name: "over the spring night, a day of 23 hours: Friday 15:00 to Monday 09:00 local",
    created: "2026-03-27T14:00",
    said: [
      ["2026-03-27T14:00", "MAIL"],
      ["2026-03-30T07:00", "REPLY ala"],
    ],
    expected: { first_response_s: 65 * hour, first_response_business_s: 2 * hour },
  },
  {
    name: "three customer messages before the answer count from the first",
    created: "2026-11-23T08:00",
    said: [
      ["2026-11-23T08:00", "MAIL"],
      ["2026-11-23T08:20", "MAIL"],
      ["2026-11-23T08:40", "MAIL"],
      ["2026-11-23T09:00", "REPLY ala"],
      ["2026-11-23T10:00", "MAIL"],
      ["2026-11-23T10:05", "REPLY ola"],
    ],
    expected: {
      first_response_s: hour,
      next_response_s: [hour, 5 * minute],
      customer_messages: 4,
      replies: 2,
      agents_involved: 2,
    },
  },
  {
    name: "reopened after a close: the resolution is the last one",
    created: "2026-11-23T08:00",
    said: [
      ["2026-11-23T08:00", "MAIL"],
      ["2026-11-23T08:30", "REPLY ala"],
    ],
    became: [
      ["2026-11-23T09:00", "Zamknięte", "2026-11-23T09:00"],
      ["2026-11-23T11:00", "Nowe", "2026-11-23T09:00"],
      ["2026-11-23T12:00", "Zamknięte", "2026-11-23T12:00"],
    ],
    expected: {
      first_resolution_s: hour,
      resolution_s: 4 * hour,
      resolution_business_s: 4 * hour,
      reopen_count: 1,
      one_touch: false,
      is_open: false,
    },
  },
  {
    name: "a reopened ticket is open, whatever closed_at still says",
    created: "2026-11-23T08:00",
    said: [["2026-11-23T08:00", "MAIL"]],
    became: [
      ["2026-11-23T09:00", "Zamknięte", "2026-11-23T09:00"],
      ["2026-11-23T11:00", "W realizacji", "2026-11-23T09:00"],
    ],
    expected: { first_resolution_s: hour, resolution_s: null, reopen_count: 1, is_open: true },
  },
  {
    name: "closed without a reply",
    created: "2026-11-23T08:00",
    said: [["2026-11-23T08:00", "MAIL"]],
    became: [["2026-11-23T08:10", "Zamknięte"]],
    expected: { first_response_s: null, resolution_s: 10 * minute, one_touch: false },
  },
  {
    name: "one touch",
    created: "2026-11-23T08:00",
    said: [
      ["2026-11-23T08:00", "MAIL"],
      ["2026-11-23T08:05", "REPLY ala"],
    ],
    became: [["2026-11-23T08:05", "Zamknięte - rozwiązane"]],
    expected: { first_response_s: 5 * minute, resolution_s: 5 * minute, one_touch: true },
  },
  {
    name: "a comment is no answer",
    created: "2026-11-23T08:00",
    said: [
      ["2026-11-23T08:00", "MAIL"],
      ["2026-11-23T08:05", "COMMENT ala"],
    ],
    expected: { first_response_s: null, comments: 1, replies: 0 },
  },
  {
    name: "an automatic reply is no answer",
    created: "2026-11-23T08:00",
    said: [
      ["2026-11-23T08:00", "MAIL"],
      ["2026-11-23T08:00", "REPLY robot"],
      ["2026-11-23T08:45", "REPLY ala"],
    ],
    expected: { first_response_s: 45 * minute, replies: 1 },
  },
  {
    name: "a reply back-dated before the customer wrote is none",
    created: "2026-11-23T08:00",
    said: [
      ["2026-11-23T07:30", "REPLY ala"],
      ["2026-11-23T08:00", "MAIL"],
      ["2026-11-23T08:15", "REPLY ala"],
    ],
    expected: { first_response_s: 15 * minute, replies: 2 },
  },
  {
    name: "without a customer message the creation counts",
    created: "2026-11-23T08:00",
    said: [["2026-11-23T08:30", "REPLY ala"]],
    expected: { first_response_s: 30 * minute, customer_messages: 0 },
  },
  {
    name: "a silent close counts at closed_at, not when it was seen",
    created: "2026-11-23T08:00",
    said: [],
    became: [["2026-11-25T03:00", "Zamknięte", "2026-11-23T10:00"]],
    expected: { resolution_s: 2 * hour },
  },
  {
    name: "deleted while open: no resolution",
    created: "2026-11-23T08:00",
    said: [["2026-11-23T08:00", "MAIL"]],
    became: [["2026-11-23T09:00", "deleted"]],
    expected: { deleted: true, resolution_s: null, first_resolution_s: null, is_open: false },
  },
];

describe("worked examples", () => {
  it.each(examples)("$name", ({ expected, ...example }) => {
    expect(figuresOf(eventsOf(example))).toMatchObject(expected);
  });

  it("come out the same whatever the order and however often events arrive (property)", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...examples),
        fc.infiniteStream(fc.nat()),
        ({ expected, ...example }, dice) => {
          const events = eventsOf(example);
          const doubled = [...events, ...events.filter((_, at) => at % 2 === 0)];
          const shuffled = doubled
            .map((event) => ({ event, at: dice.next().value }))
            .sort((a, b) => a.at - b.at)
            .map(({ event }) => event);
          expect(figuresOf(shuffled)).toEqual(figuresOf(events));
        },
      ),
      { numRuns: 200 },
    );
  });
});

function figuresOf(events: readonly ChangeEvent[]): TicketFigures | null {
  return ticketFigures(events.reduce(foldEvent, emptyTimeline("1")), rules);
}

function eventsOf({ created, said, became = [] }: Omit<Example, "expected">): ChangeEvent[] {
  const full = (at: string) => `${at}:00.000Z`;
  const base = {
    id: "x".repeat(26),
    system: "acme",
    ticket_id: "1",
    time_is_observation: false,
    origin: "live",
    previous_event_id: null,
    source_updated_at: null,
    source_updated_at_ambiguous: false,
  } as const;
  const head = (version: number, at: string, status: string, closedAt?: string): TicketEvent => ({
    ...base,
    type:
      status === "deleted"
        ? "thulium.ticket.deleted"
        : version === 1
          ? "thulium.ticket.created"
          : "thulium.ticket.updated",
    time: full(at),
    observed_at: full(at),
    version,
    kinds: ["other"],
    changes: [],
    derived: [],
    ticket: makeTicket({
      ticket_id: "1",
      created_at: full(created),
      updated_at: full(at),
      full_status_name: status,
      closed_at: closedAt === undefined ? null : full(closedAt),
    }),
  });
  const spoken = said.map(([at, what], n): MessageEvent => {
    const [type = "", login = null] = what.split(" ");
    const {
      ticket_queue_id,
      ticket_queue_name,
      user_login,
      category_id,
      source,
      status_id,
      substatus_id,
      full_status_name,
      customer_id,
    } = makeTicket();
    return {
      ...base,
      type: "thulium.message.added",
      time: full(at),
      observed_at: full(at),
      version: 1,
      message_id: String(n),
      changes: [],
      message: makeMessage({
        ticket_id: "1",
        message_id: String(n),
        type,
        user_login: login,
        created_at: full(at),
      }),
      ticket: {
        ticket_queue_id,
        ticket_queue_name,
        user_login,
        category_id,
        source,
        status_id,
        substatus_id,
        full_status_name,
        customer_id,
      },
    };
  });
  return [
    head(1, created, "Nowe"),
    ...spoken,
    ...became.map(([at, status, closedAt], n) => head(n + 2, at, status, closedAt)),
  ];
}
