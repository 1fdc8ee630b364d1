import { z } from "zod";
import { instant } from "./instant.ts";
import { message, ticket } from "./ticket.ts";

const id26 = z.string().length(26);

/** What every state record says about the observation that made it. */
const observed = {
  content_hash: id26.describe("Hash of the canonical normalised content"),
  hash_version: z
    .int()
    .describe(
      "Version of the normaliser that made the hash; another version re-bases without an event",
    ),
  version: z.int().min(1).describe("How many different contents of it were observed"),
  last_event_id: id26.describe("Id of the newest event about it: the predecessor of the next"),
  observed_at: instant.describe("When this content was first read"),
};

/** What every state record says about the observation that made it. */
export type ObservedContent = z.infer<z.ZodObject<typeof observed>>;

/** What the ticket's state keeps of each message: enough to compare without its body. */
export const messageRef = z.object({
  message_id: z.string(),
  content_hash: id26.describe("Hash of everything but the ratings"),
  ratings: z.array(z.string()),
  type: z.string().nullable(),
  user_login: z.string().nullable(),
  created_at: instant.nullable(),
  version: z.int().min(1),
  last_event_id: id26,
});
/** See {@link messageRef}. */
export type MessageRef = z.infer<typeof messageRef>;

/** Value of the compacted topic `tickets`: the newest observed head of one ticket. */
export const ticketState = ticket.extend({
  ...observed,
  listed: z.boolean().describe("false when it exists but no longer appears in the list (merged)"),
  messages: z.array(messageRef).describe("Its messages, sorted by id"),
});
/** See {@link ticketState}. */
export type TicketState = z.infer<typeof ticketState>;

/** Value of the compacted topic `messages`: the newest observed content of one message. */
export const messageState = message.extend(observed);
/** See {@link messageState}. */
export type MessageState = z.infer<typeof messageState>;

/** Value under `<system>:checkpoint` in `extractor-state`: how far the extractor has come. */
export const checkpoint = z.object({
  system: z.string(),
  append: z.int().describe("Number of the append that carried this record; increases by one"),
  sealed: instant
    .nullable()
    .describe(
      "Every change of the source up to this instant is on the log; null before the first sweep",
    ),
  backfill_done_at: instant
    .nullable()
    .describe("When the last complete listing of the source ended"),
  agreed_as_of: instant
    .nullable()
    .default(null)
    .describe(
      "What is held equals what the source listed then or later, silent changes and deletes included, open holes excepted",
    ),
  commands_position: z.int().default(0).describe("Commands before this position have been taken"),
  observed_at: instant,
});
/** See {@link checkpoint}. */
export type Checkpoint = z.infer<typeof checkpoint>;

/** Value under `<system>:slice:<task>:<n>`: one created-date window of a task, closed on both sides, by the minute. */
export const sliceState = z.object({
  system: z.string(),
  task_id: z.string(),
  slice: z.int(),
  queue_id: z.string().nullable().describe("Only tickets of this queue; null = of all"),
  created_from: z.string().describe("Wall clock of the source, YYYY-MM-DD HH:MM, inclusive"),
  created_to: z.string().describe("Wall clock of the source, YYYY-MM-DD HH:MM, inclusive"),
  expected: z.int().describe("Tickets that the count probe promised"),
  resume_from: z.string().nullable().describe("The minute to go on from; null = from the start"),
  done: z.boolean(),
  tickets: z.int().describe("Distinct tickets read so far"),
});
/** See {@link sliceState}. */
export type SliceState = z.infer<typeof sliceState>;

const minutes = z
  .object({ from: z.string().nullable(), to: z.string().nullable() })
  .describe("Closed wall-clock minutes of the source, YYYY-MM-DD HH:MM; null = open");

/** Value under `<system>:hole:<id>`: part of the source that could not be read and is asked for again until it can; null once it was read. */
export const holeState = z.object({
  system: z.string(),
  hole_id: id26.describe("Hash of the window: the same window has the same id"),
  by: z.enum(["create_date", "update_date"]).describe("The date that is read along"),
  bounds: minutes,
  other: minutes.nullable().describe("Bounds on the other date"),
  reason: z.string().describe("Failure code"),
  detail: z.string().describe("What the source answered"),
  attempts: z.int().min(1).describe("How often the window was tried"),
  first_at: instant,
  last_at: instant,
  next_at: instant.describe("Not tried again before"),
});
/** See {@link holeState}. */
export type HoleState = z.infer<typeof holeState>;

/** What can become of a dead letter. */
export const letterStates = ["open", "retry", "retried", "dropped"] as const;

/** Value of the topic `dead-letters`: something that could not be used, with all that is needed to work it later. */
export const deadLetter = z.object({
  system: z.string(),
  letter_id: id26.describe("Hash of stage, key and raw text: the same trouble has the same id"),
  reason: z.string().describe("Failure code"),
  detail: z.string().describe("What was wrong, naming the field"),
  stage: z.enum(["source-row", "source-page", "log-record", "subscriber"]),
  key: z.string().nullable().describe("Key of the record, or the ticket's id when known"),
  attempts: z.int(),
  first_at: instant,
  last_at: instant,
  raw: z.string().describe("The raw text; base64 with the prefix `base64:` when it is not UTF-8"),
  position: z.object({ topic: z.string(), partition: z.int(), position: z.int() }).nullable(),
  group: z
    .string()
    .optional()
    .describe("The subscription that could not handle it; stage subscriber"),
  headers: z.record(z.string(), z.string()).optional().describe("Headers of the record"),
  state: z
    .enum(letterStates)
    .optional()
    .describe("open when left out; retry: given to its subscription again; the others are ends"),
});
/** See {@link deadLetter}. */
export type DeadLetter = z.infer<typeof deadLetter>;
