import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ChangeEvent,
  decodeJson,
  type EventLog,
  Failure,
  instantOf,
  type LogRecord,
  type LogWriter,
  silentLogger,
  type TicketEvent,
  topics,
} from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { holding, ScriptedSource, seededRandom, VirtualClock } from "@thulium-stream/kit";
import { createWallClock } from "@thulium-stream/thulium-api";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Extractor } from "./extractor.ts";
import { TicketIndex } from "./ticket-index.ts";

const rule = { closedStatuses: ["Zamknięte"] };
const warsaw = createWallClock("Europe/Warsaw");
const never = new AbortController().signal;

let folder: string;
let clock: VirtualClock;
let source: ScriptedSource;
let log: EventLog;
let ids = 0;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "extractor-"));
  await world("2026-11-23T12:00:00.000Z", 1);
});
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true, force: true });
});

async function world(start: string, seed: number): Promise<void> {
  clock = new VirtualClock(start);
  source = new ScriptedSource(clock, seededRandom(seed));
  log = await openEmbeddedLog({
    folder: join(folder, `log-${start}-${seed}`),
    clock,
    logger: silentLogger,
    newId,
  });
  await log.ensureTopics(topics);
}

function newId(): string {
  ids += 1;
  return `id-${ids}`;
}

function open(overLog: EventLog = log, index = "index"): Promise<Extractor> {
  const deps = {
    source,
    log: holding(overLog, clock),
    index: TicketIndex.open(join(folder, index), "acme", rule),
    clock,
    logger: silentLogger,
    random: () => 0.5,
    newId,
  };
  return Extractor.open(deps, {
    system: "acme",
    zone: "Europe/Warsaw",
    requestsPerSecond: 1000,
    pageSize: 10,
    sliceTickets: 40,
  });
}

async function catchUp(extractor: Extractor) {
  try {
    return await extractor.catchUp(never);
  } finally {
    await extractor.close();
  }
}

/** Stamps a ticket with the present minute of the source. */
function touch(id: string, fields: object = {}, messages: readonly object[] = []): void {
  const raw = warsaw.toText(clock.now());
  const stamps = {
    updated_at_raw: raw,
    updated_at: instantOf(clock.now() - (clock.now() % 60_000)),
  };
  const created = source.tickets.has(id)
    ? {}
    : { created_at_raw: raw, created_at: stamps.updated_at };
  source.put({ ticket_id: id, ...created, ...stamps, ...fields }, messages);
}

/** Tickets created over the 30 days before now. */
function populate(count: number): void {
  for (let n = 0; n < count; n += 1) {
    const atMs = clock.now() - (n + 1) * 3_600_000;
    const stamps = {
      created_at_raw: warsaw.toText(atMs),
      updated_at_raw: warsaw.toText(atMs),
      created_at: instantOf(atMs),
      updated_at: instantOf(atMs),
    };
    source.put({ ticket_id: String(n), ...stamps }, [{ message_id: `${n}-1` }]);
  }
}

async function recordsOf(topic: string): Promise<LogRecord[]> {
  const ranges = await log.ends(topic);
  const left = new Set(ranges.filter(({ end }) => end > 0).map(({ partition }) => partition));
  const reader = await log.openReader({ topics: [topic], startAt: "earliest" });
  const records: LogRecord[] = [];
  while (left.size > 0) {
    const delivery = await reader.next({ timeoutMs: 1000 });
    if (delivery.kind !== "batch") continue;
    records.push(...delivery.records);
    if (delivery.nextPosition >= (ranges[delivery.partition]?.end ?? 0))
      left.delete(delivery.partition);
  }
  await reader.close();
  return records;
}

const eventsOf = async (topic: string) =>
  (await recordsOf(topic)).map((record) => decodeJson(record) as ChangeEvent);
const ticketEvents = async (id?: string) =>
  ((await eventsOf("ticket-events")) as TicketEvent[]).filter(
    (event) => id === undefined || event.ticket_id === id,
  );

/** What the log's current state says, by ticket. */
async function heldState(): Promise<
  Map<string, { updated_at_raw: string; listed: boolean; messages: unknown[] }>
> {
  const held = new Map();
  for (const record of await recordsOf("tickets")) {
    const id = record.key?.split(":")[1] ?? "";
    if (record.value === null) held.delete(id);
    else held.set(id, decodeJson(record));
  }
  return held;
}

