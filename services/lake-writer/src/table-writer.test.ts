import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import {
  type Delivery,
  type EventLog,
  Failure,
  type LogReader,
  type ObjectBody,
  type ObjectStore,
  type ReaderOptions,
  silentLogger,
} from "@thulium-stream/contracts";
import { VirtualClock } from "@thulium-stream/kit";
import {
  type BulkEncoder,
  type EncoderSetting,
  expireSnapshots,
  noHistory,
  Table,
} from "@thulium-stream/lake";
import { createDuckdbEncoder } from "@thulium-stream/lake/duckdb";
import { createMemoryStore } from "@thulium-stream/lake/memory";
import { createParquetjsEncoder } from "@thulium-stream/lake/parquetjs";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { eventTables } from "./columns.ts";
import { TableWriter } from "./table-writer.ts";

let folder: string;
let duckdb: BulkEncoder;
let ids = 0;
const newId = () => `id${String(++ids).padStart(6, "0")}`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "table-writer-"));
  duckdb = await createDuckdbEncoder({ tempFolder: join(folder, "duckdb"), newId });
});
afterAll(async () => {
  await duckdb.close();
  rmSync(folder, { recursive: true, force: true });
});

const topic = "ticket-events";

/** A log of one partition that has this many rows, ten to a delivery; counts what is taken. */
function logOf(
  rows: number,
  beforeNext: (taken: number) => Promise<void> = async () => {},
): { readonly log: EventLog; taken: number } {
  const counter = { taken: 0 };
  const reader: Partial<LogReader> = {
    next: async ({ signal }): Promise<Delivery> => {
      if (signal?.aborted) throw new Failure("Cancelled", "");
      const from = counter.taken;
      if (from === 0) counter.taken = 1;
      if (from === 0) return { kind: "assignment", partitions: [{ topic, partition: 0 }] };
      await turn();
      await beforeNext(from);
      if (from > rows / 10) return { kind: "idle" };
      counter.taken += 1;
      const records = Array.from({ length: 10 }, (_, at) => ({
        ...{ topic, partition: 0, position: (from - 1) * 10 + at, key: "acme:1", appendedAtMs: 0 },
        value: Buffer.from(`{"id":"${(from - 1) * 10 + at}"}`),
        headers: { ts_append: "1" },
      }));
      const nextPosition = from * 10;
      return { kind: "batch", topic, partition: 0, records, nextPosition, endPosition: rows };
    },
    commit: async () => {},
    close: async () => {},
  };
  return Object.assign(counter, {
    log: { openReader: async () => reader as LogReader } as unknown as EventLog,
  });
}

/** A writer with small batches, whose rows may wait for an hour. */
function writerOf(
  log: EventLog,
  store: ObjectStore,
  tempFolder: string,
  {
    clock = new VirtualClock("2026-11-24T08:00:00.000Z"),
    flushRows = 20,
    encoderSetting = "duckdb" as EncoderSetting,
    logger = silentLogger,
  } = {},
): TableWriter {
  const [spec] = eventTables;
  if (spec === undefined) throw new Error("no table");
  return new TableWriter(
    {
      log,
      store,
      encoders: { parquetjs: createParquetjsEncoder({ newId }), duckdb },
      encoderSetting,
      tempFolder,
      clock,
      logger,
      newId,
      deadLetter: async () => {},
      isErased: () => false,
      limits: { flushIntervalMs: 3_600_000, flushRows, flushBytes: 1e9 },
    },
    spec,
  );
}

it("one that is to reach an end reads all partitions itself, although another member of the group holds them", async () => {
  const { log } = logOf(30);
  let isTold = false;
  const withoutPartitions: Partial<LogReader> = {
    next: async (): Promise<Delivery> => {
      await turn();
      if (isTold) return { kind: "idle" };
      isTold = true;
      return { kind: "assignment", partitions: [] };
    },
    close: async () => {},
  };
  const openReader = async (options: ReaderOptions) =>
    options.group === undefined ? log.openReader(options) : withoutPartitions;
  const shared = { openReader } as unknown as EventLog;
  const writer = writerOf(shared, createMemoryStore(), join(folder, "temp"));
  await writer.run(new AbortController().signal, new Map([[0, 30]]));
  expect(writer.status()).toMatchObject({ rows: 30, lag: 0 });
});

