import { type Column, Failure, isFailure, type ObjectStore } from "@thulium-stream/contracts";
import { FaultyObjectStore, faultAt, VirtualClock } from "@thulium-stream/kit";
import { beforeEach, describe, expect, it } from "vitest";
import { expireSnapshots, noHistory } from "../maintenance/expire-snapshots.ts";
import { createMemoryStore } from "../object-stores/memory/memory-store.ts";
import type { DataFile } from "./data-file.ts";
import { oldestFileMs, Table } from "./table.ts";
import { positionsOfSnapshot } from "./table-metadata.ts";

const columns: readonly Column[] = [
  { id: 1, name: "ticket_id", type: "text", doc: "Id" },
  { id: 2, name: "version", type: "integer", doc: "" },
  { id: 90, name: "event_date", type: "text", doc: "Partition" },
];
const spec = { topic: "ticket-events", columns, partition: "event_date", sort: ["ticket_id"] };

let clock: VirtualClock;
let store: ObjectStore;
let ids = 0;
const newId = () => `id${String(++ids).padStart(6, "0")}`;

beforeEach(() => {
  clock = new VirtualClock("2026-11-24T08:00:00.000Z");
  store = createMemoryStore();
});

const open = (on = store) => Table.open({ store: on, table: "t", clock, newId });

async function made(on = store): Promise<Table> {
  const table = await open(on);
  await table.prepare(spec);
  return table;
}

function fileOf(rows: number, day = "2026-11-24"): DataFile {
  return {
    key: `tables/t/data/event_date=${day}/${newId()}.parquet`,
    partition: day,
    rows,
    bytes: rows * 100,
    columns: [{ id: 1, nulls: 0, lower: "1", upper: "9" }],
    sorted: false,
  };
}

const append = (table: Table, from: number, to: number, partition = 0) =>
  table.commit({
    operation: "append",
    added: [fileOf(to - from)],
    from: { [partition]: from },
    to: { [partition]: to },
    writtenAtMs: clock.now(),
  });

const rowsOf = async (table: Table) =>
  (await table.liveFiles()).reduce((sum, { rows }) => sum + rows, 0);