/** E1, E2: what is held equals the source, and every event is there once, in chains without a gap. */
async function expectTruth(): Promise<void> {
  const held = await heldState();
  const truth = new Map([...source.tickets].map(([id, { ticket }]) => [id, ticket.updated_at_raw]));
  expect(new Map([...held].map(([id, state]) => [id, state.updated_at_raw]))).toEqual(truth);
  for (const [id, state] of held)
    expect(state.messages).toHaveLength(source.tickets.get(id)?.messages.length ?? -1);
  for (const topic of ["ticket-events", "message-events"]) {
    const all = await eventsOf(topic);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    const known = new Set<string | null>([null, ...all.map(({ id }) => id)]);
    expect(all.filter(({ previous_event_id }) => !known.has(previous_event_id))).toEqual([]);
  }
}

describe("the extractor", () => {
  it("E1, E2: backfills everything once, and a second run on a still source adds nothing", async () => {
    populate(137);
    expect(await catchUp(await open())).toMatchObject({
      tickets: 137,
      ticketEvents: 137,
      messageEvents: 137,
      holes: 0,
    });
    await expectTruth();
    expect(await catchUp(await open())).toMatchObject({
      tickets: 137,
      ticketEvents: 0,
      messageEvents: 0,
      deleted: 0,
    });
    expect(
      (await ticketEvents()).every(
        ({ type, origin, kinds }) =>
          type === "thulium.ticket.created" && origin === "backfill" && kinds[0] === "created",
      ),
    ).toBe(true);
  });

  it("E1: a backfill among changes, creations and deletes ends equal to the source", async () => {
    for (let seed = 1; seed <= 8; seed += 1) {
      await log.close();
      await world("2026-11-23T12:00:00.000Z", seed);
      populate(120);
      const random = seededRandom(seed * 77);
      source.afterEach = (_request, requests) => {
        if (requests > 60) return;
        const id = String(Math.floor(random() * 130));
        if (random() < 0.2) source.tickets.delete(id);
        else
          touch(
            id,
            { subject: `seed ${seed} request ${requests}` },
            random() < 0.5
              ? [{ message_id: `${id}-${requests}`, type: "REPLY", user_login: "ala" }]
              : [],
          );
      };
      const extractor = await open(log, `index-${seed}`);
      await extractor.catchUp(never);
      source.afterEach = () => {};
      await catchUp(extractor);
      // The census leaves alone what was created in the five minutes before it.
      await clock.advance(600_000);
      await catchUp(await open(log, `index-${seed}`));
      await expectTruth();
    }
  });

  it("tells what changed: kinds, before and after, in a chain", async () => {
    populate(3);
    const extractor = await open();
    await extractor.catchUp(never);
    await clock.advance(600_000);
    touch(
      "1",
      { status_id: "9", full_status_name: "Zamknięte", user_login: "ala", tags: ["vip"] },
      [{ message_id: "r", type: "REPLY", user_login: "ala" }],
    );
    await catchUp(extractor);
    const [created, closed] = await ticketEvents("1");
    expect(closed).toMatchObject({
      type: "thulium.ticket.updated",
      version: 2,
      previous_event_id: created?.id,
      time_is_observation: false,
    });
    expect(new Set(closed?.kinds)).toEqual(
      new Set(["status_changed", "assigned", "tagged", "closed", "responded"]),
    );
    expect(closed?.changes).toContainEqual({ field: "status_id", before: "1", after: "9" });
    expect(closed?.changes).toContainEqual({ field: "tags", before: [], after: ["vip"] });
    await expectTruth();
  });

  it("finds silent changes at the next complete listing, and says that their time is ours", async () => {
    populate(5);
    await catchUp(await open());
    source.put({ ticket_id: "2", tags: ["cicho"] });
    await catchUp(await open());
    expect((await ticketEvents("2")).at(-1)).toMatchObject({
      kinds: ["tagged"],
      origin: "reread",
      time_is_observation: true,
    });
  });

  it("E3: a delete is confirmed twice; a ticket that left the list is told once and kept", async () => {
    populate(30);
    await catchUp(await open());
    source.tickets.delete("7");
    const merged = source.tickets.get("8");
    const exists = source.ticketExists.bind(source);
    const asked: string[] = [];
    source.ticketExists = async (id) => {
      asked.push(id);
      return id === "8" || exists(id);
    };
    source.tickets.delete("8");
    expect(await catchUp(await open())).toMatchObject({ deleted: 1, ticketEvents: 2 });
    expect(asked.filter((id) => id === "7")).toHaveLength(2);
    expect((await ticketEvents("7")).at(-1)).toMatchObject({
      type: "thulium.ticket.deleted",
      ticket: { ticket_id: "7" },
    });
    expect((await ticketEvents("8")).at(-1)).toMatchObject({ kinds: ["unlisted"] });
    expect(await catchUp(await open())).toMatchObject({ ticketEvents: 0 });
    const held = await heldState();
    expect([held.has("7"), held.get("8")?.listed]).toEqual([false, false]);
    if (merged !== undefined) source.tickets.set("8", merged);
    await catchUp(await open());
    expect((await heldState()).get("8")?.listed).toBe(true);
  });

  it("E3: refuses a census that would delete more than max(50, 2 %), and one without the permission to ask", async () => {
    populate(120);
    await catchUp(await open());
    for (let n = 0; n < 60; n += 1) source.tickets.delete(String(n));
    const extractor = await open();
    expect(await extractor.catchUp(never)).toMatchObject({ deleted: 0 });
    expect(extractor.status().census?.refused).toContain("60 tickets seem deleted");
    await extractor.close();
    expect((await heldState()).size).toBe(120);
    source.ticketExists = async () => false;
    const blind = await open();
    await blind.catchUp(never);
    expect(blind.status().census?.refused).toContain("no delete is believed");
    await blind.close();
  });

  it("reads all but the ticket that always fails, remembers the hole over a restart and fills it when it can", async () => {
    populate(60);
    source.failWith = (request) =>
      source.wouldShow(request).includes("17") ? new Failure("InvalidResponse", "broken") : null;
    const first = await open();
    const summary = await first.catchUp(never);
    expect(summary.tickets).toBe(59);
    expect(summary.holes).toBeGreaterThan(0);
    await first.close();
    source.failWith = () => null;
    const second = await open();
    expect(second.status().holes).toBe(summary.holes);
    const controller = new AbortController();
    const running = second.run(controller.signal);
    const end = clock.now() + 300_000;
    while (clock.now() < end) await new Promise((resolve) => setImmediate(resolve));
    expect(second.status().holes).toBe(0);
    controller.abort();
    await running;
    await second.close();
    await expectTruth();
  });

  it("E2: a repair takes a held ticket that a hole hides for neither deleted nor merged", async () => {
    populate(20);
    const extractor = await open();
    await extractor.catchUp(never);
    source.failWith = (request) =>
      source.wouldShow(request).includes("17") ? new Failure("InvalidResponse", "broken") : null;
    const minutes = ["16", "17"].map(
      (id) => source.tickets.get(id)?.ticket.created_at_raw?.slice(0, 16) ?? "",
    );
    await extractor.repair(minutes, never);
    await extractor.close();
    expect((await ticketEvents("17")).map(({ kinds }) => kinds)).toEqual([["created"]]);
  });

  it("E1: loses nothing in the October night, when an hour is shown twice", async () => {
    await log.close();
    await world("2026-10-24T22:00:00.000Z", 5);
    populate(40);
    const extractor = await open();
    await extractor.catchUp(never);
    const random = seededRandom(9);
    const controller = new AbortController();
    const running = extractor.run(controller.signal);
    // Three hours over the change, a change a minute on average.
    for (let step = 0; step < 180; step += 1) {
      const target = Date.parse("2026-10-24T23:00:00.000Z") + step * 60_000;
      while (clock.now() < target) await new Promise((resolve) => setImmediate(resolve));
      touch(String(Math.floor(random() * 40)), { subject: `minute ${step}` });
    }
    const end = clock.now() + 600_000;
    while (clock.now() < end) await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    await running;
    await extractor.close();
    await expectTruth();
  });

  it("E1: loses nothing when it was down from the first pass of the repeated hour into the second", async () => {
    await log.close();
    await world("2026-10-25T00:40:00.000Z", 6);
    populate(40);
    await catchUp(await open());
    for (let n = 0; n < 20; n += 1) {
      await clock.advance(150_000);
      touch(String(n), { subject: `second pass ${n}` });
    }
    expect(warsaw.toText(clock.now())).toBe("2026-10-25 02:30");
    const extractor = await open();
    const controller = new AbortController();
    const running = extractor.run(controller.signal);
    while (clock.now() < Date.parse("2026-10-25T02:00:00.000Z"))
      await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    await running;
    await extractor.close();
    await expectTruth();
  });

  it("E5: a kill between the append and the index loses and doubles nothing, nor does one before the append", async () => {
    populate(60);
    for (let crashAt = 1; crashAt <= 12; crashAt += 1) {
      touch(String(crashAt), { subject: `crash ${crashAt}` });
      const dying = crashing(log, crashAt);
      const extractor = await open(dying).catch(() => null);
      await extractor?.catchUp(never).catch(() => {});
      await extractor?.close();
    }
    await catchUp(await open());
    await expectTruth();
  });

  it("E5: an append that failed after it happened is not repeated", async () => {
    populate(60);
    const extractor = await open(unsure(log));
    expect(await catchUp(extractor)).toMatchObject({ tickets: 60 });
    await expectTruth();
  });

  it("keeps a ticket that no record can hold from blocking the others: it becomes a dead letter", async () => {
    populate(35);
    source.put({ ticket_id: "17" }, [{ message_id: "huge", body: "x".repeat(20_000) }]);
    const small = withAppend(log, async (writer, batch) => {
      const large = batch.find(
        ({ value, topic }) => topic !== "dead-letters" && (value?.length ?? 0) > 10_000,
      );
      if (large !== undefined) throw new Failure("TooLarge", `record ${large.key} is too large`);
      await writer.append(batch);
    });
    expect(await catchUp(await open(small))).toMatchObject({ tickets: 34, deadLetters: 1 });
    expect((await recordsOf("dead-letters")).map((record) => decodeJson(record))).toMatchObject([
      { key: "17", reason: "TooLarge" },
    ]);
    expect((await heldState()).has("17")).toBe(false);
  });

  it("waits for a log that is away, and goes on", async () => {
    populate(30);
    let refusals = 5;
    const away = withAppend(log, async (writer, batch) => {
      refusals -= 1;
      if (refusals >= 0) throw new Failure("Unavailable", "broker is away");
      await writer.append(batch);
    });
    expect(await catchUp(await open(away))).toMatchObject({ tickets: 30 });
    await expectTruth();
  });

  it("L4: stops when another extractor took over", async () => {
    populate(20);
    const older = await open();
    const newer = await open(log, "other-index");
    await expect(older.catchUp(never)).rejects.toMatchObject({ code: "Fenced" });
    await older.close();
    await catchUp(newer);
    await expectTruth();
  });

  it("rebuilds the index from the log when it is lost", async () => {
    populate(30);
    await catchUp(await open());
    touch("3", { subject: "later" });
    expect(await catchUp(await open(log, "fresh-index"))).toMatchObject({
      tickets: 30,
      ticketEvents: 1,
    });
    await expectTruth();
  });
});

