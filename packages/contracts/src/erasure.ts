import { z } from "zod";
import { instant } from "./instant.ts";
import type { LogRecord } from "./ports/event-log.ts";
import { headerNames } from "./record-codec.ts";

const hash26 = z.string().length(26);

/** Whose data an erasure removes. */
export const erasureSubjects = ["customer", "ticket"] as const;
/** One of {@link erasureSubjects}. */
export type ErasureSubject = (typeof erasureSubjects)[number];

/** The command that asks for an erasure. It names nobody: the id is hashed before it is told. */
export const eraseCommand = z.object({
  command: z.literal("erase").describe("Remove a customer or a ticket for good"),
  system: z.string(),
  erasure_id: z.string().min(1),
  subject: z.enum(erasureSubjects),
  subject_hash: hash26.describe("Keyed hash of its id"),
  requested_at: instant,
});
/** See {@link eraseCommand}. */
export type EraseCommand = z.infer<typeof eraseCommand>;

/** Value under `<system>:erasure-key` in `extractor-state`: the random key of all hashes of erased ids, made once for a log. */
export const erasureKey = z.object({
  system: z.string(),
  key: z.string().length(64).describe("Key of the HMAC, as text"),
});
/** See {@link erasureKey}. */
export type ErasureKey = z.infer<typeof erasureKey>;

/** Value under `<system>:erasure:<id>` in `extractor-state`, kept for good: what was erased, by hashes alone, and how far the log has come with it. */
export const erasureState = z.object({
  system: z.string(),
  erasure_id: z.string().min(1),
  subject: z.enum(erasureSubjects),
  subject_hash: hash26.describe("Keyed hash of the customer's or ticket's id"),
  ticket_hashes: z
    .array(hash26)
    .describe("Keyed hashes of the tickets that are erased: those held then, and those met since"),
  state: z
    .enum(["running", "erased"])
    .describe("erased: nothing current is left on the log, the rest goes by compaction and age"),
  revision: z
    .int()
    .min(1)
    .describe("Raised when more is erased later: the other services then do their part again"),
  requested_at: instant,
  erased_at: instant.nullable().describe("When the present revision was done on the log"),
  log_ends: z
    .record(z.string(), z.array(z.int()))
    .nullable()
    .describe(
      "Next position of each partition by topic when it was done: a table that has come so far reads nothing more of it",
    ),
  tickets: z.int().describe("Tickets whose current state was removed"),
  messages: z.int().describe("Messages whose current state was removed"),
  dead_letters: z.int().describe("Dead letters that were removed"),
  dead_letters_left: z
    .string()
    .nullable()
    .describe("Why dead letters have to wait for the topic's retention; null when none has to"),
});
/** See {@link erasureState}. */
export type ErasureState = z.infer<typeof erasureState>;

/** Services that hold copies of their own, and do their part of an erasure themselves. */
export const erasureParts = ["lake", "metrics"] as const;
/** One of {@link erasureParts}. */
export type ErasurePart = (typeof erasureParts)[number];

/** Value under `<system>:erasure-<part>:<id>:<partition>` in `extractor-state`: a service has done its part there; the lake is one partition, 0. */
export const erasurePartDone = z.object({
  system: z.string(),
  erasure_id: z.string(),
  revision: z.int().min(1).describe("Of the erasure as it was then"),
  done_at: instant,
  counts: z.record(z.string(), z.int()).describe("What was removed, by what it is"),
});
/** See {@link erasurePartDone}. */
export type ErasurePartDone = z.infer<typeof erasurePartDone>;

/** Value under `<system>:erasure-closed:<id>` in `extractor-state`: every object and topic was searched, and nothing was found. */
export const erasureClosed = z.object({
  system: z.string(),
  erasure_id: z.string(),
  revision: z.int().min(1),
  closed_at: instant,
  records: z.int().describe("Records of all topics that were searched"),
  objects: z.int().describe("Objects of the lake that were searched"),
});
/** See {@link erasureClosed}. */
export type ErasureClosed = z.infer<typeof erasureClosed>;

/**
 * Value in the topic `ticket-events`, beside the change events: a ticket was erased, told in order behind its last event. It carries no id, only the keyed hash, so
 * who does not hold the key learns that something was erased and no more.
 */
export const ticketErased = z.object({
  type: z.literal("thulium.ticket.erased"),
  id: hash26.describe("Hash of the erasure and the ticket's hash"),
  system: z.string().min(1),
  erasure_id: z.string(),
  ticket_hash: hash26.describe("Keyed hash of the ticket's id"),
  time: instant,
});
/** Whether a record of `ticket-events` is the news of an erasure: no change of a ticket, and passed over by whoever looks for these. */
export function isErasureNews({ headers }: Pick<LogRecord, "headers">): boolean {
  return headers[headerNames.type] === "thulium.ticket.erased";
}

/** See {@link ticketErased}. */
export type TicketErased = z.infer<typeof ticketErased>;
