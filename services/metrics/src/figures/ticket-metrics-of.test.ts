import {
  type ChangeEvent,
  instantOf,
  type MessageEvent,
  type TicketEvent,
  ticketMetrics,
} from "@thulium-stream/contracts";
import { makeMessage, makeTicket } from "@thulium-stream/kit";
import fc from "fast-check";
import { expect, it } from "vitest";
import { emptyHistory, foldEvent } from "../history/fold-event.ts";
import { packHistory } from "../history/stored-history.ts";
import { createFigureRules } from "../rules/figure-rules.ts";
import { metricsSettings } from "../rules/metrics-settings.ts";
import { ticketMetricsOf } from "./ticket-metrics-of.ts";

const createdMs = Date.parse("2026-10-23T12:00:00.000Z");
const rules = createFigureRules({
  zone: "Europe/Warsaw",
  closedStatuses: ["Zamknięte"],
  automaticLogins: ["robot"],
  businessHours: "Mon-Fri 08:00-16:00",
  holidays: "PL",
  slaFirstResponseS: 3600,
  slaResolutionS: 86_400,
  file: metricsSettings.parse({
    calendars: { always: [{ hours: "Mon-Sun 00:00-24:00", holidays: "none" }] },
    queue_calendars: { night: "always" },
    sla: [{ next_response: "2h", measure: "calendar" }],
  }),
});

/** Milliseconds since the creation, over the autumn night and into November, to the millisecond. */
const passed = fc.integer({ min: -3_600_000, max: 20 * 86_400_000 });
const status = fc.constantFrom("Nowe", "Zamknięte", "Odłożone", "Oczekuje na klienta", null);
const headTold = fc.record({
  /** How long before it was read it happened. */
  before: fc.integer({ min: 0, max: 3_600_000 }),
  gap: fc.integer({ min: 1, max: 3 * 86_400_000 }),
  isSilent: fc.boolean(),
  what: fc.constantFrom("updated", "updated", "updated", "deleted", "unlisted"),
  status,
  queue: fc.constantFrom("help", "night", null),
  agent: fc.constantFrom("ala", "ola", null),
  closed: fc.option(passed),
  steps: fc.array(fc.record({ at: passed, from: status, to: status }), { maxLength: 2 }),
});
const messageTold = fc.record({
  at: fc.option(passed),
  seen: fc.integer({ min: 0, max: 20 * 86_400_000 }),
  type: fc.constantFrom("MAIL", "REPLY", "COMMENT", "SMS"),
  login: fc.constantFrom(null, "ala", "ola", "robot"),
  ratings: fc.array(fc.constantFrom("1", "5"), { maxLength: 2 }),
  isRemoved: fc.boolean(),
});
const lives = fc
  .record({
    heads: fc.array(headTold, { minLength: 1, maxLength: 6 }),
    messages: fc.array(messageTold, { maxLength: 6 }),
  })
  .map(eventsOf);

it("gives records that their schema accepts, whatever happened to a ticket (property)", () => {
  fc.assert(
    fc.property(lives, (events) => {
      const metrics = figuresOf(events);
      const record = { ...metrics, history: packHistory(metrics.history) };
      expect(ticketMetrics.safeParse(record).error?.issues).toBeUndefined();
    }),
    { numRuns: 500 },
  );
});

it("divides the open time, calendar and working, without a rest (property)", () => {
  fc.assert(
    fc.property(lives, (events) => {
      const metrics = figuresOf(events);
      for (const measure of ["s", "business_s"] as const) {
        const parts = (["requester_wait", "agent_wait", "on_hold"] as const).map(
          (name) => metrics[`${name}_${measure}`] ?? Number.NaN,
        );
        expect(parts.reduce((sum, part) => sum + part, 0)).toBe(metrics[`open_${measure}`]);
      }
      const inStatus = metrics.time_in_status.reduce((sum, { time_s }) => sum + (time_s ?? 0), 0);
      expect(inStatus).toBe(metrics.observed_s);
      expect(metrics.observed_s).toBeLessThanOrEqual(metrics.life_s);
    }),
    { numRuns: 500 },
  );
});

it("depends on neither the order nor the number of times that events arrive (property)", () => {
  const arrivals = lives.chain((events) => {
    const doubled = [...events, ...events];
    const arrived = fc.shuffledSubarray(doubled, { minLength: doubled.length });
    return fc.record({ events: fc.constant(events), arrived });
  });
  fc.assert(
    fc.property(arrivals, ({ events, arrived }) => {
      expect(figuresOf(arrived)).toEqual(figuresOf(events));
    }),
    { numRuns: 500 },
  );
});

function figuresOf(events: readonly ChangeEvent[]) {
  const history = events.reduce((so, event) => foldEvent(so, event, rules), emptyHistory);
  const metrics = ticketMetricsOf(history, { system: "acme", ticketId: "1", rules });
  if (metrics === null) throw new Error("there is no head");
  return metrics;
}

function eventsOf(told: {
  heads: readonly (typeof headTold extends fc.Arbitrary<infer T> ? T : never)[];
  messages: readonly (typeof messageTold extends fc.Arbitrary<infer T> ? T : never)[];
}): ChangeEvent[] {
  let seenMs = createdMs;
  const heads = told.heads.map((head, at): TicketEvent => {
    seenMs += head.gap;
    const happenedMs = head.isSilent ? seenMs : Math.max(createdMs, seenMs - head.before);
    const isFirst = at === 0;
    return {
      ...envelope(isFirst ? createdMs : happenedMs, seenMs, at + 1),
      type: isFirst
        ? "thulium.ticket.created"
        : head.what === "deleted"
          ? "thulium.ticket.deleted"
          : "thulium.ticket.updated",
      time_is_observation: head.isSilent && !isFirst,
      kinds: head.what === "unlisted" && !isFirst ? ["unlisted"] : ["other"],
      changes: [],
      derived: head.steps.map(({ at: stepMs, from, to }) => ({
        kind: "status_changed",
        at: instantOf(createdMs + stepMs),
        from,
        to,
        message_id: "1",
      })),
      ticket: makeTicket({
        ticket_id: "1",
        created_at: instantOf(createdMs),
        updated_at: instantOf(happenedMs),
        full_status_name: head.status,
        status_id: null,
        ticket_queue_name: head.queue,
        ticket_queue_id: head.queue,
        user_login: head.agent,
        closed_at: head.closed === null ? null : instantOf(createdMs + head.closed),
      }),
    };
  });
  const messages = told.messages.map((message, at): MessageEvent => {
    const atMs = message.at === null ? null : createdMs + message.at;
    return {
      ...envelope(atMs ?? createdMs + message.seen, createdMs + message.seen, 1),
      type: message.isRemoved ? "thulium.message.removed" : "thulium.message.added",
      message_id: String(at + 1),
      changes: [],
      message: message.isRemoved
        ? null
        : makeMessage({
            ticket_id: "1",
            message_id: String(at + 1),
            type: message.type,
            user_login: message.login,
            ratings: message.ratings,
            created_at: atMs === null ? null : instantOf(atMs),
          }),
      ticket: makeTicket({ ticket_id: "1" }),
    };
  });
  return [...heads, ...messages];
}

function envelope(atMs: number, seenMs: number, version: number) {
  return {
    id: "x".repeat(26),
    system: "acme",
    ticket_id: "1",
    time: instantOf(atMs),
    time_is_observation: false,
    observed_at: instantOf(seenMs),
    origin: "live",
    version,
    previous_event_id: null,
    source_updated_at: null,
    source_updated_at_ambiguous: false,
  } as const;
}
