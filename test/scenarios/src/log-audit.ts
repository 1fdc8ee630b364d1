import {
  appendOf,
  type ChangeEvent,
  type Checkpoint,
  decodeJson,
  type EventLog,
  type LogRecord,
  type TicketState,
} from "@thulium-stream/contracts";
import { batchesToEnd } from "@thulium-stream/runtime";

/** What a reader of committed records finds on the log of one system. */
export interface LogAudit {
  readonly events: number;
  /** Events whose id was there before. */
  readonly doubled: number;
  /** Events whose predecessor is not on the log. */
  readonly chainsWithGap: number;
  /** Appends of which one part is there and another is not, in words. */
  readonly torn: readonly string[];
}

/**
 * Reads events, states and checkpoints, and compares them: appends are numbered 1, 2, 3 … without a gap by their checkpoints; every record belongs to
 * one of them and was appended at the same instant; every ticket's state names the last event about it, and was not written before it.
 */
export async function auditLog(log: EventLog, system: string): Promise<LogAudit> {
  const torn: string[] = [];
  let last = 0;
  const appendedAt = new Map<number, number>();
  const isOfItsAppend = (record: LogRecord) =>
    appendedAt.get(appendOf(record)) === record.appendedAtMs;
  for await (const record of recordsOf(log, "extractor-state")) {
    if (record.key !== `${system}:checkpoint`) continue;
    const { append } = decodeJson(record) as Checkpoint;
    if (append !== last + 1) torn.push(`checkpoint ${append} follows ${last}`);
    last = append;
    appendedAt.set(append, record.appendedAtMs);
  }
  const ids = new Set<string>();
  const predecessors: string[] = [];
  const newest = new Map<string, { readonly id: string; readonly append: number }>();
  let events = 0;
  for (const topic of ["ticket-events", "message-events"])
    for await (const record of recordsOf(log, topic)) {
      const event = decodeJson(record) as ChangeEvent;
      events += 1;
      ids.add(event.id);
      if (event.previous_event_id !== null) predecessors.push(event.previous_event_id);
      if (topic === "ticket-events")
        newest.set(event.ticket_id, { id: event.id, append: appendOf(record) });
      if (!isOfItsAppend(record)) torn.push(`event ${event.id} came without a checkpoint`);
    }
  const states = new Map<string, { readonly state: TicketState; readonly append: number }>();
  for await (const record of recordsOf(log, "tickets")) {
    const id = record.key?.split(":")[1] ?? "";
    if (!isOfItsAppend(record)) torn.push(`a state of ${id} came without a checkpoint`);
    if (record.value === null) states.delete(id);
    else states.set(id, { state: decodeJson(record) as TicketState, append: appendOf(record) });
  }
  for (const [id, { state, append }] of states) {
    const event = newest.get(id);
    if (event?.id !== state.last_event_id || event.append > append)
      torn.push(`the state of ${id} is not that of its last event`);
  }
  return {
    events,
    doubled: events - ids.size,
    chainsWithGap: predecessors.filter((id) => !ids.has(id)).length,
    torn,
  };
}

async function* recordsOf(log: EventLog, topic: string): AsyncGenerator<LogRecord> {
  for await (const { records } of batchesToEnd(log, topic)) yield* records;
}
