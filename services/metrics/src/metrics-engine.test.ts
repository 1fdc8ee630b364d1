import { randomUUID } from "node:crypto";
import { mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  decodeJson,
  type EventLog,
  instantOf,
  type LogReader,
  type MessageEvent,
  recordOfEvent,
  silentLogger,
  type TicketEvent,
  type TicketMetrics,
  ticketKey,
  ticketMetrics,
  topics,
} from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { makeMessage, makeTicket, VirtualClock } from "@thulium-stream/kit";
import { batchesToEnd } from "@thulium-stream/runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MetricsEngine, type MetricsOptions } from "./metrics-engine.ts";

const options: MetricsOptions = {
  system: "acme",
  zone: "Europe/Warsaw",
  closedStatuses: ["Zamknięte"],
  automaticLogins: [],
  businessHours: "Mon-Fri 08:00-16:00",
  holidays: "PL",
};
const day = { from: "2026-11-23", to: "2026-11-23" };
const never = new AbortController().signal;

let folder: string;
let clock: VirtualClock;
let log: EventLog;
const opened: MetricsEngine[] = [];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "metrics-engine-"));
  clock = new VirtualClock("2026-11-24T12:00:00.000Z");
  log = await openEmbeddedLog({
    folder: join(folder, "log"),
    clock,
    logger: silentLogger,
    newId: randomUUID,
  });
  await log.ensureTopics(topics);
});
afterEach(async () => {
  for (const engine of opened.splice(0)) await engine.close();
  await log.close();
  rmSync(folder, { recursive: true });
});

