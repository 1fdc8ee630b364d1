import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ErasureState,
  type EventLog,
  erasedHash,
  erasureKeyRecord,
  erasureRecord,
  type LogRecord,
  type NewRecord,
  recordOfEvent,
  silentLogger,
  type TicketEvent,
  topics,
} from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { makeTicket, VirtualClock } from "@thulium-stream/kit";
import { batchesToEnd, ErasureFollower, newId } from "@thulium-stream/runtime";
import { afterEach, beforeEach, expect, it } from "vitest";
import { MetricsEngine } from "../metrics-engine.ts";

const never = new AbortController().signal;
const key = "k".repeat(64);
const theirs = { customer_id: "990077", subject: "Sprawa poufna" };
let folder: string;
let clock: VirtualClock;
let log: EventLog;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "metrics-eraser-"));
  clock = new VirtualClock("2026-11-23T12:00:00.000Z");
  log = await openEmbeddedLog({ folder: join(folder, "log"), clock, logger: silentLogger, newId });
  await log.ensureTopics(topics);
  await append([erasureKeyRecord("acme", key)]);
});
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true, force: true });
});

async function append(records: readonly NewRecord[]): Promise<void> {
  const writer = await log.openWriter("w");
  await writer.append(records);
  await writer.close();
}

function eventOf(id: string, version: number, isClosed: boolean, fields: object): NewRecord {
  const at = `2026-11-23T${String(8 + version).padStart(2, "0")}:00:00.000Z`;
  const event: TicketEvent = {
    type: version === 1 ? "thulium.ticket.created" : "thulium.ticket.updated",
    id: `${id}${version}`.padStart(26, "a"),
    system: "acme",
    ticket_id: id,
    time: at,
    time_is_observation: false,
    observed_at: at,
    origin: "live",
    version,
    previous_event_id: null,
    source_updated_at: null,
    source_updated_at_ambiguous: false,
    kinds: ["other"],
    changes: [],
    derived: [],
    ticket: makeTicket({
      ticket_id: id,
      full_status_name: isClosed ? "Zamknięte" : "Nowe",
      created_at: "2026-11-23T08:00:00.000Z",
      ...fields,
    }),
  };
  return recordOfEvent(event, 1);
}

/** Opens an engine over a folder, folds to the log's end, and hands the engine over. */
async function folded<T>(store: string, look: (engine: MetricsEngine) => T): Promise<T> {
  const engine = await MetricsEngine.open(
    { log, clock, logger: silentLogger, newId, folder: join(folder, store) },
    {
      system: "acme",
      zone: "Europe/Warsaw",
      closedStatuses: ["Zamknięte"],
      automaticLogins: [],
      businessHours: "Mon-Fri 08:00-16:00",
      holidays: "PL",
    },
  );
  try {
    await engine.catchUp(never);
    return look(engine);
  } finally {
    await engine.close();
  }
}

const erasure: ErasureState = {
  system: "acme",
  erasure_id: "e1",
  subject: "customer",
  subject_hash: erasedHash(key, "customer", theirs.customer_id),
  ticket_hashes: ["601", "602"].map((id) => erasedHash(key, "ticket", id)),
  state: "erased",
  revision: 1,
  requested_at: "2026-11-23T12:00:00.000Z",
  erased_at: "2026-11-23T12:00:01.000Z",
  log_ends: {},
  tickets: 2,
  messages: 0,
  dead_letters: 0,
  dead_letters_left: null,
};

async function figures(): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const batch of batchesToEnd(log, "ticket-metrics")) records.push(...batch.records);
  return records;
}

/** Up to where the records of `ticket-metrics` say that the events of tickets are folded, by partition. */
function foldedTo(records: readonly LogRecord[]): Readonly<Record<number, number>> {
  const reached: Record<number, number> = {};
  for (const { partition, headers } of records) {
    const { "ticket-events": position = 0 } = JSON.parse(headers["ts_folded_to"] ?? "{}");
    reached[partition] = Math.max(reached[partition] ?? 0, position);
  }
  return reached;
}

/** Where the events end in the partitions of these records. */
async function ends(records: readonly LogRecord[]): Promise<Readonly<Record<number, number>>> {
  const known = new Map(
    (await log.ends("ticket-events")).map(({ partition, end }) => [partition, end]),
  );
  return Object.fromEntries(records.map(({ partition }) => [partition, known.get(partition) ?? 0]));
}

const query = { from: "2026-11-23", to: "2026-11-23" };

it("takes the figures of erased tickets out, keeps those of closed ones as numbers without ids, and folds them no more", async () => {
  await append([
    // 601 is closed, 602 open; 603 was deleted at the source before, so that only its customer tells; 604 is another's.
    eventOf("601", 1, false, theirs),
    eventOf("601", 2, true, theirs),
    eventOf("602", 1, false, theirs),
    eventOf("603", 1, true, theirs),
    eventOf("604", 1, false, {}),
  ]);
  const before = await folded("store", (engine) => engine.summary(query, []).total);
  expect(before.created).toBe(4);
  await append([erasureRecord(erasure)]);
  const total = (engine: MetricsEngine) => ({
    created: engine.summary(query, []).total.created,
    backlog: engine.backlog(),
    tickets: ["601", "602", "603", "604"].filter((id) => engine.ticket(id) !== null),
  });
  const after = { created: 3, backlog: 1, tickets: ["604"] };
  expect(await folded("store", total)).toEqual(after);
  const left = await figures();
  const live = left.filter(({ value }) => value !== null);
  for (const { key: name, value, headers } of live) {
    const text = `${name} ${Buffer.from(value ?? []).toString()} ${JSON.stringify(headers)}`;
    expect(text).not.toMatch(/990077|Sprawa poufna|acme:60[123]|"60[123]"/);
  }
  expect(live.filter(({ key: name }) => name?.startsWith("acme:erased-"))).toHaveLength(2);
  // Every partition that has a record still tells how far its events are folded: what tells it else is gone.
  expect(foldedTo(left)).toEqual(await ends(left));
  const follower = new ErasureFollower(log, "acme");
  await follower.refresh();
  expect(follower.records.doneBy("metrics", erasure)?.counts).toEqual({ tickets: 3 });
  // More of it on the log, and a store that begins anew, change nothing.
  await append([eventOf("602", 2, true, theirs)]);
  expect(await folded("store", total)).toEqual(after);
  expect(await folded("another", total)).toEqual(after);
  expect(await figures()).toHaveLength(left.length);
});
