import {
  type ChangeEvent,
  decodeJson,
  isFailure,
  type LogRecord,
  messageEvent,
  ticketEvent,
} from "@thulium-stream/contracts";

/** Topics that are folded, and the types of their events. */
export const eventTopics: Readonly<Record<string, ReadonlySet<string>>> = {
  "ticket-events": new Set(ticketEvent.options.map(({ shape }) => shape.type.value)),
  "message-events": new Set(messageEvent.options.map(({ shape }) => shape.type.value)),
};

/** The event of a record, told by the fields that folding needs; null when it is none. The whole schema is the subscriber's business. */
export function eventOf(record: LogRecord): ChangeEvent | null {
  try {
    const event = decodeJson(record) as Partial<ChangeEvent> | null;
    return typeof event?.ticket_id === "string" &&
      typeof event.version === "number" &&
      typeof event.observed_at === "string" &&
      eventTopics[record.topic]?.has(event.type ?? "") === true
      ? (event as ChangeEvent)
      : null;
  } catch (error) {
    if (isFailure(error, "CorruptRecord")) return null;
    throw error;
  }
}
