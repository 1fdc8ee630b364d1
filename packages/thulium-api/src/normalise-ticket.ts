import type { Message, NamedValue, ObservedTicket, Ticket } from "@thulium-stream/contracts";
import type { WallClock } from "./wall-clock.ts";

/** What became of a row: a ticket, or the field and the rule that it breaks. */
export type NormalisedRow =
  | {
      readonly ok: true;
      readonly observed: ObservedTicket;
      readonly unknownFields: readonly string[];
    }
  | { readonly ok: false; readonly ticketId: string | null; readonly detail: string };

type Row = Readonly<Record<string, unknown>>;

/** A row that cannot become a ticket; caught at this file's boundary. */
class BrokenRow extends Error {}

/**
 * Turns one row of `GET /api/tickets` into a ticket: the one place that knows the API's field names and its loose types.
 * `""`, null and a missing key are all `null`; ids are canonical decimal text whether sent as number or text; an empty map
 * may be `[]`, a map with keys 0, 1, … a list. Unknown fields are kept in `extra`. A stamp or duration that cannot be read keeps
 * its raw text with a null value. Only a row without a usable id, or of an impossible shape, is refused.
 */
export function normaliseTicket(row: unknown, system: string, clock: WallClock): NormalisedRow {
  let ticketId: string | null = null;
  try {
    const fields = mapOf(row, "ticket");
    ticketId = decimalId(fields["ticket_id"], "ticket_id");
    const ticket = headOf(fields, system, ticketId, clock);
    const messages = listOf(fields["messages"], "messages").map((message, index) =>
      messageOf(message, index, ticket, clock),
    );
    messages.sort((a, b) => compareIds(a.message_id, b.message_id));
    const updatedAtAmbiguous =
      ticket.updated_at_raw !== null &&
      (clock.toInstants(ticket.updated_at_raw)?.ambiguous ?? false);
    return {
      ok: true,
      observed: { ticket, messages, updatedAtAmbiguous },
      unknownFields: ticket.extra.map(({ name }) => name),
    };
  } catch (error) {
    if (error instanceof BrokenRow) return { ok: false, ticketId, detail: error.message };
    throw error;
  }
}

const ticketFields = new Set([
  "ticket_id",
  "user_login",
  "from",
  "ticket_queue_name",
  "ticket_queue_id",
  "subject",
  "category_id",
  "source",
  "status_id",
  "substatus_id",
  "tags",
  "customer_id",
  "full_status_name",
  "created_at",
  "updated_at",
  "closed_at",
  "close_time",
  "first_agent_responded_at",
  "first_agent_response_time",
  "messages",
  "custom_fields",
]);
const messageFields = new Set([
  "message_id",
  "user_login",
  "type",
  "body",
  "comment",
  "system_comment",
  "created_at",
  "attachments",
  "ratings",
]);

function headOf(fields: Row, system: string, ticketId: string, clock: WallClock): Ticket {
  const at = (name: string) => instantOfStamp(textOf(fields[name]), clock);
  const raw = (name: string) => textOf(fields[name]);
  return {
    system,
    ticket_id: ticketId,
    user_login: raw("user_login"),
    from: raw("from"),
    ticket_queue_id: raw("ticket_queue_id"),
    ticket_queue_name: raw("ticket_queue_name"),
    subject: raw("subject"),
    category_id: raw("category_id"),
    source: raw("source"),
    status_id: raw("status_id"),
    substatus_id: raw("substatus_id"),
    full_status_name: raw("full_status_name"),
    customer_id: raw("customer_id"),
    tags: [...new Set(listOf(fields["tags"], "tags").map(itemText))].sort(),
    created_at: at("created_at"),
    created_at_raw: raw("created_at"),
    updated_at: at("updated_at"),
    updated_at_raw: raw("updated_at"),
    closed_at: at("closed_at"),
    closed_at_raw: raw("closed_at"),
    first_agent_responded_at: at("first_agent_responded_at"),
    first_agent_responded_at_raw: raw("first_agent_responded_at"),
    vendor_close_time_s: secondsOf(raw("close_time")),
    vendor_close_time_raw: raw("close_time"),
    vendor_first_agent_response_time_s: secondsOf(raw("first_agent_response_time")),
    vendor_first_agent_response_time_raw: raw("first_agent_response_time"),
    custom_fields: namedValues(fields["custom_fields"], "custom_fields"),
    extra: unknownOf(fields, ticketFields),
  };
}

