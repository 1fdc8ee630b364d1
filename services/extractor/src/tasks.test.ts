import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  decodeJson,
  type EventLog,
  encodeJson,
  Failure,
  instantOf,
  type PageRequest,
  silentLogger,
  type TaskCommand,
  type TaskRequest,
  type TaskState,
  type TicketState,
  topics,
} from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { holding, ScriptedSource, seededRandom, VirtualClock } from "@thulium-stream/kit";
import { batchesToEnd } from "@thulium-stream/runtime";
import { createWallClock } from "@thulium-stream/thulium-api";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { firstBucket } from "./census.ts";
import { Extractor } from "./extractor.ts";
import type { ExtractorOptions } from "./extractor-options.ts";
import { readExtractorState } from "./extractor-state.ts";
import { applyCommand, everything, forgettable, newTask } from "./tasks.ts";
import { TicketIndex } from "./ticket-index.ts";

const warsaw = createWallClock("Europe/Warsaw");
const never = new AbortController().signal;
const at = instantOf(0);
const hourMs = 3_600_000;
const rule = { closedStatuses: ["Zamknięte"] };

let folder: string;
let clock: VirtualClock;
let source: ScriptedSource;
let log: EventLog;
let ids = 0;
const newId = () => {
  ids += 1;
  return `id-${ids}`;
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "tasks-"));
  clock = new VirtualClock("2026-11-23T12:00:00.000Z");
  source = new ScriptedSource(clock, seededRandom(1));
  log = await openEmbeddedLog({ folder: join(folder, "log"), clock, logger: silentLogger, newId });
  await log.ensureTopics(topics);
});
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(
  options: Partial<ExtractorOptions> = {},
  overLog: EventLog = holding(log, clock),
): Promise<Extractor> {
  const deps = {
    source,
    log: overLog,
    index: TicketIndex.open(join(folder, "index"), "acme", rule),
    clock,
    logger: silentLogger,
    random: () => 0.5,
    newId,
  };
  const own = { system: "acme", zone: "Europe/Warsaw", pageSize: 10, sliceTickets: 40 };
  return Extractor.open(deps, { ...own, requestsPerSecond: 1000, ...options });
}

/** One ticket an hour, back from now. */
function populate(count: number, fields: object = {}): void {
  for (let n = 0; n < count; n += 1) {
    const atMs = clock.now() - (n + 1) * hourMs;
    const raw = warsaw.toText(atMs);
    const stamps = { created_at_raw: raw, updated_at_raw: raw };
    const instants = { created_at: instantOf(atMs), updated_at: instantOf(atMs) };
    source.put({ ticket_id: String(n), ...stamps, ...instants, ...fields });
  }
}

async function tell(command: TaskCommand): Promise<void> {
  const writer = await log.openWriter(`commands.${newId()}`);
  await writer.append([{ topic: "commands", key: command.system, value: encodeJson(command) }]);
  await writer.close();
}
const start = (task_id: string, request: TaskRequest): TaskCommand => ({
  command: "start",
  system: "acme",
  task_id,
  request,
  requested_at: instantOf(clock.now()),
});
const change = (command: "pause" | "resume" | "cancel", task_id: string): TaskCommand => ({
  command,
  system: "acme",
  task_id,
  requested_at: instantOf(clock.now()),
});
const stateOf = async (id: string) => (await readExtractorState(log, "acme")).tasks.get(id);

async function held(): Promise<Map<string, TicketState>> {
  const states = new Map<string, TicketState>();
  for await (const { records } of batchesToEnd(log, "tickets"))
    for (const record of records) {
      const id = record.key?.split(":")[1] ?? "";
      if (record.value === null) states.delete(id);
      else states.set(id, decodeJson(record) as TicketState);
    }
  return states;
}

