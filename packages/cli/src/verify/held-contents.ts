import {
  type Clock,
  decodeJson,
  type EventLog,
  epochMsOf,
  type ObjectStore,
  type TicketState,
} from "@thulium-stream/contracts";
import {
  type Contents,
  contentOfState,
  digestOf,
  type MessageDigest,
} from "@thulium-stream/extractor";
import { describeLake } from "@thulium-stream/lake-writer";
import { batchesToEnd, type Settings } from "@thulium-stream/runtime";
import { openQuery } from "../assembly/open-query.ts";

/** What the log holds, and since when in this content. */
export interface LogContents {
  readonly contents: Contents;
  /** When the content of a ticket was first read, milliseconds since 1970. */
  readonly observedMs: ReadonlyMap<string, number>;
}

/** Reads the compacted topic `tickets` to its present end; tickets that the source does not list any more are left out. */
export async function logContents(log: EventLog, system: string): Promise<LogContents> {
  const contents = new Map<string, { digest: string; created: string }>();
  const observedMs = new Map<string, number>();
  for await (const { records } of batchesToEnd(log, "tickets"))
    for (const record of records) {
      const [owner, ticketId = ""] = (record.key ?? "").split(":");
      if (owner !== system) continue;
      const state = record.value === null ? null : (decodeJson(record) as TicketState);
      if (state?.listed) {
        contents.set(ticketId, contentOfState(state));
        observedMs.set(ticketId, epochMsOf(state.observed_at));
      } else contents.delete(ticketId);
    }
  return { contents, observedMs };
}

/** What the newest complete snapshot of the lake holds, and when it was cut; null when there is none. Read from the Parquet files themselves. */
export async function lakeContents(
  settings: Settings,
  store: ObjectStore,
  clock: Clock,
): Promise<{ readonly contents: Contents; readonly atMs: number } | null> {
  const { snapshots } = await describeLake(store);
  const newest = snapshots
    .filter(({ table, complete }) => table === "tickets" && complete)
    .map(({ at }) => at)
    .sort()
    .at(-1);
  if (newest === undefined) return null;
  await using query = await openQuery(settings, store, clock, ["tickets", "messages"]);
  const maxRows = Number.MAX_SAFE_INTEGER - 1;
  const messages = new Map<string, MessageDigest[]>();
  const messageRows = await query.run(
    "select ticket_id, message_id, content_hash, ratings from messages",
    { maxRows },
  );
  for (const [ticketId, messageId, hash, ratings] of messageRows.rows) {
    const list = messages.get(String(ticketId)) ?? [];
    list.push([String(messageId), String(hash), (ratings as string[] | null) ?? []]);
    messages.set(String(ticketId), list);
  }
  const contents = new Map<string, { digest: string; created: string }>();
  const ticketRows = await query.run(
    "select ticket_id, content_hash, created_at_raw from tickets where listed",
    { maxRows },
  );
  for (const [ticketId, hash, created] of ticketRows.rows)
    contents.set(String(ticketId), {
      digest: digestOf(String(hash), messages.get(String(ticketId)) ?? []),
      created: String(created ?? "").slice(0, 16),
    });
  return { contents, atMs: Date.parse(newest) };
}
