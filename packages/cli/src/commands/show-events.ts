import {
  type ChangeEvent,
  decodeJson,
  type EventLog,
  headerNames,
  isFailure,
  type LogRecord,
  messageEvent,
  type PartitionRange,
  type TicketEvent,
  type TopicPartition,
  ticketErased,
  ticketEvent,
  ticketKey,
} from "@thulium-stream/contracts";
import { partitionFor } from "@thulium-stream/event-log/partitioner";
import { print } from "../terminal/console.ts";
import { withoutControls } from "../terminal/table.ts";

/** Which events are shown, and how. */
export interface ShowEventsOptions {
  /** `ticket.updated`, or the full `thulium.ticket.updated`. */
  readonly type?: string | undefined;
  /** One of the kinds, such as `closed`. */
  readonly kind?: string | undefined;
  readonly ticket?: string | undefined;
  /** From the oldest event that the log holds; what happens without `fromMs` and `follow`, too. */
  readonly fromBeginning: boolean;
  /** From the first event that the log took then or later, milliseconds since 1970. */
  readonly fromMs?: number | undefined;
  /** Goes on with new events until interrupted; alone it begins with the next one. */
  readonly follow: boolean;
  /** Stop after so many. */
  readonly limit?: number | undefined;
  /** One JSON object a line instead of a line for people. */
  readonly json: boolean;
  /** CloudEvents headers too. */
  readonly headers: boolean;
}

const topics = ["ticket-events", "message-events"];

/** Prints change events in the order in which the log delivers them; resolves at the log's end, or when `signal` fires. */
export async function showEvents(
  log: EventLog,
  system: string,
  options: ShowEventsOptions,
  signal: AbortSignal,
): Promise<void> {
  const ranges = (await Promise.all(topics.map((topic) => log.ends(topic)))).flat();
  const from = await startsOf(log, ranges, system, options);
  const left = new Set(
    ranges.filter((range) => (from.get(placeOf(range)) ?? 0) < range.end).map(placeOf),
  );
  if (!options.follow && left.size === 0) return;
  const ends = new Map(ranges.map((range) => [placeOf(range), range.end]));
  const reader = await log.openReader({
    topics,
    startAt: async (partitions) =>
      partitions.map((one) => ({ ...one, position: from.get(placeOf(one)) ?? 0 })),
  });
  let shown = 0;
  try {
    while (!signal.aborted && (options.follow || left.size > 0)) {
      const delivery = await reader.next({ timeoutMs: 1000, signal });
      if (delivery.kind !== "batch") continue;
      const end = ends.get(placeOf(delivery)) ?? 0;
      for (const record of delivery.records) {
        if (!options.follow && record.position >= end) break;
        if (!matches(record, options)) continue;
        print(render(record, options));
        shown += 1;
        if (shown === options.limit) return;
      }
      if (delivery.nextPosition >= end) left.delete(placeOf(delivery));
    }
  } catch (error) {
    if (!isFailure(error, "Cancelled")) throw error;
  } finally {
    await reader.close();
  }
}

/** Where to begin in each partition. One ticket lies in one partition of each topic: the others are not read. */
async function startsOf(
  log: EventLog,
  ranges: readonly PartitionRange[],
  system: string,
  { fromBeginning, fromMs, follow, ticket }: ShowEventsOptions,
): Promise<ReadonlyMap<string, number>> {
  const isFromEnd = follow && !fromBeginning && fromMs === undefined;
  const times =
    fromMs === undefined
      ? []
      : (await Promise.all(topics.map((topic) => log.positionsAt(topic, fromMs)))).flat();
  const atTime = new Map(times.map((one) => [placeOf(one), one.position]));
  return new Map(
    ranges.map((range) => {
      const count = ranges.filter(({ topic }) => topic === range.topic).length;
      const isElsewhere =
        ticket !== undefined && partitionFor(ticketKey(system, ticket), count) !== range.partition;
      // What retention removed between the two questions is not there any more.
      const wanted = Math.max(range.earliest, atTime.get(placeOf(range)) ?? range.earliest);
      return [placeOf(range), isFromEnd || isElsewhere ? range.end : wanted];
    }),
  );
}

function placeOf({ topic, partition }: TopicPartition): string {
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