/** Runs an extractor until `isDone` holds, looked at every ten virtual seconds. */
async function runUntil(
  isDone: () => Promise<boolean> | boolean,
  options: Partial<ExtractorOptions> = {},
): Promise<void> {
  const extractor = await open(options);
  const stop = new AbortController();
  const running = extractor.run(stop.signal);
  const latestMs = clock.now() + 48 * hourMs;
  try {
    while (!(await clock.hold(Promise.resolve(isDone())))) {
      if (clock.now() > latestMs) throw new Error("it did not happen within two days");
      await clock.sleep(10_000);
    }
  } finally {
    stop.abort();
    await running;
    await extractor.close();
  }
}

describe("a task", () => {
  const tasks = (...states: TaskState["state"][]) =>
    new Map(
      states.map((state) => [state, { ...newTask("acme", state, everything, at), state }] as const),
    );

  it("is made by the first command to start it, and by no second one", () => {
    expect(applyCommand(new Map(), start("a", everything), at)).toMatchObject({ state: "waiting" });
    expect(applyCommand(tasks("running"), start("running", everything), at)).toBe(null);
  });

  it.each([
    ["pause", "waiting", "paused"],
    ["pause", "running", "paused"],
    ["resume", "paused", "waiting"],
    ["resume", "running", undefined],
    ["cancel", "running", "cancelled"],
    ["cancel", "paused", "cancelled"],
    ["pause", "done", undefined],
    ["cancel", "done", undefined],
    ["resume", "cancelled", undefined],
  ] as const)("%s makes of a %s one: %s", (command, state, after) => {
    expect(applyCommand(tasks(state), change(command, state), at)?.state).toBe(after);
  });

  it("is forgotten when twenty newer ones have ended, and never while it is open", () => {
    const many = Array.from({ length: 23 }, (_, n) => ({
      ...newTask("acme", `t${n}`, everything, instantOf(n * 1000)),
      state: n === 0 ? ("paused" as const) : ("done" as const),
    }));
    expect(forgettable(new Map(many.map((task) => [task.task_id, task])))).toEqual(["t2", "t1"]);
  });
});

