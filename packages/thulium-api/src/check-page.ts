import {
  type DateBounds,
  Failure,
  type ObservedTicket,
  type PageRequest,
} from "@thulium-stream/contracts";
import { minuteOf } from "./wall-clock.ts";

/**
 * Checks rows against what was asked (S2): order, bounds, filters. A source that ignores a parameter answers with everything
 * (thulium-api.md A10, A15): taking that for data would be silent loss. Stamps count by the minute; ties may come in any order.
 * @throws Failure `InvalidResponse` naming the ticket, the field and the rule.
 */
export function checkPage(request: PageRequest, rows: readonly ObservedTicket[]): void {
  let previous: string | null = null;
  const seen = new Map<string, ObservedTicket>();
  for (const row of rows) {
    const { ticket } = row;
    checkTwin(row, seen.get(ticket.ticket_id));
    seen.set(ticket.ticket_id, row);
    const created = ticket.created_at_raw;
    const updated = ticket.updated_at_raw;
    const ordered = request.orderBy === "create_date" ? created : updated;
    if (ordered === null)
      refuse(ticket.ticket_id, request.orderBy, "is missing, but the list is ordered by it");
    const minute = minuteOf(ordered);
    if (previous !== null && minute < previous)
      refuse(
        ticket.ticket_id,
        request.orderBy,
        `${minute} comes after ${previous}: the order was ignored`,
      );
    previous = minute;
    checkBounds(ticket.ticket_id, "create_date", created, request.created);
    checkBounds(ticket.ticket_id, "update_date", updated, request.updated);
    checkFilter(request, { ticket });
  }
}

/** A ticket that stands twice in one answer, in two versions, tells nothing: neither is known to be the newer one. */
function checkTwin(row: ObservedTicket, twin: ObservedTicket | undefined): void {
  if (twin !== undefined && JSON.stringify(twin) !== JSON.stringify(row))
    refuse(row.ticket.ticket_id, "ticket_id", "stands twice in one answer, with different content");
}

function checkBounds(
  ticketId: string,
  field: string,
  stamp: string | null,
  bounds: DateBounds | undefined,
): void {
  if (bounds === undefined || stamp === null) return;
  const minute = minuteOf(stamp);
  if (bounds.from !== null && minute < bounds.from)
    refuse(ticketId, field, `${minute} lies before ${bounds.from}: the bound was ignored`);
  if (bounds.to !== null && minute > bounds.to)
    refuse(ticketId, field, `${minute} lies after ${bounds.to}: the bound was ignored`);
}

function checkFilter(
  { filter = {} }: PageRequest,
  { ticket }: Pick<ObservedTicket, "ticket">,
): void {
  const { statusIds, queueId, source } = filter;
  if (statusIds !== undefined && !statusIds.includes(ticket.status_id ?? ""))
    refuse(ticket.ticket_id, "status_id", "was not asked for: the filter was ignored");
  if (queueId !== undefined && ticket.ticket_queue_id !== queueId)
    refuse(ticket.ticket_id, "ticket_queue_id", "was not asked for: the filter was ignored");
  if (source !== undefined && ticket.source !== source)
    refuse(ticket.ticket_id, "source", "was not asked for: the filter was ignored");
}

function refuse(ticketId: string, field: string, rule: string): never {
  throw new Failure("InvalidResponse", `ticket ${ticketId}: ${field} ${rule}`, {
    advice:
      "The source ignores a parameter that it should know; nothing was taken from this answer.",
  });
}
