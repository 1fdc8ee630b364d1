import {
  type ChangeEvent,
  decodeJson,
  type EventLog,
  headerNames,
  isFailure,
  type LogRecord,
  messageEvent,
  type TicketEvent,
  ticketErased,
  ticketEvent,
} from "@thulium-stream/contracts";
import { print } from "../terminal/console.ts";
import { withoutControls } from "../terminal/table.ts";

/** Which events are shown, and how. */
export interface ShowEventsOptions {
  /** `ticket.updated`, or the full `thulium.ticket.updated`. */
  readonly type?: string | undefined;
  /** One of the kinds, such as `closed`. */
  readonly kind?: string | undefined;
  readonly ticket?: string | undefined;
  /** From the oldest event that the log holds; else from now, which means nothing without `follow`. */
  readonly fromBeginning: boolean;
  /** Goes on with new events until interrupted. */
  readonly follow: boolean;
  /** Stop after so many. */
  readonly limit?: number | undefined;
  /** One JSON object a line instead of a line for people. */
  readonly json: boolean;
  /** CloudEvents headers too. */
  readonly headers: boolean;
}

/** Prints change events in the order in which the log delivers them; resolves at the log's end, or when `signal` fires. */
export async function showEvents(
  log: EventLog,
  options: ShowEventsOptions,
  signal: AbortSignal,
): Promise<void> {
  const topics = ["ticket-events", "message-events"];
  const ranges = (await Promise.all(topics.map((topic) => log.ends(topic)))).flat();
  const from = ranges.map(({ topic, partition, earliest, end }) => ({
    topic,
    partition,
    position: options.fromBeginning ? earliest : end,
  }));
  const left = new Map(
    ranges
      .filter(({ earliest, end }) => options.fromBeginning && earliest < end)
      .map((range) => [keyOf(range), range.end]),
  );
  if (!options.follow && left.size === 0) return;
  const reader = await log.openReader({ topics, startAt: async () => from });
  let shown = 0;
  try {
    while (!signal.aborted && (options.follow || left.size > 0)) {
      const delivery = await reader.next({ timeoutMs: 1000, signal });
      if (delivery.kind !== "batch") continue;
      for (const record of delivery.records) {
        if (!matches(record, options)) continue;
        print(render(record, options));
        shown += 1;
        if (shown === options.limit) return;
      }
      if (delivery.nextPosition >= (left.get(keyOf(delivery)) ?? 0)) left.delete(keyOf(delivery));
    }
  } catch (error) {
    if (!isFailure(error, "Cancelled")) throw error;
  } finally {
    await reader.close();
  }
}

function keyOf({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}/${partition}`;
}

/** By headers alone: nothing is parsed that is not shown. */
function matches({ headers, key }: LogRecord, { type, kind, ticket }: ShowEventsOptions): boolean {
  const full = type === undefined || type.startsWith("thulium.") ? type : `thulium.${type}`;
  return (
    (full === undefined || headers[headerNames.type] === full) &&
    (kind === undefined || (headers[headerNames.kinds] ?? "").split(",").includes(kind)) &&
    (ticket === undefined || key?.split(":")[1] === ticket)
  );
}

function render(record: LogRecord, { json, headers }: ShowEventsOptions): string {
  const { topic, partition, position } = record;
  const value = decodedOrNull(record);
  if (json)
    return JSON.stringify(
      headers ? { topic, partition, position, headers: record.headers, event: value } : value,
    );
  const shown =
    eventLine(value) ?? erasureLine(value) ?? `${topic}[${partition}]@${position}: not an event`;
  return headers
    ? `${shown}\n${Object.entries(record.headers)
        .map(([name, text]) => `    ${name}: ${withoutControls(text)}`)
        .join("\n")}`
    : shown;
}

function decodedOrNull(record: LogRecord): unknown {
  try {
    return decodeJson(record);
  } catch {
    return null;
  }
}

/** `2026-11-23 09:30:00  #1001  ticket.updated  closed   status_id 1 → 2`, or null when it is no event of ours. */
function eventLine(value: unknown): string | null {
  const parsed = ticketEvent.or(messageEvent).safeParse(value);
  if (!parsed.success) return null;
  const event: ChangeEvent = parsed.data;
  const at = event.time.slice(0, 19).replace("T", " ");
  const type = event.type.replace("thulium.", "").padEnd(15);
  return withoutControls(
    `${at}  #${event.ticket_id.padEnd(8)} ${type}  ${"kinds" in event ? ticketPart(event) : messagePart(event)}`,
  ).trimEnd();
}

/** The news that a ticket was erased: it has no id any more. */
function erasureLine(value: unknown): string | null {
  const parsed = ticketErased.safeParse(value);
  if (!parsed.success) return null;
  const { time, ticket_hash: hash } = parsed.data;
  return withoutControls(`${time.slice(0, 19).replace("T", " ")}  ${hash} ticket.erased`);
}

function ticketPart({ kinds, changes, ticket }: TicketEvent): string {
  const steps = changes
    .slice(0, 3)
    .map(({ field, before, after }) => `${field} ${brief(before)} → ${brief(after)}`);
  const more = changes.length > 3 ? ` … +${changes.length - 3}` : "";
  return `${kinds.join(", ").padEnd(24)} ${steps.length > 0 ? steps.join("; ") + more : brief(ticket.subject)}`;
}

function messagePart(event: Exclude<ChangeEvent, TicketEvent>): string {
  return `${(event.message?.type ?? "").padEnd(8)} ${event.message?.user_login ?? "customer"}`;
}

function brief(value: unknown): string {
  const text = value === null ? "–" : typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