describe("the metrics engine", () => {
  it("publishes a record per ticket, and none again when events come twice", async () => {
    await append(head("1", 1, "08:00", "Nowe"), said("1", "1", "08:00", null));
    const engine = await open("a");
    await engine.catchUp(never);
    expect(await published()).toHaveLength(1);
    await append(head("1", 1, "08:00", "Nowe"), said("1", "1", "08:00", null));
    await engine.catchUp(never);
    expect(await published()).toHaveLength(1);
    expect(engine.freshness()).toMatchObject({ tickets: 1, events: 4 });
  });

  it("has caught up only when it knows what it owns, and has folded that", async () => {
    await append(head("1", 1, "08:00", "Nowe"), said("1", "1", "08:00", null));
    const { openReader } = log;
    // A group that takes its time: its reader is there, its assignment is not.
    log.openReader = async (how) => {
      if (how.group === undefined) return openReader.call(log, how);
      let joined: LogReader | null = null;
      let idle = 3;
      return {
        next: async (of) => {
          if (idle-- > 0) return { kind: "idle" };
          joined ??= await openReader.call(log, how);
          return joined.next(of);
        },
        pause: (partitions) => joined?.pause(partitions),
        commit: async (positions) => joined?.commit(positions),
        close: async () => joined?.close(),
      };
    };
    const engine = await open("a");
    await engine.catchUp(never);
    expect(await published()).toHaveLength(1);
    expect(engine.freshness()).toMatchObject({ tickets: 1, events: 2 });
  });

  it("has nothing to wait for where all events have expired", async () => {
    await append(head("1", 1, "08:00", "Nowe"), said("1", "1", "08:00", null));
    const eventTopics = ["ticket-events", "message-events"] as const;
    const ranges = (await Promise.all(eventTopics.map((topic) => log.ends(topic)))).flat();
    await log.purge(
      ranges.map(({ topic, partition, end }) => ({ topic, partition, position: end })),
    );
    const engine = await open("a");
    await engine.catchUp(never);
    expect(engine.freshness()).toMatchObject({ tickets: 0, events: 0, lag_s: 0 });
  });

  it("serves what another instance folded, from the topic alone", async () => {
    await append(head("1", 1, "08:00", "Nowe"), head("1", 2, "10:00", "Zamknięte"));
    await (await open("a")).catchUp(never);
    // Its events are behind the position of the newest record: there is nothing for it to fold.
    const other = await open("b");
    await other.catchUp(never);
    expect(other.freshness().events).toBe(0);
    expect(other.ticket("1")).toMatchObject({ resolution_s: 7200 });
    expect(other.summary(day, [])).toEqual(opened[0]?.summary(day, []));
  });

  it("makes its store anew from the log when the one that it finds is of another form", async () => {
    await append(head("1", 1, "08:00", "Nowe"), head("1", 2, "10:00", "Zamknięte"));
    const before = await open("a");
    await before.catchUp(never);
    const [figures, resolved] = [before.summary(day, []), before.ticket("1")?.resolution_s];
    await opened.pop()?.close();
    const store = join(folder, "a");
    for (const name of readdirSync(store))
      renameSync(join(store, name), join(store, name.replace(/metrics-\d+/, "metrics-1")));
    const after = await open("a");
    expect(after.freshness().tickets).toBe(0);
    await after.catchUp(never);
    expect([after.summary(day, []), after.ticket("1")?.resolution_s]).toEqual([figures, resolved]);
    expect(readdirSync(store).filter((name) => name.includes("metrics-1"))).toEqual([]);
  });

  it("lists groups of a series by tickets or by what is open at the end", async () => {
    await append(
      head("1", 1, "08:00", "Zamknięte", { ticket_queue_name: "large" }),
      head("2", 1, "08:00", "Zamknięte", { ticket_queue_name: "large" }),
      head("3", 1, "08:00", "Nowe", { ticket_queue_name: "small" }),
    );
    const engine = await open("a");
    await engine.catchUp(never);
    const keysBy = (order: "tickets" | "backlog") =>
      engine
        .timeseriesBy(day, "hour", { groups: ["queue"], order, offset: 0, limit: 5 })
        .lines.flatMap(({ key }) => key);
    expect(keysBy("tickets")).toEqual(["large", "small"]);
    expect(keysBy("backlog")).toEqual(["small", "large"]);
  });

  it("waits for the head of messages that came first, also over a restart", async () => {
    await append(said("1", "1", "08:00", null), said("1", "2", "08:30", "ala"));
    const before = await open("a");
    await before.catchUp(never);
    expect(before.ticket("1")).toBeNull();
    await before.close();
    opened.length = 0;
    await append(head("1", 1, "08:00", "Nowe"));
    const engine = await open("a");
    await engine.catchUp(never);
    expect(engine.ticket("1")).toMatchObject({ replies: 1, first_response_s: 1800 });
  });

  it("makes a correction visible: another version of the day, and when it was learnt", async () => {
    await append(
      head("1", 1, "08:00", "Nowe"),
      said("1", "1", "08:00", null),
      said("1", "2", "10:00", "ola"),
    );
    const engine = await open("a");
    await engine.catchUp(never);
    expect(engine.summary(day, []).total).toMatchObject({
      first_response: { count: 1, mean_s: 7200 },
      version: 1,
      corrected_at: null,
    });
    // A reply of that day, dated earlier, that came to light the day after.
    const late = said("1", "3", "09:00", "ala");
    await append({ ...late, observed_at: "2026-11-24T11:00:00.000Z" });
    await engine.catchUp(never);
    expect(engine.summary(day, []).total).toMatchObject({
      first_response: { count: 1, mean_s: 3600 },
      version: 2,
      corrected_at: "2026-11-24T11:00:00.000Z",
    });
  });

  it("makes the figures of all tickets anew when the rules have changed", async () => {
    await append(head("1", 1, "08:00", "Nowe"), said("1", "1", "08:00", null));
    const first = await open("a");
    await first.catchUp(never);
    const [before] = await published();
    await first.close();
    opened.length = 0;
    const engine = await open("a", { ...options, slaFirstResponseS: 3600 });
    await engine.catchUp(never);
    const after = (await published()).at(-1);
    expect(before?.sla_first_response).toBeNull();
    expect(after?.sla_first_response).toMatchObject({ state: "running", target_s: 3600 });
    expect(after?.rules_id).not.toBe(before?.rules_id);
    expect(after?.history).toEqual(before?.history);
    expect(engine.openClocks({}).first_response).toMatchObject({ running: 0, overdue: 1 });
  });

  it("forgets an erased ticket, and a store that has never seen the erasure does, too", async () => {
    await append(head("1", 1, "08:00", "Nowe"), head("2", 1, "08:00", "Nowe"));
    const engine = await open("a");
    await engine.catchUp(never);
    const writer = await log.openWriter("eraser");
    await writer.append([{ topic: "ticket-metrics", key: ticketKey("acme", "1"), value: null }]);
    await engine.catchUp(never);
    expect([engine.ticket("1"), engine.backlog()]).toEqual([null, 1]);
    const fresh = await open("b");
    await fresh.catchUp(never);
    expect([fresh.ticket("1"), fresh.backlog()]).toEqual([null, 1]);
  });

  it("begins anew when its store is of another log", async () => {
    for (let version = 1; version <= 9; version += 1)
      await append(head("1", version, `0${version}:00`, "Nowe"));
    const engine = await open("a");
    await engine.catchUp(never);
    await engine.close();
    opened.length = 0;
    await log.close();
    rmSync(join(folder, "log"), { recursive: true });
    log = await openEmbeddedLog({
      folder: join(folder, "log"),
      clock,
      logger: silentLogger,
      newId: randomUUID,
    });
    await log.ensureTopics(topics);
    await append(head("2", 1, "08:00", "Nowe"));
    const again = await open("a");
    await again.catchUp(never);
    expect([again.ticket("1"), again.backlog()]).toEqual([null, 1]);
  });

  it("keeps another tenant's tickets out", async () => {
    await append({ ...head("1", 1, "08:00", "Nowe"), system: "other" });
    const engine = await open("a");
    await engine.catchUp(never);
    expect([engine.ticket("1"), engine.freshness().tickets]).toEqual([null, 0]);
  });

  it("leaves out what is no event, and goes on", async () => {
    const writer = await log.openWriter("foreign");
    await writer.append([
      { topic: "ticket-events", key: "acme:1", value: Buffer.from("{") },
      { topic: "ticket-metrics", key: "acme:9", value: Buffer.from("no figures") },
    ]);
    await append(head("1", 1, "08:00", "Nowe"));
    const engine = await open("a");
    await engine.catchUp(never);
    expect(engine.backlog()).toBe(1);
  });
});

