import { z } from "zod";
import { claim } from "../claim.ts";
import * as erasure from "../erasure.ts";
import * as events from "../events.ts";
import * as state from "../state.ts";
import * as tasks from "../tasks.ts";
import { ticketMetrics } from "../ticket-metrics.ts";
import { type TopicName, topics } from "../topics.ts";
import { exampleEvents, exampleMessageState, exampleTicketState } from "./examples.ts";

/** One form of record that a topic carries. */
export interface PublishedRecord {
  /** Name of its schema file and last part of its URI: `ticket.updated`. */
  readonly name: string;
  /** One sentence: when it is written. */
  readonly summary: string;
  readonly schema: z.ZodType;
  /** Form of the key when it differs from the topic's. */
  readonly key?: string;
  readonly example?: unknown;
}

/** One topic as subscribers see it. */
export interface PublishedTopic {
  readonly topic: TopicName;
  readonly title: string;
  readonly summary: string;
  readonly key: string;
  /** Whether a record without value (a tombstone) may come, and what it says. */
  readonly tombstone?: string;
  /** true when its records are CloudEvents in binary mode. */
  readonly isCloudEvent: boolean;
  readonly records: readonly PublishedRecord[];
}

const eventRecord = (
  type: events.EventType,
  summary: string,
  schema: z.ZodType,
): PublishedRecord => ({
  name: type.replace("thulium.", ""),
  summary,
  schema,
  example: exampleEvents.find((event) => event.type === type),
});

const ticketKeyForm = "`<system>:<ticket_id>`";

/** Every topic with every record that lies on it. The schemas, the AsyncAPI document and `docs/events.md` are made from this. */
export const catalogue: readonly PublishedTopic[] = [
  {
    topic: "ticket-events",
    title: "Changes of tickets",
    summary: "One event per observed change of a ticket.",
    key: ticketKeyForm,
    isCloudEvent: true,
    records: [
      eventRecord(
        "thulium.ticket.created",
        "A ticket was seen for the first time; `origin` tells whether it is new or was listed by a backfill.",
        events.ticketCreated,
      ),
      eventRecord(
        "thulium.ticket.updated",
        "A ticket or its messages changed; `kinds` is the meaning, `changes` has each field before and after.",
        events.ticketUpdated,
      ),
      eventRecord(
        "thulium.ticket.deleted",
        "A ticket is gone, confirmed twice. Its messages go with it, without events of their own.",
        events.ticketDeleted,
      ),
      {
        name: "ticket.erased",
        summary:
          "A ticket was erased on demand: behind its last event, with a keyed hash in the place of its id.",
        schema: erasure.ticketErased,
        key: "`<system>:<ticket_hash>`",
      },
    ],
  },
  {
    topic: "message-events",
    title: "Changes of messages",
    summary: "One event per message that was added, edited, rated or removed.",
    key: ticketKeyForm,
    isCloudEvent: true,
    records: [
      eventRecord(
        "thulium.message.added",
        "A message was seen for the first time.",
        events.messageAdded,
      ),
      eventRecord(
        "thulium.message.edited",
        "A message's content changed; of the old content only the hash is known.",
        events.messageEdited,
      ),
      eventRecord(
        "thulium.message.rated",
        "Only a message's ratings changed.",
        events.messageRated,
      ),
      eventRecord(
        "thulium.message.removed",
        "A message is no longer part of its ticket, which still exists.",
        events.messageRemoved,
      ),
    ],
  },
  {
    topic: "tickets",
    title: "Tickets as they are now",
    summary: "The newest observed head of every ticket, without the texts of its messages.",
    key: ticketKeyForm,
    tombstone: "The ticket was deleted.",
    isCloudEvent: false,
    records: [
      {
        name: "ticket-state",
        summary: "The ticket's head, the ids of its messages and the id of its newest event.",
        schema: state.ticketState,
        example: exampleTicketState,
      },
    ],
  },
  {
    topic: "messages",
    title: "Messages as they are now",
    summary: "The newest observed content of every message. Partitioned by ticket, not by its key.",
    key: "`<system>:<ticket_id>:<message_id>`",
    tombstone: "The message was removed, or its ticket deleted.",
    isCloudEvent: false,
    records: [
      {
        name: "message-state",
        summary: "The whole message and the id of its newest event.",
        schema: state.messageState,
        example: exampleMessageState,
      },
    ],
  },
  {
    topic: "ticket-metrics",
    title: "Figures of tickets",
    summary: "Response and close times of every ticket, as the metrics service computes them.",
    key: ticketKeyForm,
    tombstone: "The ticket was deleted.",
    isCloudEvent: false,
    records: [
      {
        name: "ticket-metrics",
        summary: "A ticket's figures with the whole state of their fold.",
        schema: ticketMetrics,
      },
    ],
  },
  {
    topic: "extractor-state",
    title: "The extractor's own state",
    summary:
      "Checkpoint, tasks and holes of each system, written in the same transaction as the events they vouch for.",
    key: "by record",
    tombstone: "A slice, hole or task that is over and forgotten.",
    isCloudEvent: false,
    records: [
      {
        name: "log-id",
        summary: "Written once, to recognise another log behind the same address.",
        schema: z.object({ log_id: z.string() }),
        key: "`log-id`",
      },
      {
        name: "checkpoint",
        summary: "How far the extractor has come.",
        schema: state.checkpoint,
        key: "`<system>:checkpoint`",
      },
      {
        name: "slice",
        summary: "One window of creation dates of a listing.",
        schema: state.sliceState,
        key: "`<system>:slice:<task>:<n>`",
      },
      {
        name: "hole",
        summary: "A window that could not be read yet.",
        schema: state.holeState,
        key: "`<system>:hole:<id>`",
      },
      {
        name: "task",
        summary: "A backfill, census, re-read or repair.",
        schema: tasks.taskState,
        key: "`<system>:task:<id>`",
      },
      {
        name: "extractor-status",
        summary: "A running extractor's word about itself, renewed every few seconds.",
        schema: tasks.extractorHeartbeat,
        key: "`<system>:status`",
      },
      {
        name: "erasure-key",
        summary: "The random key of all hashes of erased ids, made once.",
        schema: erasure.erasureKey,
        key: "`<system>:erasure-key`",
      },
      {
        name: "erasure",
        summary: "What was erased, by hashes alone, and how far the log has come with it.",
        schema: erasure.erasureState,
        key: "`<system>:erasure:<id>`",
      },
      {
        name: "erasure-part",
        summary: "A service has done its part of an erasure.",
        schema: erasure.erasurePartDone,
        key: "`<system>:erasure-lake:<id>:<partition>`, `<system>:erasure-metrics:<id>:<partition>`",
      },
      {
        name: "erasure-closed",
        summary: "Every object and topic was searched for what was erased, and nothing was found.",
        schema: erasure.erasureClosed,
        key: "`<system>:erasure-closed:<id>`",
      },
    ],
  },
  {
    topic: "commands",
    title: "Commands",
    summary: "What the extractor of a system is told to do.",
    key: "`<system>`",
    isCloudEvent: false,
    records: [
      {
        name: "command",
        summary: "Starts a task, or pauses, resumes or cancels one.",
        schema: tasks.taskCommand,
      },
      {
        name: "erase-command",
        summary: "Erases a customer or a ticket, named by a keyed hash.",
        schema: erasure.eraseCommand,
      },
    ],
  },
  {
    topic: "dead-letters",
    title: "Dead letters",
    summary:
      "What could not be used, with all that is needed to work it later; the newest record of a `letter_id` counts.",
    key: "the key of the record that was set aside",
    isCloudEvent: false,
    records: [
      {
        name: "dead-letter",
        summary: "A row of the source, a record or an event that was set aside.",
        schema: state.deadLetter,
      },
    ],
  },
];

