import { z } from "zod";
import { instant } from "./instant.ts";
import { message, ticket } from "./ticket.ts";

/** The semantic reading of a ticket's change; one event carries one or more. */
export const kinds = [
  "created",
  "deleted",
  "status_changed",
  "closed",
  "reopened",
  "assigned",
  "unassigned",
  "moved_queue",
  "recategorised",
  "customer_changed",
  "tagged",
  "custom_field_changed",
  "subject_changed",
  "responded",
  "customer_replied",
  "commented",
  "unlisted",
  "renamed",
  "vendor_timing_changed",
  "other",
] as const;
/** One of {@link kinds}. */
export type Kind = (typeof kinds)[number];

/** Which schedule made the observation behind an event. */
export const origins = ["live", "backfill", "reread", "census"] as const;
/** One of {@link origins}. */
export type Origin = (typeof origins)[number];

/** One field's step. Lists are whole lists; a custom field is named `custom_fields.<name>`. */
export const change = z.object({
  field: z.string().describe("Name of the field, or custom_fields.<name>"),
  before: z
    .union([z.string(), z.number(), z.array(z.string())])
    .nullable()
    .describe("Its value before; lists are whole"),
  after: z
    .union([z.string(), z.number(), z.array(z.string())])
    .nullable()
    .describe("Its value after"),
});
/** See {@link change}. */
export type Change = z.infer<typeof change>;

/** A step between two observations that the API cannot show but a system comment tells. */
export const derivedStep = z.object({
  kind: z.enum(kinds).describe("What the step was"),
  at: instant.nullable().describe("When the message was written"),
  from: z.string().nullable().describe("Value before the step"),
  to: z.string().nullable().describe("Value after the step"),
  message_id: z.string().describe("The message that tells it"),
});
/** See {@link derivedStep}. */
export type DerivedStep = z.infer<typeof derivedStep>;

const envelope = {
  id: z.string().length(26).describe("Chained content id: the same step always has the same id"),
  system: z.string().min(1).describe("Tenant: the first label of the source's host name"),
  ticket_id: z.string().describe("Canonical decimal id"),
  time: instant.describe(
    "When it happened at the source; equals observed_at when time_is_observation",
  ),
  time_is_observation: z.boolean().describe("true when the source gave no instant for this change"),
  observed_at: instant.describe("When we read it"),
  origin: z
    .enum(origins)
    .describe("Which schedule made the observation: live, backfill, reread or census"),
  version: z
    .int()
    .min(1)
    .describe("How many contents of this ticket (or message) were observed, this one included"),
  previous_event_id: z
    .string()
    .length(26)
    .nullable()
    .describe("The event before it; null for the first of a life"),
  source_updated_at: z
    .string()
    .nullable()
    .describe("The ticket's updated_at as the source wrote it"),
  source_updated_at_ambiguous: z
    .boolean()
    .describe("true in the hour that the autumn clock change repeats"),
};

const ticketEventOf = <T extends string>(type: T) =>
  z.object({
    type: z.literal(type).describe("What happened"),
    ...envelope,
    kinds: z.array(z.enum(kinds)).min(1).describe("What the change means; see Kinds"),
    changes: z.array(change).describe("Empty for created and deleted"),
    derived: z
      .array(derivedStep)
      .describe("Steps between two observations that only a system message tells"),
    ticket: ticket.describe("The head after the change; the last known one when deleted"),
  });

/** A ticket was seen for the first time. */
export const ticketCreated = ticketEventOf("thulium.ticket.created");
/** A ticket's head or messages changed. */
export const ticketUpdated = ticketEventOf("thulium.ticket.updated");
/** A ticket is gone, confirmed twice. Its messages go with it, without events of their own. */
export const ticketDeleted = ticketEventOf("thulium.ticket.deleted");

/** Value of the topic `ticket-events`. */
export const ticketEvent = z.discriminatedUnion("type", [
  ticketCreated,
  ticketUpdated,
  ticketDeleted,
]);
/** See {@link ticketEvent}. */
export type TicketEvent = z.infer<typeof ticketEvent>;

/** What a message event repeats of its ticket, so that a subscriber can route without a join. */
export const ticketHeadIds = ticket.pick({
  user_login: true,
  ticket_queue_id: true,
  ticket_queue_name: true,
  category_id: true,
  source: true,
  status_id: true,
  substatus_id: true,
  full_status_name: true,
  customer_id: true,
});

const messageEventOf = <T extends string>(type: T) =>
  z.object({
    type: z.literal(type).describe("What happened"),
    ...envelope,
    message_id: z.string().describe("Message id, as text"),
    changes: z
      .array(change)
      .describe("For edited: `content_hash` before and after; for rated: `ratings`"),
    message: message.nullable().describe("The message after the change; null when removed"),
    ticket: ticketHeadIds.describe("Of the ticket's head after the change"),
  });

/** A message was seen for the first time. */
export const messageAdded = messageEventOf("thulium.message.added");
/** A message's content changed. */
export const messageEdited = messageEventOf("thulium.message.edited");
/** Only a message's ratings changed. */
export const messageRated = messageEventOf("thulium.message.rated");
/** A message is no longer part of its ticket. */
export const messageRemoved = messageEventOf("thulium.message.removed");

/** Value of the topic `message-events`. */
export const messageEvent = z.discriminatedUnion("type", [
  messageAdded,
  messageEdited,
  messageRated,
  messageRemoved,
]);
/** See {@link messageEvent}. */
export type MessageEvent = z.infer<typeof messageEvent>;

/** Any change event. */
export type ChangeEvent = TicketEvent | MessageEvent;
/** The `type` of any change event. */
export type EventType = ChangeEvent["type"];

/** The `type` of every change event, those of tickets first. */
export function eventTypesOf(): readonly EventType[] {
  return [...ticketEvent.options, ...messageEvent.options].map(({ shape }) => shape.type.value);
}