it("a backlog larger than its limits stays within two batches, and is read on while one is written", async () => {
  const source = logOf(200);
  const store = createMemoryStore();
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const put = store.put.bind(store);
  store.put = async (key: string, body: ObjectBody) => {
    if (key.endsWith(".parquet")) await released;
    await put(key, body);
  };
  const tempFolder = join(folder, "temp");
  const writer = writerOf(source.log, store, tempFolder);
  const running = writer.run(new AbortController().signal, new Map([[0, 200]]));
  await vi.waitUntil(() => source.taken === 5, { timeout: 60_000 });
  for (let turns = 0; turns < 100; turns += 1) await turn();
  // The assignment, two deliveries on their way into the table, two that wait.
  expect(source.taken).toBe(5);
  expect(writer.status()).toMatchObject({ rows: 0, lag: 200 });
  release();
  await running;
  expect(writer.status()).toMatchObject({ rows: 200, files: 10, lag: 0 });
  expect(readdirSync(tempFolder)).toEqual([]);
});

it("the end of a backlog does not wait for more to come", async () => {
  const store = createMemoryStore();
  const writer = writerOf(logOf(210).log, store, join(folder, "temp"));
  const stop = new AbortController();
  const running = writer.run(stop.signal);
  await vi.waitUntil(() => writer.status().rows >= 210, { timeout: 60_000 });
  stop.abort();
  await running;
  expect(writer.status()).toMatchObject({ rows: 210, files: 11, lag: 0 });
});

it("what a quiet log holds waits for its time", async () => {
  const source = logOf(10);
  const writer = writerOf(source.log, createMemoryStore(), join(folder, "temp"));
  const stop = new AbortController();
  const running = writer.run(stop.signal);
  await vi.waitUntil(() => source.taken === 2, { timeout: 60_000 });
  for (let turns = 0; turns < 100; turns += 1) await turn();
  expect(writer.status()).toMatchObject({ rows: 0, lag: 10 });
  stop.abort();
  await running;
  expect(writer.status()).toMatchObject({ rows: 10, lag: 0 });
});

it("the end of a backlog does not wait either behind a batch that was written for its age", async () => {
  const clock = new VirtualClock("2026-11-24T08:00:00.000Z");
  // The first delivery has waited for an hour when the second comes.
  const source = logOf(30, async (taken) => {
    if (taken === 2) await clock.advance(3_600_000);
  });
  const store = createMemoryStore();
  const writer = writerOf(source.log, store, join(folder, "temp"), { clock, flushRows: 1_000 });
  const stop = new AbortController();
  const running = writer.run(stop.signal);
  await vi.waitUntil(() => writer.status().rows >= 30, { timeout: 60_000 });
  stop.abort();
  await running;
  expect(writer.status()).toMatchObject({ rows: 30, files: 2, lag: 0 });
});

it.each(["parquetjs-lite", "duckdb"] as const)(
  "goes on without reading again when an erasure lets the history go meanwhile (%s)",
  async (encoderSetting) => {
    const clock = new VirtualClock("2026-11-24T08:00:00.000Z");
    const store = createMemoryStore({ clock });
    const table = "ticket_events";
    const source = logOf(80, async (taken) => {
      if (taken !== 5) return;
      const eraser = await Table.open({ store, table, clock, newId });
      const [file] = await eraser.liveFiles();
      if (file === undefined) throw new Error("nothing was written yet");
      const again = { ...file, key: file.key.replace(".parquet", "x.parquet") };
      await store.copy(file.key, again.key);
      await eraser.commit({
        operation: "overwrite",
        added: [again],
        removed: [file.key],
        writtenAtMs: clock.now(),
      });
      await expireSnapshots(eraser, { store, clock, history: noHistory });
    });
    const warn = vi.fn();
    const writer = writerOf(source.log, store, join(folder, "temp"), {
      clock,
      encoderSetting,
      logger: { ...silentLogger, warn },
    });
    await writer.run(new AbortController().signal, new Map([[0, 80]]));
    expect(warn.mock.calls).toEqual([]);
    expect(writer.status()).toMatchObject({ rows: 80, lag: 0 });
  },
);