/** What stands in the place of any value that is too large for the log. */
export const claimRecord: PublishedRecord = {
  name: "claim",
  summary:
    "Where in the lake's object store the body of a record lies that is too large for the log.",
  schema: claim,
};

/** Everything a document says about a topic beside the catalogue: partitions and how it forgets. */
export function topicSpec(topic: TopicName) {
  const spec = topics.find((each) => each.topic === topic);
  if (spec === undefined) throw new Error(`${topic} is missing in the topic table`);
  return spec;
}

/** Headers of every change event, in the order in which they are written. */
export const eventHeaders: readonly {
  readonly name: string;
  readonly meaning: string;
  readonly example: string;
}[] = [
  { name: "ce_specversion", meaning: "CloudEvents version", example: "1.0" },
  {
    name: "ce_id",
    meaning: "the event's `id`; equal ids are the same event",
    example: "k5uq2zc7hsy4xn6drwb3mtae2f",
  },
  { name: "ce_source", meaning: "the help desk", example: "thulium://acme/tickets" },
  { name: "ce_type", meaning: "the event's `type`", example: "thulium.ticket.updated" },
  { name: "ce_subject", meaning: "the ticket's id", example: "1001" },
  { name: "ce_time", meaning: "the event's `time`", example: "2026-11-23T10:31:00.000Z" },
  {
    name: "ce_dataschema",
    meaning: "schema and major version of the value",
    example: "urn:thulium-stream:schema:1:ticket.updated",
  },
  { name: "content-type", meaning: "always `application/json`", example: "application/json" },
  {
    name: "ce_kinds",
    meaning: "the event's `kinds`; only of ticket events",
    example: "status_changed,closed",
  },
  {
    name: "ts_append",
    meaning: "number of the transaction: all records of one share it",
    example: "4711",
  },
  {
    name: "ts_observed_at",
    meaning: "the event's `observed_at`",
    example: "2026-11-23T10:31:09.480Z",
  },
];

/** What each kind says. */
export const kindMeanings: Readonly<Record<events.Kind, string>> = {
  created: "the ticket was seen for the first time",
  deleted: "the ticket is gone",
  status_changed: "status or sub-status changed",
  closed: "it went into a closed status (`CLOSED_STATUSES`)",
  reopened: "it left a closed status",
  assigned: "an agent got it, or another one",
  unassigned: "it has no agent any more",
  moved_queue: "it lies in another queue",
  recategorised: "another category",
  customer_changed: "another customer",
  tagged: "tags came or went",
  custom_field_changed: "a custom field has another value",
  subject_changed: "another subject",
  responded: "an agent answered the customer",
  customer_replied: "the customer wrote",
  commented: "a comment or any other message came",
  unlisted: "it exists but left the list: merged into another",
  renamed: "only a name behind an equal id changed, such as a renamed queue",
  vendor_timing_changed: "only the vendor's own dates or times changed",
  other: "something else changed; `changes` tells what",
};
