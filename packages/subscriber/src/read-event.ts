import {
  type ChangeEvent,
  contractMajor,
  decodeJson,
  eventTypesOf,
  Failure,
  headerNames,
  type LogRecord,
  majorOf,
  messageEvent,
  ticketEvent,
} from "@thulium-stream/contracts";
import type { Handler, HandlersByType } from "./handlers.ts";

/** An event with who handles it. */
export interface Readable {
  readonly event: ChangeEvent;
  readonly handler: Handler<ChangeEvent>;
}

const prefix = "thulium.";
const known: ReadonlySet<string> = new Set(eventTypesOf());

/**
 * The event of a record and its handler; null when nobody handles its type, also when the type is one that later versions added.
 * @throws Failure `CorruptRecord` for a foreign or broken record, naming the field; `Rejected` for one of a newer major.
 */
export function readEvent(record: LogRecord, handlers: HandlersByType): Readable | null {
  const type = record.headers[headerNames.type] ?? "";
  const handler = handlers.get(type);
  if (handler === undefined && type.startsWith(prefix)) return null;
  if (handler === undefined) throw foreign(record, type);
  const major = majorOf(record);
  if (major > contractMajor)
    throw new Failure(
      "Rejected",
      `${placeOf(record)} was written under version ${major} of the contract; this subscriber knows version ${contractMajor}. Update @thulium-stream/subscriber, then retry the letter: thulium-stream dlq retry`,
    );
  return { event: eventOf(record), handler };
}

/** The validated event of a record. @throws Failure `CorruptRecord` naming the field that breaks the schema. */
export function eventOf(record: LogRecord): ChangeEvent {
  const schema = record.topic === "message-events" ? messageEvent : ticketEvent;
  const parsed = schema.safeParse(decodeJson(record));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Failure(
    "CorruptRecord",
    `${placeOf(record)}: ${issue?.path.join(".") || "the value"}: ${issue?.message}`,
  );
}

function foreign(record: LogRecord, type: string): Failure {
  const what =
    type === "" ? "has no ce_type" : `has the ce_type ${JSON.stringify(type.slice(0, 80))}`;
  return new Failure(
    "CorruptRecord",
    `${placeOf(record)} ${what}: it is none of our events (${[...known].join(", ")}). Nobody but the extractor may write to ${record.topic}`,
  );
}

function placeOf({ topic, partition, position }: LogRecord): string {
  return `${topic}[${partition}]@${position}`;
}
