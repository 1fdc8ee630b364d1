import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  type EventLog,
  type NewRecord,
  recordOfEvent,
  silentLogger,
  ticketKey,
  topics,
} from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { MetricsEngine, type MetricsOptions } from "@thulium-stream/metrics";
import { batchesToEnd, newId, systemClock } from "@thulium-stream/runtime";
import { eventsOfTicket, yearMs } from "./metrics-desk.ts";

const common = { clock: systemClock, logger: silentLogger, newId };
const never = new AbortController().signal;
/** Tickets that are really folded: the others are copies of them under names of their own, since folding millions of events takes minutes. */
const foldedTickets = 20_000;
/** Copies of one ticket lie so many tickets apart: nearer ones would compress too well. */
const apart = 800;
/** Records of one append. */
const appendOf = 5000;

/** The rules by which the figures are made. */
export const benchRules: MetricsOptions = {
  system: "acme",
  zone: "Europe/Warsaw",
  closedStatuses: ["Zamknięte", "Połączone"],
  automaticLogins: [],
  businessHours: "Mon-Fri 08:00-16:00",
  holidays: "PL",
  slaFirstResponseS: 4 * 3600,
  slaResolutionS: 24 * 3600,
};

/** Opens the log of a folder with all its topics. */
export async function openBenchLog(folder: string): Promise<EventLog> {
  const log = await openEmbeddedLog({ folder: join(folder, "log"), ...common });
  await log.ensureTopics(topics);
  return log;
}

/** Fills `ticket-metrics` with the figures of so many tickets of one year, about in the order in which they were created; no events lie on the log. */
export async function fillFigures(folder: string, tickets: number): Promise<void> {
  const log = await openBenchLog(folder);
  const writer = await log.openWriter("bench");
  const samples = await sampleRecords(folder, Math.min(foldedTickets, tickets));
  const copies = Math.ceil(tickets / samples.length);
  let open: NewRecord[] = [];
  for (let at = 0; at < tickets; at += 1) {
    const place = at % (apart * copies);
    const sample = samples[Math.floor(at / (apart * copies)) * apart + (place % apart)];
    if (sample !== undefined) open.push(sample(String(100_000 + at)));
    if (open.length < appendOf && at < tickets - 1) continue;
    await writer.append(open);
    open = [];
  }
  await log.close();
}

/** Records of tickets that were folded from their events, the oldest first, each to be had under another name. */
async function sampleRecords(
  folder: string,
  count: number,
): Promise<readonly ((ticketId: string) => NewRecord)[]> {
  const aside = mkdtempSync(join(folder, "samples-"));
  const log = await openBenchLog(aside);
  const writer = await log.openWriter("bench");
  for (let from = 0; from < count; from += 100) {
    const page = Array.from({ length: Math.min(100, count - from) }, (_, at) =>
      eventsOfTicket(from + at, count, yearMs),
    );
    await writer.append(page.flat().map((event) => recordOfEvent(event, from)));
  }
  const engine = await MetricsEngine.open(
    { log, folder: join(aside, "store"), ...common },
    benchRules,
  );
  await engine.catchUp(never);
  await engine.close();
  const ranges = await log.ends("ticket-metrics");
  const newest = new Map<string, NewRecord>();
  for await (const { records } of batchesToEnd(log, "ticket-metrics", { ranges, signal: never }))
    for (const { key, value, headers } of records)
      newest.set(key ?? "", {
        topic: "ticket-metrics",
        key: key ?? "",
        value,
        // No events lie on the log that these could have been folded from.
        headers: { ...headers, ts_folded_to: "{}" },
      });
  await log.close();
  rmSync(aside, { recursive: true });
  return [...newest.values()]
    .map((record) => ({ ...record, id: Number(record.key.split(":")[1]) }))
    .sort((a, b) => a.id - b.id)
    .map(({ id, ...record }) => {
      const parts = Buffer.from(record.value ?? "")
        .toString()
        .split(`"ticket_id":"${id}"`);
      return (ticketId: string) => ({
        ...record,
        key: ticketKey("acme", ticketId),
        value: Buffer.from(parts.join(`"ticket_id":"${ticketId}"`)),
      });
    });
}
