import {
  type ChangeEvent,
  decodeJson,
  type EventLog,
  type MessageState,
  silentLogger,
  type TicketState,
} from "@thulium-stream/contracts";
import { openEventLog } from "@thulium-stream/event-log/open";
import { batchesToEnd, newId, systemClock } from "@thulium-stream/runtime";
import { expect } from "vitest";
import type { LocalLake } from "./lake-readers.ts";
import { queryLake } from "./lake-readers.ts";
import { type Checksums, checksumsOf, messageLine, ticketLine } from "./truth.ts";

/** Opens a log by its URL, as another process. */
export function openLogBeside(url: string, topicPrefix = "thulium."): Promise<EventLog> {
  return openEventLog({ url, topicPrefix, clock: systemClock, logger: silentLogger, newId });
}

/** Every event that a reader of committed records sees. */
export async function eventsOf(
  log: EventLog,
  topic: "ticket-events" | "message-events",
): Promise<ChangeEvent[]> {
  const events: ChangeEvent[] = [];
  for await (const { records } of batchesToEnd(log, topic))
    for (const record of records) events.push(decodeJson(record) as ChangeEvent);
  return events;
}

/** Checksums of what the compacted topics say that there is, for comparison with the source's. */
export async function contentsOfLog(log: EventLog): Promise<Checksums> {
  const lines = async <T>(topic: "tickets" | "messages", lineOf: (state: T) => string) => {
    const last = new Map<string | null, string>();
    for await (const { records } of batchesToEnd(log, topic))
      for (const record of records)
        if (record.value === null) last.delete(record.key);
        else last.set(record.key, lineOf(decodeJson(record) as T));
    return [...last.values()];
  };
  return checksumsOf(
    await lines<TicketState>("tickets", ticketLine),
    await lines<MessageState>("messages", messageLine),
  );
}

/** Every event once on the log, every chain without a gap, and the lake's rows are the log's events, each once. */
export async function expectExactlyOnce(log: EventLog, lake: LocalLake): Promise<number> {
  let total = 0;
  for (const [topic, table] of [
    ["ticket-events", "ticket_events"],
    ["message-events", "message_events"],
  ] as const) {
    const events = await eventsOf(log, topic);
    const ids = new Set(events.map(({ id }) => id));
    expect(events.length - ids.size, `${topic}: events twice`).toBe(0);
    expect(
      events.filter(({ previous_event_id: id }) => id !== null && !ids.has(id)),
      `${topic}: chains with a gap`,
    ).toEqual([]);
    const rows = (await queryLake(lake, `select id from ${table}`)).map(([id]) => id as string);
    expect(rows.length - new Set(rows).size, `${table}: rows twice`).toBe(0);
    expect(new Set(rows), `${table}: rows are the log's events`).toEqual(ids);
    total += events.length;
  }
  return total;
}
