import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type EventLog,
  encodeJson,
  erasedHash,
  erasureKeyRecord,
  erasureRecord,
  Failure,
  type ObjectBody,
  type ObjectStore,
  recordOfEvent,
  silentLogger,
  type TicketEvent,
  topics,
} from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import {
  appendRecords,
  FaultyObjectStore,
  faultAt,
  makeTicket,
  makeTicketState,
  type ObjectStoreFault,
  VirtualClock,
} from "@thulium-stream/kit";
import { type BulkEncoder, openLakeQuery } from "@thulium-stream/lake";
import { createDuckdbEncoder } from "@thulium-stream/lake/duckdb";
import { createMemoryStore } from "@thulium-stream/lake/memory";
import { createParquetjsEncoder } from "@thulium-stream/lake/parquetjs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { describeLake, lakeViews } from "./lake-catalog.ts";
import { LakeWriter, type LakeWriterDeps } from "./lake-writer.ts";

const never = new AbortController().signal;
let folder: string;
let clock: VirtualClock;
let log: EventLog;
let ids = 0;
const letters: unknown[] = [];
type Encoder = "parquetjs-lite" | "duckdb";
let duckdb: BulkEncoder;
beforeAll(async () => {
  duckdb = await createDuckdbEncoder({
    tempFolder: join(tmpdir(), `lake-writer-${process.pid}`),
    newId,
  });
});
afterAll(async () => {
  await duckdb.close();
  rmSync(join(tmpdir(), `lake-writer-${process.pid}`), { recursive: true, force: true });
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "lake-writer-"));
  clock = new VirtualClock("2026-11-23T22:00:00.000Z");
  log = await openEmbeddedLog({ folder: join(folder, "log"), clock, logger: silentLogger, newId });
  await log.ensureTopics(topics);
  letters.length = 0;
});
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true, force: true });
});

function newId(): string {
  ids += 1;
  return `id${String(ids).padStart(6, "0")}`;
}

function eventOf(n: number): TicketEvent {
  const observed = `2026-11-${n % 2 === 0 ? "23" : "24"}T00:00:00.000Z`;
  return {
    type: "thulium.ticket.created",
    id: String(n).padStart(26, "a"),
    system: "acme",
    ticket_id: String(n),
    time: observed,
    time_is_observation: false,
    observed_at: observed,
    origin: "backfill",
    version: 1,
    previous_event_id: null,
    source_updated_at: null,
    source_updated_at_ambiguous: false,
    kinds: ["created"],
    changes: [{ field: "tags", before: null, after: ["a"] }],
    derived: [],
    ticket: makeTicket({ ticket_id: String(n), subject: `Zażółć ${n}` }),
  };
}

async function append(from: number, count: number): Promise<void> {
  const writer = await log.openWriter("w");
  await writer.append(Array.from({ length: count }, (_, n) => recordOfEvent(eventOf(from + n), 1)));
  await writer.close();
}

function writerOn(
  store: ObjectStore,
  { encoder = "parquetjs-lite", ...changed }: { encoder?: Encoder } & Partial<LakeWriterDeps> = {},
): LakeWriter {
  // Without DuckDB no states are merged: what kills do to a merge is seen in its own tests, and beside the bulk encoder here.
  const encoders = {
    parquetjs: createParquetjsEncoder({ newId }),
    duckdb: encoder === "duckdb" ? duckdb : null,
  };
  const limits = { flushIntervalMs: 1000, flushRows: 10, flushBytes: 1e9 };
  return new LakeWriter(
    {
      log,
      store,
      encoders,
      cache: { pathsOf: async () => [], clear: async () => {} },
      encoderSetting: encoder,
      tempFolder: join(folder, "temp"),
      clock,
      logger: silentLogger,
      newId,
      limits,
      deadLetter: async (letter) => void letters.push(letter),
      ...changed,
    },
    { system: "acme", zone: "Europe/Warsaw", snapshotSchedule: "off", mergeIntervalMs: 3_600_000 },
  );
}

/** Runs SQL over what a reader of the lake sees. */
async function query(store: ObjectStore, sql: string): Promise<readonly (readonly unknown[])[]> {
  const local = join(folder, "read");
  const views = [];
  for (const { name, objects, columns } of await lakeViews(store)) {
    const files: string[] = [];
    for (const { key } of objects) {
      const path = join(local, key);
      mkdirSync(join(path, ".."), { recursive: true });
      writeFileSync(path, (await store.get(key)) ?? "");
      files.push(path);
    }
    views.push({ name, columns, files });
  }
  await using lake = await openLakeQuery({ views });
  return (await lake.run(sql)).rows;
}