describe("commands", () => {
  it("start a backfill that reaches behind BACKFILL_FROM, and one of a single queue", async () => {
    populate(60);
    const options = { backfillFrom: "2026-11-23" };
    const tickets = await (async () => {
      const extractor = await open(options);
      const summary = await extractor.catchUp(never);
      await extractor.close();
      return summary.tickets;
    })();
    expect(tickets).toBeLessThan(20);
    const odd = source.tickets.get("33")?.ticket;
    source.put({ ticket_id: "33", ...odd, ticket_queue_id: "7" });
    const range = { created_from: "2026-11-21 00:00", created_to: "2026-11-22 23:59" };
    await tell(start("queue", { ...everything, ...range, queue_ids: ["7", "99"] }));
    await runUntil(async () => (await stateOf("queue"))?.state === "done", options);
    expect((await held()).size).toBe(tickets + 1);
    expect(await stateOf("queue")).toMatchObject({
      tickets: 1,
      note: "no ticket of this range is in queue 99",
    });
    await tell(start("range", { ...everything, ...range }));
    await runUntil(async () => (await stateOf("range"))?.state === "done", options);
    expect((await held()).size).toBe(60);
  });

  it("estimate without reading a ticket's page", async () => {
    populate(95);
    await tell(start("guess", { ...everything, estimate_only: true }));
    const asked: PageRequest[] = [];
    source.afterEach = (request) => asked.push(request);
    await runUntil(async () => (await stateOf("guess"))?.state === "estimated", {
      sliceTickets: 1000,
    });
    expect(await stateOf("guess")).toMatchObject({ expected: 95, requests_expected: 10 });
    expect((await readExtractorState(log, "acme")).slices.has("guess:0")).toBe(false);
  });

  it("pause a backfill across a restart; resumed, it goes on where it was; each command counts once", async () => {
    populate(400);
    const slow = { requestsPerSecond: 2, parallelSlices: 1, pollIntervalMs: 600_000 };
    const slicesDone = async () => (await stateOf("first"))?.slices_done ?? 0;
    await runUntil(async () => (await slicesDone()) >= 4, slow);
    await tell(change("pause", "first"));
    await runUntil(async () => (await stateOf("first"))?.state === "paused", slow);
    const done = await slicesDone();
    const asked: PageRequest[] = [];
    source.afterEach = (request) => asked.push(request);
    const restMs = clock.now() + hourMs;
    await runUntil(() => clock.now() > restMs, slow);
    expect(asked.filter(({ limit, created }) => limit > 1 && created !== undefined)).toEqual([]);
    expect(await slicesDone()).toBe(done);
    asked.length = 0;
    const left = [...(await readExtractorState(log, "acme")).slices.values()].filter(
      (slice) => !slice.done,
    );
    const goesOnAt = left.map((slice) => slice.resume_from ?? slice.created_from).sort()[0] ?? "";
    expect(goesOnAt > "2026-11-10").toBe(true);
    await tell(change("resume", "first"));
    await runUntil(async () => (await stateOf("first"))?.state === "done", slow);
    const listed = asked.filter(({ limit, created }) => limit > 1 && created !== undefined);
    expect(listed.map(({ created }) => created?.from ?? "").sort()[0]).toBe(goesOnAt);
    expect((await readExtractorState(log, "acme")).checkpoint?.commands_position).toBe(2);
    expect((await held()).size).toBe(400);
  });

  it("cancel a backfill: what was read stays, nothing of its plan does", async () => {
    populate(400);
    const slow = { requestsPerSecond: 2, parallelSlices: 1, pollIntervalMs: 600_000 };
    await runUntil(async () => ((await stateOf("first"))?.slices_done ?? 0) >= 3, slow);
    await tell(change("cancel", "first"));
    await runUntil(async () => (await stateOf("first"))?.state === "cancelled", slow);
    const state = await readExtractorState(log, "acme");
    expect(state.slices.size).toBe(0);
    expect((await held()).size).toBeGreaterThan(50);
    const extractor = await open();
    expect((await extractor.catchUp(never)).tickets).toBe(400);
    await extractor.close();
  });

  it("that are none are passed over", async () => {
    const writer = await log.openWriter("commands.stranger");
    await writer.append([
      { topic: "commands", key: "acme", value: encodeJson({ command: "explode" }) },
      { topic: "commands", key: "other", value: encodeJson(start("theirs", everything)) },
    ]);
    await tell(start("ours", { kind: "reread" }));
    await runUntil(async () => (await stateOf("ours"))?.state === "done");
    expect(await stateOf("theirs")).toBe(undefined);
  });
});

describe("the extractor's state", () => {
  it("of another version is refused by name; a heartbeat of another version tells nothing", async () => {
    const writer = await log.openWriter("stranger");
    await writer.append([
      { topic: "extractor-state", key: "acme:status", value: encodeJson({ system: "acme" }) },
    ]);
    expect((await readExtractorState(log, "acme")).heartbeat).toBe(null);
    const slice = { topic: "extractor-state", key: "acme:slice:first:0" };
    await writer.append([{ ...slice, value: encodeJson({ system: "acme" }) }]);
    await expect(readExtractorState(log, "acme")).rejects.toMatchObject({
      code: "CorruptRecord",
      message: expect.stringMatching(/^extractor-state@1, acme:slice:first:0: task_id /),
    });
  });
});

it("ends within seconds when the log is away, and tells an orderly end when it is not", async () => {
  populate(5);
  let isAway = false;
  const real = holding(log, clock);
  const extractor = await open(
    {},
    new Proxy(real, {
      get: (target, name) =>
        name === "openWriter"
          ? async (id: string) => {
              const writer = await target.openWriter(id);
              const append: typeof writer.append = (batch) =>
                isAway
                  ? Promise.reject(new Failure("Unavailable", "the broker is away"))
                  : writer.append(batch);
              return { append, close: () => writer.close() };
            }
          : Reflect.get(target, name),
    }),
  );
  const stop = new AbortController();
  const running = extractor.run(stop.signal);
  await clock.sleep(60_000);
  isAway = true;
  stop.abort();
  const abortedMs = clock.now();
  await running;
  expect(clock.now() - abortedMs).toBeLessThan(5_000);
  expect((await readExtractorState(log, "acme")).heartbeat?.is_running).toBe(true);
  isAway = false;
  await extractor.close();
  await runUntil(() => true);
  expect((await readExtractorState(log, "acme")).heartbeat?.is_running).toBe(false);
});