describe("a table", () => {
  it("keeps files, bounds and positions through commits and for whoever opens it later", async () => {
    const table = await made();
    expect(await append(table, 0, 10)).toBe("committed");
    expect(await append(table, 0, 5, 1)).toBe("committed");
    const reader = await open();
    expect(reader.positions).toEqual({ 0: 10, 1: 5 });
    expect(await rowsOf(reader)).toBe(15);
    expect((await reader.liveFiles())[0]).toMatchObject({
      partition: "2026-11-24",
      columns: [{ id: 1, nulls: 0, lower: "1", upper: "9" }],
      sorted: false,
    });
    expect(reader.snapshot?.summary).toMatchObject({
      operation: "append",
      "total-records": "15",
      "added-records": "5",
    });
  });

  it("shows what it held and covered at an older snapshot, by id and by tag", async () => {
    const table = await made();
    await append(table, 0, 10);
    const old = table.snapshot;
    await table.tag("before", old?.["snapshot-id"] ?? 0);
    await append(table, 10, 30);
    const reader = await open();
    const named = reader.metadata?.refs["before"]?.["snapshot-id"];
    const found = reader.metadata?.snapshots.find((each) => each["snapshot-id"] === named) ?? null;
    expect((await reader.liveFiles(found)).map(({ rows }) => rows)).toEqual([10]);
    expect(found === null ? null : positionsOfSnapshot(found)).toEqual({ 0: 10 });
  });

  it("gives way to whoever moved its partitions, and lets others' partitions be", async () => {
    const [one, other] = [await made(), await open()];
    await append(one, 0, 10);
    expect(await append(other, 0, 7)).toBe("overtaken");
    expect(await append(other, 0, 7, 1)).toBe("committed");
    expect(await append(one, 10, 11)).toBe("committed");
    await one.refresh();
    expect([one.positions, await rowsOf(one)]).toEqual([{ 0: 11, 1: 7 }, 18]);
  });

  it("gives way to whoever moved how far every row is current, though the positions stayed", async () => {
    const table = await made();
    await append(table, 0, 10);
    const other = await open();
    const wholly = (from: Record<string, number>) => ({
      operation: "append" as const,
      added: [fileOf(1)],
      from: { 0: 10 },
      to: { 0: 10 },
      whole: { from, positions: { 0: 10 }, atMs: clock.now() },
      writtenAtMs: clock.now(),
    });
    const partly = {
      ...wholly({ 0: 10 }),
      whole: { from: { 0: 10 }, positions: { 0: 4 }, atMs: 0 },
    };
    expect(await table.commit(partly)).toBe("committed");
    expect(await table.commit(wholly({ 0: 4 }))).toBe("committed");
    expect(table.wholeness).toEqual({ positions: { 0: 10 }, atMs: clock.now() });
    await other.refresh();
    expect(await other.commit(wholly({ 0: 4 }))).toBe("overtaken");
    expect(await rowsOf(table)).toBe(12);
  });

  it("of twenty racing appends of one partition's rows lets one land, and all of different partitions", async () => {
    await made();
    const tables = await Promise.all(Array.from({ length: 20 }, () => open()));
    const same = await Promise.all(tables.map((table) => append(table, 0, 3)));
    expect(same.filter((outcome) => outcome === "committed")).toHaveLength(1);
    const apart = await Promise.all(tables.map((table, at) => append(table, 0, 2, at + 1)));
    expect(new Set(apart)).toEqual(new Set(["committed"]));
    expect(await rowsOf(await open())).toBe(43);
  });

  it("replaces files only while all of them are live, on top of whatever else came", async () => {
    const [table, other] = [await made(), await open()];
    await append(table, 0, 10);
    const [old] = await table.liveFiles();
    await append(other, 0, 5, 1);
    const change = () => ({
      operation: "replace" as const,
      added: [fileOf(10)],
      removed: [old?.key ?? ""],
      writtenAtMs: clock.now(),
    });
    expect(await table.commit(change())).toBe("committed");
    expect(await rowsOf(table)).toBe(15);
    expect(await other.commit(change())).toBe("conflict");
    expect(await rowsOf(await open())).toBe(15);
    expect((await open()).positions).toEqual({ 0: 10, 1: 5 });
  });

  it("goes on when what its version names has been removed since, as an erasure does at once", async () => {
    const [table, other] = [await made(), await open()];
    await append(table, 0, 10);
    await append(other, 0, 10, 1);
    await expireSnapshots(other, { store, clock, history: noHistory, dropTags: true });
    expect(await store.get(table.files.keyOf(table.snapshot?.["manifest-list"] ?? ""))).toBeNull();
    expect(await append(table, 10, 30)).toBe("committed");
    expect([await rowsOf(await open()), table.positions]).toEqual([40, { 0: 30, 1: 10 }]);
  });

  it("commits no file that was begun an hour ago: it may have been taken for an orphan", async () => {
    const table = await made();
    const writtenAtMs = clock.now() - oldestFileMs - 1;
    expect(await table.commit({ operation: "append", added: [fileOf(1)], writtenAtMs })).toBe(
      "stale",
    );
    expect(await rowsOf(table)).toBe(0);
  });

  it("lands once when any one call fails, whether it happened or not", async () => {
    const timeout = new Failure("TimedOut", "no answer");
    for (const kind of ["reject", "fail-after"] as const)
      for (let index = 0; index < 8; index += 1) {
        store = createMemoryStore();
        await made();
        const faulty = new FaultyObjectStore(store, () => undefined, clock);
        const table = await open(faulty);
        faulty.plan = faultAt(faulty.calls.length + index, { kind, failure: timeout });
        expect([kind, index, await append(table, 0, 4)]).toEqual([kind, index, "committed"]);
        const reader = await open();
        expect([kind, index, await rowsOf(reader), reader.positions]).toEqual([
          kind,
          index,
          4,
          { 0: 4 },
        ]);
      }
  });

  it("adds the columns that a newer writer brings, and refuses one of another type", async () => {
    const table = await made();
    await append(table, 0, 1);
    const more: Column = { id: 3, name: "channel", type: "text", doc: "" };
    await table.prepare({ ...spec, columns: [...columns, more] });
    expect((await open()).columns.map(({ name }) => name)).toEqual([
      "ticket_id",
      "version",
      "event_date",
      "channel",
    ]);
    // A writer of the older version goes on beside it.
    await table.prepare(spec);
    expect((await open()).columns).toHaveLength(4);
    const changed = columns.map((column) =>
      column.id === 2 ? { ...column, type: "text" as const } : column,
    );
    await expect(table.prepare({ ...spec, columns: changed })).rejects.toMatchObject({
      code: "InvalidSettings",
      message: expect.stringContaining("version"),
    });
  });

  it("keeps the last state of each day as long as its properties say, and the newest in any case", async () => {
    const table = await made();
    await table.prepare({ ...spec, history: { newest: 3, days: 5 } });
    expect(table.metadata?.properties["history.expire.max-snapshot-age-ms"]).toBe("432000000");
    for (let at = 0; at < 40; at += 1) {
      await append(table, at, at + 1);
      await clock.sleep(6 * 3_600_000);
    }
    const days = (table.metadata?.snapshots ?? []).map((each) =>
      new Date(each["timestamp-ms"]).toISOString().slice(5, 13),
    );
    expect(days).toEqual(
      ["11-29", "11-30", "12-01", "12-02"]
        .map((day) => `${day}T20`)
        .concat("12-03T14", "12-03T20", "12-04T02"),
    );
    const version = table.version;
    await table.prepare({ ...spec, history: { newest: 3, days: 5 } });
    expect(table.version, "nothing to change").toBe(version);
  });

  it("merges its manifests before they are many, and loses no file by it", async () => {
    const table = await made();
    for (let n = 0; n < 230; n += 1) await append(table, n, n + 1);
    const manifests = await table.files.manifests(table.snapshot);
    expect(manifests.length).toBeLessThan(100);
    expect(await rowsOf(table)).toBe(230);
    expect(table.metadata?.snapshots.length).toBe(100);
  }, 60_000);

  it.each([
    [
      "another engine's",
      { "format-version": 2, properties: {} },
      /holds a table of something else/,
    ],
    [
      "a newer version's",
      { "format-version": 2, properties: { "thulium.format-version": "2", "thulium.topic": "x" } },
      /newer version/,
    ],
  ])("names %s table instead of writing into it", async (_, metadata, message) => {
    const bytes = new TextEncoder().encode(JSON.stringify(metadata));
    await store.put("tables/t/metadata/v1.metadata.json", bytes);
    await expect(open()).rejects.toMatchObject({ code: "InvalidSettings", message });
  });

  it("refuses a folder that holds something else, and a topic that is not its own", async () => {
    await store.put("tables/t/data/foreign.parquet", new Uint8Array([1]));
    await expect(made()).rejects.toThrow(/something else at tables\/t\/data\/foreign.parquet/);
    store = createMemoryStore();
    const table = await made();
    await expect(table.prepare({ ...spec, topic: "tickets" })).rejects.toThrow(
      /made of the topic ticket-events, not of tickets/,
    );
  });

  it("names the file of its metadata that is damaged or gone", async () => {
    const table = await made();
    await append(table, 0, 1);
    const damaged = new TextEncoder().encode('{"format-ver');
    await store.put("tables/t/metadata/v2.metadata.json", damaged);
    await store.put("tables/t/metadata/v3.metadata.json", damaged);
    const failure = await open().catch((error: unknown) => error);
    expect(isFailure(failure, "CorruptRecord") && failure.message).toContain("metadata.json");
  });

  it("names a list of manifests that was cut short, instead of taking the table for smaller", async () => {
    const table = await made();
    for (let n = 0; n < 3; n += 1) await append(table, n, n + 1);
    const key = table.files.keyOf(table.snapshot?.["manifest-list"] ?? "");
    const whole = (await store.get(key)) ?? new Uint8Array();
    for (let bytes = 0; bytes < whole.length; bytes += 1) {
      await store.put(key, whole.subarray(0, bytes));
      await expect(rowsOf(table), `${bytes} bytes`).rejects.toMatchObject({
        code: "CorruptRecord",
      });
    }
  });

  it("takes no manifest list that is cut short for a table with fewer files, and appends nothing to it", async () => {
    const table = await made();
    await append(table, 0, 10);
    await append(table, 10, 30);
    const key = table.files.keyOf(table.snapshot?.["manifest-list"] ?? "");
    const whole = (await store.get(key)) ?? new Uint8Array();
    for (const length of [0, 3, 100, whole.length - 40, whole.length - 17]) {
      await store.put(key, whole.slice(0, length));
      const reader = await open();
      for (const work of [reader.liveFiles(), append(reader, 30, 31)])
        await expect(work, `cut to ${length} bytes`).rejects.toMatchObject({
          code: "CorruptRecord",
          message: expect.stringContaining(key),
        });
    }
    await store.put(key, whole);
    expect(await rowsOf(await open())).toBe(30);
  });
});
