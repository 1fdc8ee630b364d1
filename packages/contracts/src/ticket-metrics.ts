import { z } from "zod";
import { derivedStep } from "./events.ts";
import { instant } from "./instant.ts";

const text = z.string().nullable();
const seconds = (what: string) => z.int().min(0).nullable().describe(what);
const both = <N extends string>(name: N, what: string) =>
  ({
    [`${name}_s`]: seconds(`${what}, in calendar seconds`),
    [`${name}_business_s`]: seconds(`${what}, in working seconds`),
  }) as Record<`${N}_s` | `${N}_business_s`, z.ZodNullable<z.ZodInt>>;

/** What a figure rests on; `none` where there is no figure. */
export const figureBases = [
  "messages",
  "status history observed",
  "derived from system comment",
  "vendor",
  "none",
] as const;
/** One of {@link figureBases}. */
export type FigureBasis = (typeof figureBases)[number];
const basis = (what: string) =>
  z.enum(figureBases).describe(`${what}: ${figureBases.slice(0, -1).join(", ")}, or none`);

/** The head of a ticket during a run of versions that do not differ in what figures need. */
export const headRun = z.object({
  version: z.int().min(1).describe("First version of the run"),
  through: z.int().min(1).describe("Last version of the run"),
  at: instant.describe("When the run began at the source, or was seen to"),
  is_observation: z.boolean().describe("true when `at` is only the moment it was seen"),
  observed_at: instant.describe("When its first version was read"),
  last_observed_at: instant.describe("When its last version was read"),
  deleted: z.boolean(),
  unlisted: z.boolean().describe("It exists but had left the list: merged into another"),
  status_id: text,
  status: text,
  queue_id: text,
  queue: text,
  category: text,
  source: text,
  agent: text,
  priority: text,
  subject: text,
  customer_id: text,
  created_at: instant.nullable(),
  closed_at: instant.nullable(),
  updated_at: instant.nullable().describe("Of a first version only"),
  vendor_responded_at: instant.nullable(),
  vendor_first_response_s: z.int().nullable(),
  vendor_close_s: z.int().nullable(),
  steps: z.array(derivedStep).describe("Status steps before it that system comments tell"),
});
/** See {@link headRun}. */
export type HeadRun = z.infer<typeof headRun>;

/** A message as its newest version shows it, without its text. */
export const messageMark = z.object({
  message_id: z.string(),
  version: z.int().min(1),
  observed_at: instant.describe("When this version was read"),
  first_observed_at: instant.describe("When the message was first read"),
  at: instant.describe("When it was written; when it was seen if the source does not say"),
  type: text,
  user_login: text,
  rating: text.describe("Its last rating"),
  removed: z.boolean(),
});
/** See {@link messageMark}. */
export type MessageMark = z.infer<typeof messageMark>;

/** The whole history of a ticket as far as figures need it: the state of their fold. */
export interface TicketHistory {
  /** By time of observation, then version. */
  readonly heads: readonly HeadRun[];
  /** By id, in text order. */
  readonly messages: readonly MessageMark[];
}

/** A {@link TicketHistory} as a record keeps it, without what follows from the rest. */
export const storedHistory = z.object({
  heads: z
    .array(headRun.partial().required({ version: true, at: true, observed_at: true }))
    .describe(
      "By time of observation, then version. A field that is left out is as in the run before, at first null or false; but `through` is then the version, `last_observed_at` is `observed_at`, and `is_observation`, `updated_at` and `steps` are false, null and empty",
    ),
  messages: z
    .array(messageMark.partial().required({ message_id: true, observed_at: true, at: true }))
    .describe(
      "By id. A field that is left out is null or false; but `version` is then 1 and `first_observed_at` is `observed_at`",
    ),
});
/** See {@link storedHistory}. */
export type StoredHistory = z.infer<typeof storedHistory>;

/** One customer message that waited, and the reply that ended the wait. */
export const nextResponse = z.object({
  asked_at: instant.describe("When the customer message that waited was written"),
  answered_at: instant.describe("When the agent's next reply was written"),
  ...both("response", "From the first unanswered customer message to the agent's next reply"),
});
/** See {@link nextResponse}. */
export type NextResponse = z.infer<typeof nextResponse>;

/** Time spent under one name. */
export const timeShare = z.object({
  name: text.describe("The status, queue or agent; null for none"),
  ...both("time", "How long"),
});
/** See {@link timeShare}. */
export type TimeShare = z.infer<typeof timeShare>;

/** How a ticket stands against one target of its service level. */
export const slaStanding = z.object({
  state: z.enum(["met", "breached", "running"]).describe("met, breached or running"),
  target_s: z.int().min(0).describe("The time that is allowed"),
  is_business: z.boolean().describe("Whether the target counts working seconds"),
  due_at: instant.nullable().describe("When the present or last clock runs out"),
  left_s: seconds("Seconds left, in the target's own measure; null unless it is running"),
});
/** See {@link slaStanding}. */
export type SlaStanding = z.infer<typeof slaStanding>;