it("leaves what a task has come to with its pages, not with heartbeats", async () => {
  populate(400);
  const slow = { requestsPerSecond: 2, parallelSlices: 1, pollIntervalMs: 600_000 };
  await runUntil(async () => ((await stateOf("first"))?.tickets ?? 0) >= 60, slow);
  const parts = new Map<string, Set<string>>();
  for await (const { records } of batchesToEnd(log, "extractor-state"))
    for (const { key, headers } of records) {
      const append = headers["ts_append"] ?? "";
      const part = key?.split(":")[1] ?? "";
      parts.set(append, (parts.get(append) ?? new Set()).add(part));
    }
  const appends = [...parts.values()];
  const withTask = appends.filter((told) => told.has("task") && told.has("slice"));
  expect(withTask.length).toBeGreaterThan(4);
  expect(appends.filter((told) => told.has("status"))).not.toEqual([]);
  expect(
    appends.filter((told) => told.has("status") && told.has("task") && !told.has("slice")),
  ).toEqual([]);
});

describe("the census by counts", () => {
  it("cuts buckets only where nothing was created for three minutes", () => {
    const tickets = ["08:00", "08:01", "08:03", "08:06", "08:07", "09:00"].map((time, n) => ({
      ticketId: String(n),
      created: `2026-11-23 ${time}`,
      listed: n !== 1,
    }));
    const bucket = firstBucket(tickets, 2);
    expect(bucket).toEqual({
      from: "2026-11-23 08:00",
      to: "2026-11-23 08:03",
      listedIds: ["0", "2"],
    });
    expect(firstBucket(tickets.slice(3), 1)?.to).toBe("2026-11-23 08:07");
    expect(firstBucket([], 5)).toBe(null);
  });

  it("E3: finds a delete at the next scheduled time, for one request a bucket and the pages of the one that differs", async () => {
    populate(400);
    await runUntil(async () => (await stateOf("first"))?.state === "done");
    source.tickets.delete("222");
    const asked: PageRequest[] = [];
    source.afterEach = (request) => asked.push(request);
    const deletedBeforeMs = clock.now() + hourMs + 60_000;
    await clock.advance(25 * 60_000);
    await runUntil(async () => !(await held()).has("222"), { rereadEveryMs: 100 * hourMs });
    expect(clock.now()).toBeLessThan(deletedBeforeMs);
    const census = asked.filter(({ created }) => created !== undefined);
    expect(census.filter(({ limit }) => limit === 1)).toHaveLength(10);
    expect(census.filter(({ limit }) => limit > 1).length).toBeLessThan(8);
    expect(await stateOf("census")).toMatchObject({ note: "1 deleted, 0 merged" });
  });

  it("E3: more deletes than the guard lets pass are believed on command only", async () => {
    populate(120);
    await runUntil(async () => (await stateOf("first"))?.state === "done");
    for (let n = 20; n < 90; n += 1) source.tickets.delete(String(n));
    await tell(start("look", { kind: "census", believe_deletes: false }));
    await runUntil(async () => (await stateOf("look"))?.state === "done");
    expect((await stateOf("look"))?.note).toContain("70 tickets seem deleted");
    expect((await held()).size).toBe(120);
    await tell(start("believe", { kind: "census", believe_deletes: true }));
    await runUntil(async () => (await stateOf("believe"))?.state === "done");
    expect((await held()).size).toBe(50);
  });
});