/** A log whose process dies at its n-th append: in turns before it, and right after it became durable. */
function crashing(inner: EventLog, crashAt: number): EventLog {
  let appends = 0;
  return withAppend(inner, async (writer, batch) => {
    appends += 1;
    if (appends < crashAt) return writer.append(batch);
    if (appends === crashAt && crashAt % 2 === 0) await writer.append(batch);
    throw new Failure("Invariant", "killed");
  });
}

/** A log whose every third append reports a time-out although it happened. */
function unsure(inner: EventLog): EventLog {
  let appends = 0;
  return withAppend(inner, async (writer, batch) => {
    appends += 1;
    await writer.append(batch);
    if (appends % 3 === 0) throw new Failure("TimedOut", "no answer");
  });
}

function withAppend(
  inner: EventLog,
  append: (writer: LogWriter, batch: Parameters<LogWriter["append"]>[0]) => Promise<void>,
): EventLog {
  return {
    ensureTopics: (specs) => inner.ensureTopics(specs),
    openReader: (options) => inner.openReader(options),
    ends: (topic) => inner.ends(topic),
    positionsAt: (topic, atMs) => inner.positionsAt(topic, atMs),
    purge: (before) => inner.purge(before),
    close: () => Promise.resolve(),
    openWriter: async (id) => {
      const writer = await inner.openWriter(id);
      return { append: (batch) => append(writer, batch), close: () => writer.close() };
    },
  };
}
