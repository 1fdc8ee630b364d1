import type { ChangeEvent, MessageEvent, TicketEvent } from "@thulium-stream/contracts";
import { instantOf } from "@thulium-stream/contracts";
import { makeMessage, makeTicket } from "@thulium-stream/kit";

/** Newest creation of the desk's tickets; the others lie evenly in the `spanMs` before it. */
export const newestMs = Date.parse("2026-11-23T15:00:00.000Z");
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const queues = 24;
const agents = 60;
/** About the length of an ordinary mail; the whole event is then 1.3 KB. */
const body =
  "Dzień dobry, paczka nie dotarła, a miała być w poniedziałek. Proszę o pilną odpowiedź. ".repeat(
    4,
  );

/** A ticket's life of seven events: created, asked, assigned, answered, asked again, answered, closed; every twentieth is still open. A pure function of its number. */
export function eventsOfTicket(number: number, tickets: number, spanMs: number): ChangeEvent[] {
  const createdMs =
    newestMs - Math.floor((spanMs * (tickets - number)) / tickets / minuteMs) * minuteMs;
  const pace = 1 + (number % 97) / 10;
  const at = (hours: number) => createdMs + Math.round(hours * pace * 60) * minuteMs;
  const agent = `agent${number % agents}`;
  const id = String(100_000 + number);
  const queue = String(number % queues);
  const head = (version: number, ms: number, fields: object): TicketEvent => ({
    ...envelope(id, version, ms),
    type: version === 1 ? "thulium.ticket.created" : "thulium.ticket.updated",
    kinds: ["other"],
    changes: [],
    derived: [],
    ticket: makeTicket({
      ticket_id: id,
      ticket_queue_id: queue,
      ticket_queue_name: `Kolejka ${queue}`,
      category_id: String(number % 12),
      user_login: null,
      created_at: instantOf(createdMs),
      updated_at: instantOf(ms),
      ...fields,
    }),
  });
  const said = (
    place: number,
    hours: number,
    type: string,
    login: string | null,
  ): MessageEvent => ({
    ...envelope(id, 1, at(hours)),
    type: "thulium.message.added",
    message_id: String(number * 10 + place),
    changes: [],
    message: makeMessage({
      ticket_id: id,
      message_id: String(number * 10 + place),
      type,
      user_login: login,
      body,
      created_at: instantOf(at(hours)),
    }),
    ticket: makeTicket({ ticket_id: id }),
  });
  const closed = { user_login: agent, full_status_name: "Zamknięte", status_id: "6" };
  const events = [
    head(1, createdMs, {}),
    said(1, 0, "MAIL", null),
    head(2, at(0.2), { user_login: agent }),
    said(2, 1, "REPLY", agent),
    said(3, 5, "MAIL", null),
    said(4, 6, "REPLY", agent),
    head(3, at(9), { ...closed, closed_at: instantOf(at(9)) }),
  ];
  return number % 20 === 0 ? events.slice(0, -1) : events;
}

function envelope(id: string, version: number, ms: number) {
  return {
    id: `${id}${version}${ms}`.slice(0, 26).padEnd(26, "a"),
    system: "acme",
    ticket_id: id,
    time: instantOf(ms),
    time_is_observation: false,
    observed_at: instantOf(ms + 15_000),
    origin: "backfill",
    version,
    previous_event_id: null,
    source_updated_at: null,
    source_updated_at_ambiguous: false,
  } as const;
}

/** A year in milliseconds. */
export const yearMs = 365 * 24 * hourMs;