it("E3: a ticket about which the source gives no answer stays undecided, and stops nothing else", async () => {
  populate(60);
  await runUntil(async () => (await stateOf("first"))?.state === "done");
  for (const id of ["30", "31"]) source.tickets.delete(id);
  const exists = source.ticketExists.bind(source);
  // The missing one, and all but one of the listed ones that are asked for first.
  const silent = new Set(["30", "59", "58", "57"]);
  source.ticketExists = async (id) => {
    if (silent.has(id)) throw new Failure("Unavailable", "the source answered 500");
    return exists(id);
  };
  await tell(start("look", { kind: "census", believe_deletes: false }));
  await runUntil(async () => (await stateOf("look"))?.state === "done");
  expect([(await held()).has("30"), (await held()).has("31")]).toEqual([true, false]);
  silent.clear();
  await tell(start("again", { kind: "census", believe_deletes: false }));
  await runUntil(async () => (await stateOf("again"))?.state === "done");
  expect((await held()).has("30")).toBe(false);
});

it("E3: tasks that miss the same ticket at once tell one delete", async () => {
  populate(60);
  await runUntil(async () => (await stateOf("first"))?.state === "done");
  source.tickets.delete("30");
  for (const id of ["a", "b"]) await tell(start(id, { kind: "census", believe_deletes: false }));
  await tell(start("c", everything));
  await runUntil(async () => (await stateOf("c"))?.state === "done");
  const notes = await Promise.all(["a", "b", "c"].map(async (id) => (await stateOf(id))?.note));
  expect(notes.filter((note) => note === "1 deleted, 0 merged")).toHaveLength(1);
  expect(notes.filter((note) => note === null)).toHaveLength(2);
});

describe("schedules", () => {
  it("list everything again each night, make up for a night that was missed, and tell as of when all agrees", async () => {
    populate(30);
    await runUntil(async () => (await stateOf("first"))?.state === "done");
    source.put({ ticket_id: "12", tags: ["cicho"] });
    await clock.advance(30 * hourMs);
    const startedMs = clock.now();
    await runUntil(async () => (await stateOf("complete"))?.state === "done", {
      censusSchedule: "off",
      rereadEveryMs: 100 * hourMs,
    });
    expect(clock.now() - startedMs).toBeLessThan(60_000);
    expect((await held()).get("12")?.tags).toEqual(["cicho"]);
    const { checkpoint } = await readExtractorState(log, "acme");
    // What was created in the last minutes before it began is the live sweep's.
    const beganMs = Date.parse((await stateOf("complete"))?.started_at ?? "");
    const agreedMs = Date.parse(checkpoint?.agreed_as_of ?? "");
    expect(beganMs - agreedMs).toBeGreaterThanOrEqual(120_000);
    expect(beganMs - agreedMs).toBeLessThan(240_000);
  });

  it("read the last days again when BACKFILL_SCHEDULE says so", async () => {
    populate(100);
    await runUntil(async () => (await stateOf("first"))?.state === "done");
    await runUntil(async () => (await stateOf("scheduled-backfill"))?.state === "done", {
      backfillSchedule: "30 13 * * *",
      backfillDays: 2,
    });
    expect((await stateOf("scheduled-backfill"))?.request).toMatchObject({
      created_from: "2026-11-21 13:30",
    });
  });
});

it("an extractor that starts goes on from the limit that the last one found", async () => {
  populate(200);
  let refuses = true;
  const list = source.listTickets.bind(source);
  const recent: number[] = [];
  source.listTickets = async (request, signal) => {
    recent.push(clock.now());
    const second = recent.filter((ms) => ms > clock.now() - 1000).length;
    if (refuses && second > 10) throw new Failure("RateLimited", "slow down");
    return list(request, signal);
  };
  const options = { requestsPerSecond: 50, rereadEveryMs: 20_000, pollIntervalMs: 100 };
  const untilMs = clock.now() + 300_000;
  await runUntil(() => clock.now() > untilMs, options);
  const limit = (await readExtractorState(log, "acme")).heartbeat?.found_limit ?? 0;
  expect(limit).toBeGreaterThan(8);
  expect(limit).toBeLessThan(11);
  refuses = false;
  const next = await open(options);
  expect(next.status().requestRate).toBeCloseTo(limit, 1);
  await next.close();
});