const counted = "select count(*), count(distinct id) from ticket_events";

describe("the lake writer", () => {
  it("writes every event once, laid by day, and goes on where the table stands", async () => {
    const store = createMemoryStore();
    await append(0, 25);
    await writerOn(store).flushUntil(never);
    await append(25, 5);
    expect(await writerOn(store).flushUntil(never)).toMatchObject({ rows: 5 });
    expect(await query(store, counted)).toEqual([[30, 30]]);
    expect(
      await query(
        store,
        "select ticket.subject, kinds, changes[1].after from ticket_events where ticket_id = '7'",
      ),
    ).toEqual([["Zażółć 7", ["created"], '["a"]']]);
    const { tables } = await describeLake(store);
    expect(tables[0]).toMatchObject({ name: "ticket_events", rows: 30 });
    const keys = (await lakeViews(store))
      .find(({ name }) => name === "ticket_events")
      ?.objects.map(({ key }) => key.split("/")[3]);
    expect(new Set(keys)).toEqual(new Set(["event_date=2026-11-23", "event_date=2026-11-24"]));
  });

  it("loses and doubles nothing when it is killed before or after any call to the store", async () => {
    await append(0, 30);
    const calm = new FaultyObjectStore(createMemoryStore(), () => undefined, clock);
    await writerOn(calm).flushUntil(never);
    const calls = calm.calls.length;
    expect(calls).toBeGreaterThan(15);
    const killed = new Failure("Invariant", "killed");
    for (const kind of ["reject", "fail-after"] as const) {
      for (let index = 0; index < calls; index += 1) {
        const durable = createMemoryStore();
        await expect(
          writerOn(faulty(durable, index, { kind, everyLater: true, failure: killed })).flushUntil(
            never,
          ),
        ).rejects.toThrow();
        await writerOn(durable).flushUntil(never);
        expect([kind, index, ...(await query(durable, counted))]).toEqual([kind, index, [30, 30]]);
      }
    }
  }, 300_000);

  it("loses and doubles nothing when it is killed around calls to the store, with rows on the disk and DuckDB", async () => {
    await append(0, 4);
    const calm = new FaultyObjectStore(createMemoryStore(), () => undefined, clock);
    await writerOn(calm, { encoder: "duckdb" }).flushUntil(never);
    expect(readdirSync(join(folder, "temp"))).toEqual([]);
    const killed = new Failure("Invariant", "killed");
    // Every third call, by turns before and after it: all of them are tried with the other encoder.
    for (let index = 0; index < calm.calls.length; index += 3) {
      const kind = index % 2 === 0 ? "reject" : "fail-after";
      const durable = createMemoryStore();
      const dying = faulty(durable, index, { kind, everyLater: true, failure: killed });
      await expect(writerOn(dying, { encoder: "duckdb" }).flushUntil(never)).rejects.toThrow();
      await writerOn(durable, { encoder: "duckdb" }).flushUntil(never);
      expect([kind, index, ...(await query(durable, counted))]).toEqual([kind, index, [4, 4]]);
    }
  }, 300_000);

  it("loses and doubles nothing when any one call fails, happened or not, and the writer goes on", async () => {
    await append(0, 30);
    const timeout = new Failure("TimedOut", "no answer");
    for (const kind of ["reject", "fail-after"] as const) {
      for (let index = 0; index < 40; index += 1) {
        const durable = createMemoryStore();
        await writerOn(faulty(durable, index, { kind, failure: timeout })).flushUntil(never);
        expect([kind, index, ...(await query(durable, counted))]).toEqual([kind, index, [30, 30]]);
      }
    }
  }, 300_000);

  it("two writers racing for one table: one is overtaken, nothing is lost or doubled", async () => {
    const store = createMemoryStore();
    await append(0, 60);
    await Promise.all([
      writerOn(store).flushUntil(never),
      writerOn(store).run(AbortSignal.timeout(1500)),
    ]);
    await writerOn(store).flushUntil(never);
    expect(await query(store, counted)).toEqual([[60, 60]]);
  });

  it("sets a record that is no row aside, with its text, and writes the rest", async () => {
    const store = createMemoryStore();
    await append(0, 5);
    const writer = await log.openWriter("w");
    await writer.append([
      { topic: "ticket-events", key: "acme:1", value: new TextEncoder().encode("not json") },
      {
        topic: "ticket-events",
        key: "acme:2",
        value: encodeJson({ ...eventOf(99), version: "many" }),
      },
    ]);
    await append(5, 5);
    await writerOn(store).flushUntil(never);
    expect(await query(store, counted)).toEqual([[10, 10]]);
    expect(letters).toHaveLength(2);
    expect(letters[0]).toMatchObject({ reason: "CorruptRecord", stage: "log-record" });
    expect(letters).toContainEqual(expect.objectContaining({ raw: "not json", key: "acme:1" }));
  });

  it("a row that DuckDB refuses in bulk, though our own writer's mark is on it, is set aside, and the rest is written once", async () => {
    const store = createMemoryStore();
    await append(0, 5);
    const writer = await log.openWriter("w");
    const marked = { ts_append: "9", ts_observed_at: "2026-11-23T00:00:00.000Z" };
    await writer.append([
      {
        topic: "ticket-events",
        key: "acme:1",
        value: new TextEncoder().encode("{not json}"),
        headers: marked,
      },
      {
        topic: "ticket-events",
        key: "acme:2",
        value: encodeJson({ ...eventOf(99), version: "many" }),
        headers: marked,
      },
      { topic: "ticket-events", key: "acme:3", value: encodeJson(eventOf(50)) },
    ]);
    await append(5, 5);
    await writerOn(store, { encoder: "duckdb" }).flushUntil(never);
    expect(await query(store, counted)).toEqual([[11, 11]]);
    const keys = new Set(letters.map((letter) => (letter as { key: string }).key));
    expect(keys).toEqual(new Set(["acme:1", "acme:2"]));
    expect(letters).toContainEqual(
      expect.objectContaining({ detail: expect.stringContaining("column version") }),
    );
  });

  it("a full disk is told with what to do, and nothing is lost by it", async () => {
    const store = createMemoryStore();
    await append(0, 30);
    let isFull = true;
    const warnings: string[] = [];
    const temp = join(folder, "temp");
    mkdirSync(temp);
    await writerOn(store, {
      encoder: "duckdb",
      logger: {
        ...silentLogger,
        warn: (fields) => {
          warnings.push(JSON.stringify(fields));
          isFull = false;
        },
      },
      // Every write to the device behind the link fails with ENOSPC.
      newId: () => {
        const id = newId();
        if (isFull) symlinkSync("/dev/full", join(temp, `${id}.ndjson`));
        return id;
      },
    }).flushUntil(never);
    expect(warnings[0]).toMatch(
      /Unavailable.*writing rows to .*ENOSPC.*Make room on the disk of STATE_DIR/,
    );
    expect(await query(store, counted)).toEqual([[30, 30]]);
  });

  it("partitions that go to another writer in the middle of a flush lose and double nothing", async () => {
    const store = createMemoryStore();
    await append(0, 40);
    let reached = () => {};
    const putting = new Promise<void>((resolve) => {
      reached = resolve;
    });
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const put = store.put.bind(store);
    store.put = async (key: string, body: ObjectBody) => {
      if (key.endsWith(".parquet")) {
        reached();
        await released;
      }
      await put(key, body);
    };
    const stop = new AbortController();
    const first = writerOn(store, { encoder: "duckdb" }).run(stop.signal);
    await putting;
    const second = writerOn(store, { encoder: "duckdb" }).run(stop.signal);
    await append(40, 20);
    release();
    const rows = async () => (await describeLake(store)).tables[0]?.rows ?? 0;
    await vi.waitUntil(async () => (await rows()) >= 60, { timeout: 60_000 });
    stop.abort();
    await Promise.all([first, second]);
    await writerOn(store, { encoder: "duckdb" }).flushUntil(never);
    expect(await query(store, counted)).toEqual([[60, 60]]);
  }, 300_000);

  it.each(["put", "putIfAbsent"] as const)(
    "that is told to stop while its store refuses each %s ends, and what waited is written by the next one",
    async (method) => {
      const durable = createMemoryStore();
      await writerOn(durable).flushUntil(never);
      await append(0, 30);
      const stop = new AbortController();
      let refused = 0;
      const refusing = new FaultyObjectStore(
        durable,
        (call) => {
          if (call.method !== method) return undefined;
          refused += 1;
          // In the midst of its tries.
          if (refused === 3) stop.abort();
          return { kind: "reject" };
        },
        clock,
      );
      await writerOn(refusing).run(stop.signal);
      // At most one more try of each table and call.
      expect(refused).toBeGreaterThanOrEqual(3);
      expect(refused).toBeLessThan(8);
      expect(readdirSync(join(folder, "temp"))).toEqual([]);
      await writerOn(durable).flushUntil(never);
      expect(await query(durable, counted)).toEqual([[30, 30]]);
    },
  );

  it("goes on, and looks again, when an erasure meets something that was let go meanwhile", async () => {
    const store = new FaultyObjectStore(createMemoryStore(), () => undefined, clock);
    await append(0, 30);
    await writerOn(store).flushUntil(never);
    const key = "k".repeat(64);
    const instant = "2026-11-23T00:00:00.000Z";
    await appendRecords(log, [
      erasureKeyRecord("acme", key),
      erasureRecord({
        ...{ system: "acme", erasure_id: "e1", subject: "ticket", state: "erased", revision: 1 },
        ...{ subject_hash: erasedHash(key, "ticket", "7"), ticket_hashes: [], log_ends: {} },
        ...{ requested_at: instant, erased_at: instant, tickets: 1, messages: 0 },
        ...{ dead_letters: 0, dead_letters_left: null },
      }),
    ]);
    const failure = new Failure("CorruptRecord", "a list of manifests is missing");
    const stop = new AbortController();
    let looks = 0;
    store.plan = ({ method, keys: [place] }) => {
      if (method !== "list" || place !== "tables/ticket_events/data/") return undefined;
      looks += 1;
      if (looks === 2) stop.abort();
      return looks === 1 ? { kind: "reject", failure } : undefined;
    };
    await writerOn(store).run(stop.signal);
    expect(looks).toBeGreaterThanOrEqual(2);
  }, 60_000);

  it("writes a snapshot of the state at one append: newest per key, without what is deleted", async () => {
    const store = createMemoryStore();
    const writer = await log.openWriter("w");
    const state = (n: number, version: number) =>
      makeTicketState({ ticket_id: String(n), subject: `v${version}`, version });
    const put = (n: number, version: number, append: number) => ({
      topic: "tickets",
      key: `acme:${n}`,
      value: encodeJson(state(n, version)),
      headers: { ts_append: String(append) },
    });
    const checkpoint = (append: number) => ({
      topic: "extractor-state",
      key: "acme:checkpoint",
      value: encodeJson({
        system: "acme",
        append,
        sealed: null,
        backfill_done_at: null,
        observed_at: "2026-11-23T00:00:00.000Z",
      }),
    });
    await writer.append([
      put(1, 1, 1),
      put(2, 1, 1),
      put(3, 1, 1),
      {
        topic: "tickets",
        key: "other:9",
        value: encodeJson({ ...state(9, 1), system: "other" }),
        headers: { ts_append: "1" },
      },
      checkpoint(1),
    ]);
    await writer.append([
      put(1, 2, 2),
      { topic: "tickets", key: "acme:2", value: null, headers: { ts_append: "2" } },
      checkpoint(2),
    ]);
    await writer.append([put(3, 9, 3)]);
    const summary = await writerOn(store).writeSnapshot(never);
    expect(summary).toMatchObject({ tickets: 2, messages: 0 });
    expect(await query(store, "select ticket_id, subject from tickets order by ticket_id")).toEqual(
      [
        ["1", "v2"],
        ["3", "v1"],
      ],
    );
    // 23:00 local time: the folder's day is the local one.
    expect((await describeLake(store)).snapshots[0]).toMatchObject({
      complete: true,
      folder: expect.stringContaining("snapshot_date=2026-11-23/snapshot_at=20261123T220000Z"),
    });
  });

  it("names a foreign or newer table instead of writing into it", async () => {
    const store = createMemoryStore();
    await store.put("tables/ticket_events/metadata/v1.metadata.json", encodeJson({}));
    await expect(writerOn(store).flushUntil(never)).rejects.toThrow(
      /LAKE_URL holds a table of something else at tables\/ticket_events/,
    );
    const cut = new TextEncoder().encode("{cut");
    await store.put("tables/ticket_events/metadata/v1.metadata.json", cut);
    await expect(writerOn(store).flushUntil(never)).rejects.toMatchObject({
      code: "CorruptRecord",
    });
  });
});

function faulty(store: ObjectStore, index: number, fault: ObjectStoreFault): ObjectStore {
  return new FaultyObjectStore(store, faultAt(index, fault), clock);
}
