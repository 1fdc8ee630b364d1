import { type NewRecord, recordOfEvent, type TicketEvent } from "@thulium-stream/contracts";
import { createSandbox } from "@thulium-stream/sandbox";
import { createWallClock, normaliseTicket } from "@thulium-stream/thulium-api";

const id = (n: number) => `${n}`.padStart(26, "abcdefghijklmnopqrstuvwxyz");

/**
 * Records of ticket events as an extractor makes them: tickets of the sandbox, a change of status and one of the owner, all headers. About 1.1 KB of JSON each.
 */
export function referenceEvents(count: number): readonly NewRecord[] {
  const startMs = Date.parse("2026-11-23T09:00:00.000Z");
  const sandbox = createSandbox({ tickets: 300, startMs, standStill: true });
  const wallClock = createWallClock("Europe/Warsaw");
  const tickets = [...sandbox.truth().rows()].flatMap((row) => {
    const normalised = normaliseTicket(row, "acme", wallClock);
    // The fields that a desk adds for itself would make them larger than the reference.
    return normalised.ok ? [{ ...normalised.observed.ticket, custom_fields: [] }] : [];
  });
  return Array.from({ length: count }, (_, n) => {
    const ticket = tickets[n % tickets.length];
    if (ticket === undefined) throw new Error("the sandbox is empty");
    const event: TicketEvent = {
      type: "thulium.ticket.updated",
      id: id(n),
      system: "acme",
      ticket_id: ticket.ticket_id,
      time: "2026-11-23T09:00:00.000Z",
      time_is_observation: false,
      observed_at: "2026-11-23T09:00:15.000Z",
      origin: "live",
      version: 2 + Math.floor(n / tickets.length),
      previous_event_id: id(n + 1_000_000),
      source_updated_at: "2026-11-23 10:00:00",
      source_updated_at_ambiguous: false,
      kinds: ["status_changed", "assigned"],
      changes: [
        { field: "status_id", before: "1", after: ticket.status_id },
        { field: "user_login", before: null, after: ticket.user_login },
      ],
      derived: [],
      ticket,
    };
    return recordOfEvent(event, 1 + Math.floor(n / 1_000));
  });
}