async function open(store: string, with_: MetricsOptions = options): Promise<MetricsEngine> {
  const deps = { log, clock, logger: silentLogger, newId: randomUUID };
  const engine = await MetricsEngine.open({ ...deps, folder: join(folder, store) }, with_);
  opened.push(engine);
  return engine;
}

async function append(...events: (TicketEvent | MessageEvent)[]): Promise<void> {
  const writer = await log.openWriter("extractor");
  await writer.append(events.map((event) => recordOfEvent(event, 1)));
  await writer.close();
}

async function published(): Promise<TicketMetrics[]> {
  const found: TicketMetrics[] = [];
  for await (const { records } of batchesToEnd(log, "ticket-metrics"))
    found.push(...records.map((record) => ticketMetrics.parse(decodeJson(record))));
  return found;
}

function instant(time: string): string {
  return instantOf(Date.parse(`2026-11-23T${time}:00.000Z`));
}

function envelope(id: string, version: number, time: string) {
  return {
    id: "x".repeat(26),
    system: "acme",
    ticket_id: id,
    time: instant(time),
    time_is_observation: false,
    observed_at: instant(time),
    origin: "live",
    version,
    previous_event_id: null,
    source_updated_at: null,
    source_updated_at_ambiguous: false,
  } as const;
}

function head(
  id: string,
  version: number,
  time: string,
  status: string,
  fields: Partial<TicketEvent["ticket"]> = {},
): TicketEvent {
  return {
    ...envelope(id, version, time),
    type: version === 1 ? "thulium.ticket.created" : "thulium.ticket.updated",
    kinds: ["other"],
    changes: [],
    derived: [],
    ticket: makeTicket({
      ticket_id: id,
      full_status_name: status,
      created_at: instant("08:00"),
      updated_at: instant(time),
      ...fields,
    }),
  };
}

function said(id: string, messageId: string, time: string, login: string | null): MessageEvent {
  return {
    ...envelope(id, 1, time),
    type: "thulium.message.added",
    message_id: messageId,
    changes: [],
    message: makeMessage({
      ticket_id: id,
      message_id: messageId,
      type: login === null ? "MAIL" : "REPLY",
      user_login: login,
      created_at: instant(time),
    }),
    ticket: makeTicket({ ticket_id: id }),
  };
}
