import { hashId, type Message, type Ticket } from "@thulium-stream/contracts";

/**
 * Version of what the hashes below cover. Raise it whenever the normaliser changes its reading of the same source content:
 * state hashed under another version is re-based without an event.
 */
export const hashVersion = 1;

/** A normalised record never changes, and is hashed wherever it is compared. */
const hashes = new WeakMap<object, string>();

/** Content hash of a ticket's head. Stamps count by the minute, since seconds may come and go between answers; what is read off a raw text is left out. */
export function ticketHash(ticket: Ticket): string {
  return remembered(ticket, () => ({
    ...ticket,
    created_at: undefined,
    updated_at: undefined,
    closed_at: undefined,
    first_agent_responded_at: undefined,
    vendor_close_time_s: undefined,
    vendor_first_agent_response_time_s: undefined,
    created_at_raw: minute(ticket.created_at_raw),
    updated_at_raw: minute(ticket.updated_at_raw),
    closed_at_raw: minute(ticket.closed_at_raw),
    first_agent_responded_at_raw: minute(ticket.first_agent_responded_at_raw),
  }));
}

/** Content hash of a message, ratings left out: they change on their own. */
export function messageHash(message: Message): string {
  return remembered(message, () => ({
    ...message,
    created_at: undefined,
    created_at_raw: minute(message.created_at_raw),
    ratings: undefined,
  }));
}

/** Normalised records are built with their keys in one order: without what is undefined, their JSON is canonical. */
function remembered(record: object, canonical: () => object): string {
  const known = hashes.get(record);
  if (known !== undefined) return known;
  const hash = hashId(JSON.stringify(canonical()));
  hashes.set(record, hash);
  return hash;
}

function minute(stamp: string | null): string | null {
  return stamp === null ? null : stamp.slice(0, 16);
}