function messageOf(value: unknown, index: number, ticket: Ticket, clock: WallClock): Message {
  const fields = mapOf(value, `messages[${index}]`);
  const messageId = textOf(fields["message_id"]);
  if (messageId === null)
    throw new BrokenRow(`messages[${index}].message_id: must be a number or text`);
  return {
    system: ticket.system,
    ticket_id: ticket.ticket_id,
    message_id: messageId,
    user_login: textOf(fields["user_login"]),
    type: textOf(fields["type"]),
    body: textOf(fields["body"]),
    comment: textOf(fields["comment"]),
    system_comment: textOf(fields["system_comment"]),
    created_at: instantOfStamp(textOf(fields["created_at"]), clock),
    created_at_raw: textOf(fields["created_at"]),
    attachments: listOf(fields["attachments"], `messages[${index}].attachments`).map(itemText),
    ratings: listOf(fields["ratings"], `messages[${index}].ratings`).map(itemText),
    extra: unknownOf(fields, messageFields),
  };
}

/** The earlier instant when the stamp is shown twice; the ticket's flag tells. */
function instantOfStamp(text: string | null, clock: WallClock): string | null {
  return text === null ? null : (clock.toInstants(text)?.first ?? null);
}

/** `123:33:44` or `01:00`, hours unbounded. */
function secondsOf(text: string | null): number | null {
  const match = /^(\d+):([0-5]\d)(?::([0-5]\d))?$/.exec(text ?? "");
  if (match === null) return null;
  const seconds = Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3] ?? 0);
  return Number.isSafeInteger(seconds) ? seconds : null;
}

function decimalId(value: unknown, name: string): string {
  const text = textOf(value);
  if (text === null || !/^\d+$/.test(text))
    throw new BrokenRow(`${name}: must be a whole number, got ${brief(value)}`);
  return text.replace(/^0+(?=\d)/, "");
}

function textOf(value: unknown): string | null {
  if (value === undefined || value === null || value === "") return null;
  return itemText(value);
}

/** Text as it is; numbers as JSON writes them; anything else as JSON text. */
function itemText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function mapOf(value: unknown, name: string): Row {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new BrokenRow(`${name}: must be an object, got ${brief(value)}`);
  return value as Row;
}

function listOf(value: unknown, name: string): readonly unknown[] {
  if (value === undefined || value === null || value === "") return [];
  if (!Array.isArray(value)) throw new BrokenRow(`${name}: must be a list, got ${brief(value)}`);
  return value;
}

function namedValues(value: unknown, name: string): NamedValue[] {
  if (value === undefined || value === null || value === "") return [];
  if (typeof value !== "object") throw new BrokenRow(`${name}: must be a map, got ${brief(value)}`);
  return sortedByName(
    Object.entries(value).map(([key, inner]) => ({ name: key, value: textOf(inner) })),
  );
}

function unknownOf(fields: Row, known: ReadonlySet<string>): NamedValue[] {
  const unknown = Object.keys(fields).filter((name) => !known.has(name));
  if (unknown.length === 0) return [];
  return sortedByName(unknown.map((name) => ({ name, value: textOf(fields[name]) })));
}

function sortedByName(values: NamedValue[]): NamedValue[] {
  return values.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Numeric order for digits, text order otherwise: the same list whatever order the source used. */
function compareIds(a: string, b: string): number {
  const numeric = /^\d+$/.test(a) && /^\d+$/.test(b) ? a.length - b.length : 0;
  return numeric !== 0 ? numeric : a < b ? -1 : a > b ? 1 : 0;
}

function brief(value: unknown): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
