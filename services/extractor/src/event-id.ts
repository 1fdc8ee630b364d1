import { hashId } from "@thulium-stream/contracts";

/** A chain over content: a ticket that returns to earlier content gets a new id, the same step always the same one. */
export function eventId(
  system: string,
  ticketId: string,
  entity: string,
  previousOrObservedAt: string,
  content: string,
): string {
  return hashId(JSON.stringify([system, ticketId, entity, previousOrObservedAt, content]));
}
