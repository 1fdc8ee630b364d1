import { hashId, type Message, messageText, type Ticket } from "@thulium-stream/contracts";

/**
 * Version of what the hashes below cover. Raise it whenever the normaliser changes its reading of the same source content:
 * state hashed under another version is re-based without an event.
 */
export const hashVersion = 2;

/** A normalised head never changes, and is hashed wherever it is compared. */
const hashes = new WeakMap<Ticket, string>();

/** Content hash of a ticket's head. Stamps count by the minute, since seconds may come and go between answers; what is read off a raw text is left out. */
export function ticketHash(ticket: Ticket): string {
  const known = hashes.get(ticket);
  if (known !== undefined) return known;
  const hash = hashId(contentOfTicket(ticket));
  hashes.set(ticket, hash);
  return hash;
}

/** The fields in one fixed order: a list is canonical, and costs less than an object of its own. */
function contentOfTicket(ticket: Ticket): string {
  return JSON.stringify([
    ticket.system,
    ticket.ticket_id,
    ticket.user_login,
    ticket.from,
    ticket.ticket_queue_id,
    ticket.ticket_queue_name,
    ticket.subject,
    ticket.category_id,
    ticket.source,
    ticket.status_id,
    ticket.substatus_id,
    ticket.full_status_name,
    ticket.customer_id,
    ticket.tags,
    minute(ticket.created_at_raw),
    minute(ticket.updated_at_raw),
    minute(ticket.closed_at_raw),
    minute(ticket.first_agent_responded_at_raw),
    ticket.vendor_close_time_raw,
    ticket.vendor_first_agent_response_time_raw,
    ticket.custom_fields,
    ticket.extra,
  ]);
}

/** Content hash of a message, ratings left out: they change on their own. */
export function messageHash(message: Message): string {
  return messageText(message).hash;
}

function minute(stamp: string | null): string | null {
  return stamp === null ? null : stamp.slice(0, 16);
}
