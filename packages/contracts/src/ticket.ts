import { z } from "zod";
import { instant } from "./instant.ts";

const text = z.string().nullable();

/** A named value that is not part of the fixed schema; `value` is text, JSON text for anything that is no string. */
export const namedValue = z.object({
  name: z.string().describe("Name"),
  value: text.describe("Value; JSON text for anything that is no text"),
});
/** See {@link namedValue}. */
export type NamedValue = z.infer<typeof namedValue>;

const sourceTime = (what: string) => ({
  at: instant.nullable().describe(`${what}, as an instant (start of the minute the source shows)`),
  raw: text.describe(`${what}, as the source wrote it: wall clock of its zone`),
});
const created = sourceTime("When the ticket was created");
const updated = sourceTime("When the source says the ticket last changed");
const closed = sourceTime("When the source says the ticket was closed; may survive a reopen");
const responded = sourceTime("When the source says an agent first answered");

/**
 * The head of a ticket: everything but its messages, with the API's names and strict types.
 * "No value" (`""`, null, a missing key) is always `null`, an empty list always `[]`.
 * Lists are in canonical order: tags by text, custom fields and extras by name.
 */
export const ticket = z.object({
  system: z.string().min(1).describe("Tenant: the first label of the source's host name"),
  ticket_id: z.string().regex(/^\d+$/).describe("Canonical decimal id"),
  user_login: text.describe("Assigned agent; null when unassigned"),
  from: text.describe("Who wrote first: address, name with address, or phone number"),
  ticket_queue_id: text.describe("Queue id"),
  ticket_queue_name: text.describe("Queue name"),
  subject: text.describe("Subject line"),
  category_id: text.describe("Category id"),
  source: text.describe("Channel: email, phone, sms, chat, www, …"),
  status_id: text.describe("Status id; per system"),
  substatus_id: text.describe('Sub-status id; "0" is kept apart from null'),
  full_status_name: text.describe("Status and sub-status as one text"),
  customer_id: text.describe("Customer id in the CRM"),
  tags: z.array(z.string()).describe("Tags, sorted, without repeats"),
  created_at: created.at,
  created_at_raw: created.raw,
  updated_at: updated.at,
  updated_at_raw: updated.raw,
  closed_at: closed.at,
  closed_at_raw: closed.raw,
  first_agent_responded_at: responded.at,
  first_agent_responded_at_raw: responded.raw,
  vendor_close_time_s: z.int().nullable().describe("The vendor's own close time, in seconds"),
  vendor_close_time_raw: text.describe("The vendor's own close time, as written (hours unbounded)"),
  vendor_first_agent_response_time_s: z
    .int()
    .nullable()
    .describe("The vendor's own response time, in seconds"),
  vendor_first_agent_response_time_raw: text.describe("The vendor's own response time, as written"),
  custom_fields: z.array(namedValue).describe("Custom fields, sorted by name"),
  extra: z
    .array(namedValue)
    .describe("Fields of the API that this version does not know, sorted by name"),
});
/** See {@link ticket}. */
export type Ticket = z.infer<typeof ticket>;

/** One message of a ticket, with the API's names and strict types; "no value" is `null`, no list is `[]`. */
export const message = z.object({
  system: z.string().min(1).describe("Tenant"),
  ticket_id: z.string().regex(/^\d+$/).describe("The ticket it belongs to"),
  message_id: z.string().min(1).describe("Message id, as text"),
  user_login: text.describe("The agent who wrote it; null = the customer"),
  type: text.describe("MAIL from the customer, REPLY to the customer, COMMENT; open set"),
  body: text.describe("Text, possibly HTML"),
  comment: text.describe("Comment text"),
  system_comment: text.describe("What the system noted, such as status changes"),
  created_at: instant.nullable().describe("When it was written, as an instant; may be back-dated"),
  created_at_raw: text.describe("When it was written, as the source wrote it"),
  attachments: z.array(z.string()).describe("Opaque file tokens, in the source's order"),
  ratings: z
    .array(z.string())
    .describe("Ratings: numbers and strings as text, anything else as JSON text"),
  extra: z
    .array(namedValue)
    .describe("Fields of the API that this version does not know, sorted by name"),
});
/** See {@link message}. */
export type Message = z.infer<typeof message>;
