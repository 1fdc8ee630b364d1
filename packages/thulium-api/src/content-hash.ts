import { hashId, type Message, type Ticket } from "@thulium-stream/contracts";

/**
 * Version of what the hashes below cover. Raise it whenever the normaliser changes its reading of the same source content:
 * state hashed under another version is re-based without an event.
 */
export const hashVersion = 1;

/** Fields that are read off the raw text; the text is what is hashed. */
const derived = new Set([
  "created_at",
  "updated_at",
  "closed_at",
  "first_agent_responded_at",
  "vendor_close_time_s",
  "vendor_first_agent_response_time_s",
]);
const stamps = new Set([
  "created_at_raw",
  "updated_at_raw",
  "closed_at_raw",
  "first_agent_responded_at_raw",
]);

/** Content hash of a ticket's head. Stamps count by the minute, since seconds may come and go between answers. */
export function ticketHash(ticket: Ticket): string {
  return hashId(JSON.stringify(ticket, canonicalReplacer));
}

/** Content hash of a message, ratings left out: they change on their own. */
export function messageHash(message: Message): string {
  return hashId(JSON.stringify(message, canonicalMessageReplacer));
}

/** Normalised records are built with their keys in one order, so leaving out what is derived makes them canonical. */
function canonicalReplacer(key: string, value: unknown): unknown {
  if (derived.has(key)) return undefined;
  return stamps.has(key) && typeof value === "string" ? value.slice(0, 16) : value;
}

function canonicalMessageReplacer(key: string, value: unknown): unknown {
  return key === "ratings" ? undefined : canonicalReplacer(key, value);
}