/**
 * Value of the compacted topic `ticket-metrics`: a ticket's figures with the whole state of their fold. A pure function of the ticket's history and of the rules that
 * `rules_id` names: `as_of` is the newest observation in it, and what still runs is counted up to there. Unknown is null, never 0. `history` serves the fold alone; tables for
 * people leave it out.
 */
export const ticketMetrics = z.object({
  system: z.string().min(1).describe("Tenant: the first label of the source's host name"),
  ticket_id: z
    .string()
    .describe("Canonical decimal id; `erased-…` for figures of a closed ticket that was erased"),
  rules_id: z.string().length(26).describe("Hash of the settings that the figures were made with"),
  as_of: instant.describe("The newest observation that is folded"),
  subject: text.describe("Subject line"),
  customer_id: text.describe("Customer id in the CRM"),
  queue_id: text.describe("Queue id"),
  queue: text.describe("Queue name"),
  category: text.describe("Category id"),
  source: text.describe("Channel: email, phone, sms, chat, www, …"),
  agent: text.describe("Assigned agent; null when unassigned"),
  status: text.describe("Status and sub-status as one text"),
  priority: text.describe(
    "Value of the custom field that METRICS_SETTINGS names; null without one",
  ),
  created_at: instant.describe(
    "When the ticket was created; when it was first seen, where the source does not say",
  ),
  deleted: z.boolean().describe("true when the ticket is gone from the source"),
  is_open: z.boolean().describe("true while it is neither closed nor deleted"),
  open: z
    .array(
      z.object({
        from: instant.describe("When it was opened"),
        to: instant.nullable().describe("When it was closed; null while it is open"),
      }),
    )
    .describe("Stretches during which it was open; the last has no end while it is"),
  first_response_at: instant.nullable().describe("The first reply of an agent"),
  ...both("first_response", "First customer message, else creation, to the first agent reply"),
  next_responses: z
    .array(nextResponse)
    .describe("Customer messages that waited, and their answers"),
  waiting_since: instant.nullable().describe("The first customer message that is unanswered"),
  first_resolved_at: instant.nullable().describe("The first close"),
  ...both("first_resolution", "Creation to the first close"),
  resolved_at: instant.nullable().describe("The last close; null while open"),
  ...both("resolution", "Creation to the last close; null while open"),
  resolution_precision_s: seconds("The close may lie this much earlier than `resolved_at`"),
  reopen_count: z.int().min(0).describe("How often it was closed and then not closed"),
  one_touch: z.boolean().describe("Closed with exactly one agent reply and no reopening"),
  ...both("open", "All the time that it was open"),
  ...both("requester_wait", "Open time with the ball on our side"),
  ...both("agent_wait", "Open time with the ball on the customer's side"),
  ...both("on_hold", "Open time on hold"),
  life_s: z.int().min(0).describe("Creation to the last close, else to `as_of`"),
  observed_s: z.int().min(0).describe("How much of its life the status was observed"),
  time_in_status: z.array(timeShare).describe("Within the observed life, by name"),
  time_in_queue: z.array(timeShare).describe("Within the observed life, by name"),
  time_with_agent: z.array(timeShare).describe("Within the observed life, by name"),
  replies: z.int().min(0).describe("Replies of agents, automatic ones left out"),
  customer_messages: z.int().min(0).describe("Messages of the customer"),
  comments: z.int().min(0).describe("Messages of type COMMENT"),
  agents_involved: z.int().min(0).describe("Different agents who wrote a reply or comment"),
  rating_last: text.describe("The last rating of the newest rated message"),
  sla_first_response: slaStanding
    .nullable()
    .describe("Against the target of the first response; null without one"),
  sla_next_response: slaStanding
    .nullable()
    .describe("Against the target of the answer to the customer who waits; null without one"),
  sla_resolution: slaStanding
    .nullable()
    .describe("Against the target of the resolution; null without one"),
  vendor_first_response_s: z.int().nullable().describe("The vendor's own figure, never ours"),
  vendor_close_s: z.int().nullable().describe("The vendor's own figure, never ours"),
  created_known_at: instant.describe("When the ticket was first read"),
  first_response_known_at: instant.nullable().describe("When the first response was first read"),
  resolved_known_at: instant.nullable().describe("When the last close was first read"),
  first_response_basis: basis("What the first response rests on"),
  resolution_basis: basis("What the resolutions rest on"),
  time_basis: basis("What the times in status, in queue and with agent rest on"),
  history: storedHistory,
});
/** See {@link ticketMetrics}. */
export type TicketMetrics = z.infer<typeof ticketMetrics>;
