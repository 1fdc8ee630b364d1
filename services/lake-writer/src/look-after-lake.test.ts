import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type EventLog,
  type ObjectStore,
  recordOfEvent,
  silentLogger,
  type TicketEvent,
  topics,
} from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { FaultyObjectStore, makeTicket, VirtualClock } from "@thulium-stream/kit";
import {
  expireSnapshots,
  type FileCache,
  type IcebergSnapshot,
  noHistory,
  openFileCache,
  Table,
} from "@thulium-stream/lake";
import { createMemoryStore, type MemoryObjects } from "@thulium-stream/lake/memory";
import { createParquetjsEncoder } from "@thulium-stream/lake/parquetjs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventTables } from "./columns.ts";
import { describeLake } from "./lake-catalog.ts";
import { compactLake, expireLake } from "./maintain-lake.ts";
import { tableViews } from "./table-views.ts";
import { TableWriter } from "./table-writer.ts";
import { gapsOf, verifyLake } from "./verify-lake.ts";

const never = new AbortController().signal;
const day = "2026-11-23T22:00:00.000Z";
let ids = 0;
const must = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error("not there");
  return value;
};
const newId = () => `id${String(++ids).padStart(6, "0")}`;

describe("looking after a lake", () => {
  let folder: string;
  let clock: VirtualClock;
  let log: EventLog;
  let objects: MemoryObjects;
  let store: ObjectStore;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "look-after-lake-"));
    clock = new VirtualClock(day);
    const common = { clock, logger: silentLogger, newId };
    log = await openEmbeddedLog({ folder: join(folder, "log"), ...common });
    await log.ensureTopics(topics);
    objects = new Map();
    store = createMemoryStore({ objects, clock });
  });
  afterEach(async () => {
    await log.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const cache = () =>
    openFileCache({ url: "s3://bucket/lake", store, folder: join(folder, "cache"), clock, newId });
  const deps = () => ({
    store,
    cache: cache(),
    tempFolder: join(folder, "temp"),
    clock,
    logger: silentLogger,
    newId,
  });

  function eventOf(n: number): TicketEvent {
    return {
      type: "thulium.ticket.created",
      id: String(n).padStart(26, "a"),
      system: "acme",
      ticket_id: String(n),
      time: day,
      time_is_observation: false,
      observed_at: day,
      origin: "backfill",
      version: 1,
      previous_event_id: null,
      source_updated_at: null,
      source_updated_at_ambiguous: false,
      kinds: ["created"],
      changes: [],
      derived: [],
      ticket: makeTicket({ ticket_id: String(n) }),
    };
  }

  /** Appends events to the log and flushes them into the table, `times` times. */
  async function flush(times: number): Promise<void> {
    const [spec] = eventTables;
    const encoders = { parquetjs: createParquetjsEncoder({ newId }), duckdb: null };
    for (let time = 0; time < times; time += 1) {
      const writer = await log.openWriter("w");
      await writer.append([1, 2, 3].map(() => recordOfEvent(eventOf(++ids), time + 1)));
      await writer.close();
      const ends = new Map(
        (await log.ends(spec.topic)).map(({ partition, end, earliest }) => [
          partition,
          earliest < end ? end : 0,
        ]),
      );
      const limits = { flushIntervalMs: 1000, flushRows: 1000, flushBytes: 1e9 };
      await new TableWriter(
        {
          ...deps(),
          log,
          encoders,
          encoderSetting: "parquetjs-lite",
          limits,
          deadLetter: async () => {},
          isErased: () => false,
        },
        spec,
      ).run(never, ends);
      await clock.sleep(60_000);
    }
  }

  const verified = () => verifyLake({ store, cache: cache(), signal: never });

  it("compaction leaves at most eight files a day, and the lake verifies before and after", async () => {
    await flush(10);
    expect(await verified()).toMatchObject({ tables: 1, states: 10, rows: 30, faults: [] });
    await clock.sleep(5 * 3_600_000);
    const [events] = await compactLake(deps(), never);
    expect(events?.filesBefore).toBeGreaterThan(8);
    const after = await verified();
    expect(after).toMatchObject({ states: 11, rows: 30, faults: [] });
    expect(after.files).toBeLessThanOrEqual(8);
  });

  it("an expiry months later leaves a lake that verifies, with nothing that nobody names", async () => {
    await flush(3);
    await compactLake(deps(), never);
    await clock.sleep(90 * 86_400_000);
    await flush(1);
    await expireLake(deps(), { retainSnapshotsMs: null }, never);
    expect((await verified()).faults).toEqual([]);
  });

  it("verify reads each manifest once, however many states share it", async () => {
    await flush(5);
    const counted = new FaultyObjectStore(store, () => undefined, clock);
    await verifyLake({ store: counted, cache: null, signal: never });
    const read = counted.calls.flatMap(({ keys }) => keys);
    const manifests = read.filter((key) => /\/metadata\/m-[^/]+$/.test(key));
    expect(manifests).toHaveLength(5);
    expect(new Set(manifests).size).toBe(5);
  });

  it("verify names a file that is missing, cut, or has other rows than stated", async () => {
    await flush(2);
    const table = await Table.open({ store, table: "ticket_events", clock, newId });
    const [file] = await table.liveFiles();
    const key = file?.key ?? "";
    const whole = objects.get(key);
    if (whole === undefined) throw new Error(key);
    objects.delete(key);
    expect((await verified()).faults).toContainEqual({ where: key, what: "is missing" });
    objects.set(key, { ...whole, bytes: whole.bytes.slice(1) });
    const [cut] = (await verified()).faults;
    expect(cut).toMatchObject({
      where: key,
      what: expect.stringContaining("bytes, the table says"),
    });
  });

  it("verify names a missing file once, however many states name it", async () => {
    await flush(3);
    const table = await Table.open({ store, table: "ticket_events", clock, newId });
    const oldest = table.metadata?.snapshots[0] ?? null;
    const [file] = await table.liveFiles(oldest);
    objects.delete(file?.key ?? "");
    const verdict = await verifyLake({ store, cache: null, signal: never });
    expect(verdict.faults).toEqual([{ where: file?.key, what: "is missing" }]);
  });

  it.each([
    ["the data of any column", 1 / 3],
    ["the footer", 1],
  ])("verify names a file in which bytes of %s are others, and goes on", async (_, share) => {
    await flush(2);
    const table = await Table.open({ store, table: "ticket_events", clock, newId });
    const files = await table.liveFiles();
    const key = files[0]?.key ?? "";
    const bytes = objects.get(key)?.bytes.slice() ?? new Uint8Array();
    const end = Math.floor(bytes.length * share);
    bytes.fill(0x55, end - 100, end);
    objects.set(key, { ...must(objects.get(key)), bytes });
    expect(await verified()).toMatchObject({
      files: files.length,
      faults: [{ where: key, what: expect.stringMatching(/^cannot be read: [^\n]+$/) }],
    });
  });

  it("verify names a table whose metadata is damaged, and looks at the others", async () => {
    await flush(1);
    const list = [...objects.keys()].find((key) => /metadata\/m-/.test(key)) ?? "";
    const whole = must(objects.get(list));
    objects.set(list, { ...whole, bytes: whole.bytes.slice(0, 200) });
    const verdict = await verified();
    expect(verdict.faults).toEqual([
      { where: "tables/ticket_events", what: expect.stringContaining(`cannot be read: ${list}`) },
    ]);
  });

  it("names a snapshot's manifest that is damaged, to verify as to those who read it", async () => {
    const folder = "snapshots/tickets/snapshot_date=2026-11-23/snapshot_at=20261123T220000Z";
    await store.put(`${folder}/_manifest.json`, new TextEncoder().encode('{"format'));
    expect((await verified()).faults).toEqual([
      { where: folder, what: expect.stringContaining(`cannot be read: ${folder}/_manifest.json`) },
    ]);
    const failure = {
      code: "CorruptRecord",
      message: expect.stringContaining(folder),
      advice: expect.stringContaining("lake snapshot"),
    };
    await expect(describeLake(store)).rejects.toMatchObject(failure);
    await expect(tableViews(store)).rejects.toMatchObject(failure);
  });

  it("verify names an event that is there twice", async () => {
    await flush(1);
    const table = await Table.open({ store, table: "ticket_events", clock, newId });
    const [file] = await table.liveFiles();
    if (file === undefined) throw new Error("no file");
    const key = file.key.replace(/[^/]+$/, "copy.parquet");
    await store.copy(file.key, key);
    const change = { operation: "append", writtenAtMs: clock.now() } as const;
    await table.commit({ ...change, added: [{ ...file, key }] });
    expect((await verified()).faults).toEqual([
      { where: "tables/ticket_events", what: `has ${file.rows} events twice` },
    ]);
  });

  it("verify does not call missing what expires while it looks", async () => {
    await flush(10);
    const letGo = async () => {
      await compactLake(deps(), never);
      const table = await Table.open({ store, table: "ticket_events", clock, newId });
      await expireSnapshots(table, { store, clock, history: noHistory });
    };
    const watched = async (prefix: string, looking: FileCache | null) => {
      const beside = new FaultyObjectStore(store, () => undefined, clock);
      let isFirst = true;
      beside.plan = ({ method, keys }) => {
        if (method !== "list" || keys[0] !== prefix || !isFirst) return;
        isFirst = false;
        return { kind: "hold-answer", until: letGo() };
      };
      return await verifyLake({ store: beside, cache: looking, signal: never });
    };
    expect(await watched("tables/ticket_events/data/", null)).toMatchObject({ faults: [] });
    await flush(10);
    expect(await watched("tables/ticket_events/data/", cache())).toMatchObject({ faults: [] });
  });

  it("views are as of an instant", async () => {
    await flush(1);
    const atMs = clock.now();
    await clock.sleep(60_000);
    await flush(2);
    const files = async (asOfMs?: number) =>
      (await tableViews(store, asOfMs)).find(({ name }) => name === "ticket_events")?.objects
        .length;
    const [before = 0, now = 0] = [await files(atMs), await files()];
    expect(before).toBeGreaterThan(0);
    expect(now).toBeGreaterThan(before);
    expect(await files(0)).toBe(0);
  });
});

it("gapsOf names a state that covers less of the log than the one before it", () => {
  const state = (id: number, positions: object, whole: object = positions) =>
    ({
      "snapshot-id": id,
      "sequence-number": id,
      summary: {
        "thulium.positions": JSON.stringify(positions),
        "thulium.whole-positions": JSON.stringify(whole),
      },
    }) as unknown as IcebergSnapshot;
  expect(gapsOf("t", [state(1, { 0: 5 }), state(2, { 0: 5, 1: 2 })])).toEqual([]);
  const less = gapsOf("t", [state(1, { 0: 5, 1: 2 }, {}), state(2, { 0: 4 }, {})]);
  expect(less).toHaveLength(2);
  expect(gapsOf("t", [state(1, { 0: 5 }, { 0: 3 }), state(2, { 0: 5 })])).toEqual([]);
  const lessWhole = gapsOf("t", [state(1, { 0: 5 }), state(2, { 0: 6 }, { 0: 4 })]);
  expect(lessWhole.map(({ what }) => what)).toEqual([
    "is whole in partition 0 up to 4, the state before it up to 5",
  ]);
  expect(gapsOf("t", [state(1, { 0: 5 }, { 0: 6 })])).toHaveLength(1);
});
