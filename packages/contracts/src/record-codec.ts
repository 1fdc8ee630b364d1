import { dataSchemaHeader, schemaUri } from "./contract-version.ts";
import { encodeText } from "./encode-text.ts";
import type { ChangeEvent, TicketEvent } from "./events.ts";
import { Failure } from "./failure.ts";
import type { Instant } from "./instant.ts";
import { jsonOfMessage } from "./message-text.ts";
import type { LogRecord, NewRecord } from "./ports/event-log.ts";
import type { ObservedContent } from "./state.ts";
import type { Message } from "./ticket.ts";
import { ticketKey } from "./topics.ts";

/**
 * Header names. The `ce_` ones are CloudEvents 1.0 in the binary mode of its Kafka protocol binding;
 * `content-type` belongs to it. The others are ours.
 */
export const headerNames = {
  specVersion: "ce_specversion",
  id: "ce_id",
  source: "ce_source",
  type: "ce_type",
  subject: "ce_subject",
  time: "ce_time",
  dataSchema: dataSchemaHeader,
  kinds: "ce_kinds",
  contentType: "content-type",
  /** Where the body lies in the lake's object store, when it is too large for the log (CloudEvents extension "Dataref"); see `claim`. */
  dataRef: "ce_dataref",
  /** Number of the append that wrote the record: all records of one append share it. */
  append: "ts_append",
  /** State of a dead letter; open when missing. */
  letterState: "ts_letter_state",
  /** The subscription that a dead letter belongs to. */
  letterGroup: "ts_letter_group",
  /** `observed_at` of the event, so that a consumer can lay it out by day without parsing. */
  observedAt: "ts_observed_at",
  /** UTC month in which the ticket was created, `YYYY-MM`: where its state and that of its messages lie in the lake. Not on tombstones. */
  createdMonth: "ts_created_month",
} as const;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The record of a change event: CloudEvents headers, the event as JSON, partitioned by its ticket. */
export function recordOfEvent(event: ChangeEvent, append: number): NewRecord {
  const headers: Record<string, string> = {
    [headerNames.specVersion]: "1.0",
    [headerNames.id]: event.id,
    [headerNames.source]: `thulium://${event.system}/tickets`,
    [headerNames.type]: event.type,
    [headerNames.subject]: event.ticket_id,
    [headerNames.time]: event.time,
    [headerNames.dataSchema]: schemaUri(event.type.slice("thulium.".length)),
    [headerNames.contentType]: "application/json",
    [headerNames.append]: String(append),
    [headerNames.observedAt]: event.observed_at,
  };
  const isOfTicket = "kinds" in event;
  if (isOfTicket) headers[headerNames.kinds] = (event as TicketEvent).kinds.join(",");
  return {
    topic: isOfTicket ? "ticket-events" : "message-events",
    key: ticketKey(event.system, event.ticket_id),
    value: encodeEvent(event),
    headers,
  };
}

function encodeEvent(event: ChangeEvent): Uint8Array {
  if (!("message" in event) || event.message === null) return encodeJson(event);
  const envelope = JSON.stringify({ ...event, message: undefined });
  return encodeText(envelope.slice(0, -1), ',"message":', ...jsonOfMessage(event.message), "}");
}

/** The state of a message: all that the message holds, and what is known of its observation. */
export function encodeMessageState(message: Message, observed: ObservedContent): Uint8Array {
  return encodeText(...jsonOfMessage(message, observed));
}

/** JSON as UTF-8. Lone surrogates, which UTF-8 cannot carry, are escaped by JSON itself and so survive. */
export function encodeJson(value: unknown): Uint8Array {
  return encodeText(JSON.stringify(value));
}

/**
 * The JSON value of a record.
 * @throws Failure `CorruptRecord` naming topic, partition and position when it is no UTF-8 JSON, or when its body is in the object
 * store and was not fetched from there (L8: the caller sets it aside).
 */
export function decodeJson(record: LogRecord): unknown {
  const dataRef = record.headers[headerNames.dataRef];
  if (dataRef !== undefined)
    throw new Failure(
      "CorruptRecord",
      `${record.topic}[${record.partition}]@${record.position} has its body in the lake's object store under ${dataRef}, and it was not found there`,
      { advice: "Check that LAKE_URL is the lake that the extractor of this log writes to." },
    );
  try {
    return JSON.parse(decoder.decode(record.value ?? new Uint8Array()));
  } catch (cause) {
    throw new Failure(
      "CorruptRecord",
      `${record.topic}[${record.partition}]@${record.position} is not UTF-8 JSON`,
      { cause },
    );
  }
}

/** The header that tells in which month a ticket was created; none while that is unknown. */
export function createdMonthHeader(
  createdAt: Instant | null | undefined,
): Readonly<Record<string, string>> {
  return createdAt == null ? {} : { [headerNames.createdMonth]: createdAt.slice(0, 7) };
}

/** Number of the append that wrote a record; 0 when the header is missing (a foreign record). */
export function appendOf(record: LogRecord): number {
  return Number(record.headers[headerNames.append] ?? 0);
}
