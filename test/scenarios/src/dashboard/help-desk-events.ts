import { type ChangeEvent, instantOf, type Ticket } from "@thulium-stream/contracts";
import { makeMessage, makeTicket } from "@thulium-stream/kit";

const dayMs = 86_400_000;
/** Names and subjects that would like to be code. */
export const hostile = {
  queue: `"><img src=x onerror="window.hacked=1">`,
  agent: "<script>window.hacked=2</script>",
  status: "javascript:window.hacked=3//",
  subject: `<svg onload="window.hacked=4">{{7*7}}\u202E<b>=HYPERLINK("http://evil.example")`,
} as const;

/** Queues of the invented help desk; the last is hostile. */
export const queues = ["Reklamacje", "Żółta linia ☎", "Księgowość", hostile.queue] as const;
const agents = ["a.nowak", "j.kowalska", hostile.agent] as const;

/** What {@link eventsOf} invents. */
export interface Invented {
  readonly system: string;
  readonly id: number;
  readonly createdMs: number;
  /** null leaves it open. */
  readonly closedMs: number | null;
}

/** The events of one ticket: created, asked, answered, closed. */
export function eventsOf({ system, id, createdMs, closedMs }: Invented): readonly ChangeEvent[] {
  const ticketId = String(id);
  const ticket = makeTicket({
    ticket_id: ticketId,
    subject: id % 7 === 0 ? hostile.subject : `Pytanie numer ${id}`,
    ticket_queue_name: queues[id % queues.length] ?? null,
    user_login: agents[id % agents.length] ?? null,
    full_status_name: "Nowe",
    created_at: instantOf(createdMs),
    closed_at: null,
  });
  const answeredMs = createdMs + (5 + (id % 300)) * 60_000;
  const closed = { ...ticket, full_status_name: id % 11 === 0 ? hostile.status : "Zamknięte" };
  const message = (
    at: number,
    type: string,
    login: string | null,
    number: number,
  ): ChangeEvent => ({
    ...envelope(system, ticketId, at, 1, `m${number}`),
    type: "thulium.message.added",
    message_id: `${ticketId}${number}`,
    changes: [],
    message: makeMessage({
      message_id: `${ticketId}${number}`,
      type,
      user_login: login,
      created_at: instantOf(at),
    }),
    ticket,
  });
  const head = (
    type: "created" | "updated",
    at: number,
    version: number,
    what: Ticket,
  ): ChangeEvent => ({
    ...envelope(system, ticketId, at, version, "t"),
    type: `thulium.ticket.${type}`,
    kinds: ["other"],
    changes: [],
    derived: [],
    ticket: what,
  });
  return [
    head("created", createdMs, 1, ticket),
    message(createdMs, "MAIL", null, 1),
    message(answeredMs, "REPLY", "a.nowak", 2),
    ...(closedMs === null
      ? []
      : [head("updated", closedMs, 2, { ...closed, closed_at: instantOf(closedMs) })]),
  ];
}

/** Tickets of the last `days` days, three a day, one in four still open; and those of another tenant, which nobody may see. */
export function inventedDesk(system: string, nowMs: number, days: number): readonly ChangeEvent[] {
  const tickets = Array.from({ length: days * 3 }, (_, at) => {
    const createdMs = nowMs - (at / 3) * dayMs - 3_600_000;
    const closedMs =
      at % 4 === 0 ? null : Math.min(createdMs + (at % 40) * 3_600_000, nowMs - 60_000);
    return { system, id: 1000 + at, createdMs, closedMs };
  });
  const foreign = { system: "other", id: 1, createdMs: nowMs - dayMs, closedMs: null };
  return [...tickets, foreign].flatMap(eventsOf);
}

function envelope(system: string, ticketId: string, atMs: number, version: number, part: string) {
  const at = instantOf(atMs);
  return {
    id: `${ticketId}${part}${version}`.padStart(26, "x"),
    system,
    ticket_id: ticketId,
    time: at,
    time_is_observation: false,
    observed_at: at,
    origin: "live" as const,
    version,
    previous_event_id: null,
    source_updated_at: null,
    source_updated_at_ambiguous: false,
  };
}
