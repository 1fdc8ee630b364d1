import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Column,
  isFailure,
  type ObjectStore,
  type ParquetEncoder,
} from "@thulium-stream/contracts";
import { FaultyObjectStore, type ObjectStoreFault, VirtualClock } from "@thulium-stream/kit";
import { parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createDuckdbEncoder } from "../encoders/duckdb/duckdb-encoder.ts";
import { ParquetRewriter } from "../encoders/duckdb/parquet-rewriter.ts";
import { openFileCache } from "../file-cache.ts";
import { createMemoryStore, type MemoryObjects } from "../object-stores/memory/memory-store.ts";
import type { DataFile } from "../table/data-file.ts";
import { Table } from "../table/table.ts";
import { compactTable } from "./compact-table.ts";
import { expireSnapshots, noHistory } from "./expire-snapshots.ts";
import { reachableFiles } from "./reachable-files.ts";
import { removeOrphans } from "./remove-orphans.ts";
import { removeRows } from "./remove-rows.ts";

const columns: readonly Column[] = [
  { id: 1, name: "system", type: "text", doc: "" },
  { id: 2, name: "ticket_id", type: "text", doc: "" },
  { id: 3, name: "event_date", type: "text", doc: "" },
];
const dayMs = 86_400_000;
const url = "s3://bucket/lake";
let ids = 0;
const newId = () => `id${String(++ids).padStart(6, "0")}`;

describe("maintenance of a table", () => {
  let root: string;
  let rewriter: ParquetRewriter;
  let encoder: ParquetEncoder;
  let clock: VirtualClock;
  let objects: MemoryObjects;
  let store: ObjectStore;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "maintenance-"));
    rewriter = await ParquetRewriter.open({ tempFolder: join(root, "temp"), newId });
    encoder = await createDuckdbEncoder({ tempFolder: join(root, "temp"), newId });
  });
  afterAll(async () => {
    await rewriter[Symbol.asyncDispose]();
    await encoder.close();
    await rm(root, { recursive: true });
  });
  beforeEach(() => {
    clock = new VirtualClock("2026-11-24T08:00:00.000Z");
    objects = new Map();
    store = createMemoryStore({ objects, clock });
  });

  const open = (on: ObjectStore = store) => Table.open({ store: on, table: "t", clock, newId });
  const depsOn = (on: ObjectStore) => ({
    store: on,
    rewriter,
    cache: openFileCache({ url, store: on, folder: join(root, "cache"), clock, newId }),
    tempFolder: join(root, "temp"),
    clock,
    newId,
  });

  async function made(): Promise<Table> {
    const table = await open();
    await table.prepare({ topic: "topic", columns, partition: "event_date", sort: ["ticket_id"] });
    return table;
  }

  /** A data file of tickets, which no commit names yet. */
  async function file(on: ObjectStore, day: string, tickets: readonly number[]): Promise<DataFile> {
    const path = join(root, `${newId()}.parquet`);
    const writing = await encoder.open(path, columns.slice(0, 2));
    await writing.append(
      tickets.map((n) => Buffer.from(JSON.stringify({ system: "acme", ticket_id: String(n) }))),
    );
    const { rows, bytes } = await writing.close();
    const key = `tables/t/data/event_date=${day}/${newId()}.parquet`;
    await on.put(key, { file: path });
    await rm(path);
    return { key, partition: day, rows, bytes, columns: [], sorted: false };
  }

  /** Appends one file; positions go up by its rows. */
  async function append(table: Table, day: string, tickets: readonly number[]): Promise<void> {
    const added = [await file(store, day, tickets)];
    const from = table.positions["0"] ?? 0;
    const change = { operation: "append", added, writtenAtMs: clock.now() } as const;
    const outcome = await table.commit({
      ...change,
      from: { 0: from },
      to: { 0: from + tickets.length },
    });
    expect(outcome).toBe("committed");
  }

  /** What a reader sees: every row's day and ticket, sorted. */
  async function rowsOf(table: Table, snapshot = table.snapshot): Promise<readonly string[]> {
    const rows: string[] = [];
    for (const { key, partition } of await table.liveFiles(snapshot)) {
      const bytes = await store.get(key);
      const file = Uint8Array.from(bytes ?? []).buffer;
      for (const row of await parquetReadObjects({ file, compressors }))
        rows.push(`${partition} ${String(row["ticket_id"])}`);
    }
    return rows.sort();
  }

  /** Four small files of one day and one of the next, in as many commits. */
  async function filled(): Promise<{ readonly table: Table; readonly rows: readonly string[] }> {
    const table = await made();
    for (let n = 0; n < 4; n += 1) await append(table, "2026-11-23", [n * 3 + 2, n * 3, n * 3 + 1]);
    await append(table, "2026-11-24", [100]);
    return { table, rows: await rowsOf(table) };
  }

  const atRest = (day: string | null) => day === "2026-11-23";

  it("compaction: one sorted file a day at rest, the same rows, the same positions, the past still readable", async () => {
    const { table, rows } = await filled();
    const [before, positions] = [table.snapshot, table.positions];
    expect(await compactTable(table, depsOn(store), { isAtRest: atRest })).toMatchObject({
      filesBefore: 4,
      filesAfter: 1,
      conflicts: 0,
    });
    const files = await table.liveFiles();
    expect(files.map(({ partition, rows: count, sorted }) => [partition, count, sorted])).toEqual(
      expect.arrayContaining([
        ["2026-11-23", 12, true],
        ["2026-11-24", 1, false],
      ]),
    );
    expect(await rowsOf(table)).toEqual(rows);
    expect(await rowsOf(table, before)).toEqual(rows);
    expect((await open()).positions).toEqual(positions);
    const again = await compactTable(table, depsOn(store), { isAtRest: atRest });
    expect(again).toMatchObject({ filesBefore: 0 });
  });

  it("compaction beside a writer: rows that are appended while it works are kept", async () => {
    const { table, rows } = await filled();
    const writer = await open();
    let isFirst = true;
    const racing = new FaultyObjectStore(store, () => undefined, clock);
    racing.plan = ({ method, keys }) => {
      if (method !== "putIfAbsent" || !keys[0]?.endsWith(".metadata.json") || !isFirst) return;
      isFirst = false;
      return { kind: "hold", until: append(writer, "2026-11-23", [77]) };
    };
    const { conflicts } = await compactTable(await open(racing), depsOn(racing), {
      isAtRest: atRest,
    });
    expect([conflicts, isFirst]).toEqual([0, false]);
    await table.refresh();
    expect(await rowsOf(table)).toEqual([...rows, "2026-11-23 77"].sort());
    expect(table.positions).toEqual({ 0: 14 });
  });

  it("compaction that loses race after race to a writer writes its manifests once", async () => {
    const { table, rows } = await filled();
    const writer = await open();
    let races = 0;
    const racing = new FaultyObjectStore(store, () => undefined, clock);
    racing.plan = ({ method, keys }) => {
      if (method !== "putIfAbsent" || !keys[0]?.endsWith(".metadata.json") || races === 5) return;
      races += 1;
      return { kind: "hold", until: append(writer, "2026-11-24", [70 + races]) };
    };
    const compacting = compactTable(await open(racing), depsOn(racing), { isAtRest: atRest });
    expect(await compacting).toMatchObject({ filesAfter: 1, conflicts: 0 });
    const written = racing.calls.filter(
      ({ method, keys }) => method === "put" && /\/m-[^/]+$/.test(keys[0] ?? ""),
    );
    // One of what came, one of all that went.
    expect([races, written.length]).toEqual([5, 2]);
    await table.refresh();
    const more = [71, 72, 73, 74, 75].map((id) => `2026-11-24 ${id}`);
    expect(await rowsOf(table)).toEqual([...rows, ...more].sort());
  });

  it("a compaction that takes longer than an hour to fetch the old files is committed all the same", async () => {
    const { table, rows } = await filled();
    const { cache, ...others } = depsOn(store);
    const slow = {
      clear: () => cache.clear(),
      pathsOf: async (objects: Parameters<typeof cache.pathsOf>[0]) => {
        await clock.sleep(2 * 3_600_000);
        return await cache.pathsOf(objects);
      },
    };
    const deps = { ...others, cache: slow };
    expect(await compactTable(table, deps, { isAtRest: atRest })).toMatchObject({ conflicts: 0 });
    await table.refresh();
    expect(await rowsOf(table)).toEqual(rows);
  });

  it("two compactions at once: one is committed, the other sees a conflict, no row twice", async () => {
    const { table, rows } = await filled();
    const [one, two] = [await open(), await open()];
    const outcomes = await Promise.all(
      [one, two].map((each) => compactTable(each, depsOn(store), { isAtRest: atRest })),
    );
    expect(outcomes.map(({ conflicts }) => conflicts).sort()).toEqual([0, 1]);
    await table.refresh();
    expect(await rowsOf(table)).toEqual(rows);
  });

  it("refuses to exchange files that have other rows than the table says", async () => {
    const table = await made();
    const wrong = { ...(await file(store, "2026-11-23", [1, 2])), rows: 3 };
    const right = await file(store, "2026-11-23", [3]);
    const change = { operation: "append", writtenAtMs: clock.now() } as const;
    await table.commit({ ...change, added: [wrong, right] });
    await expect(compactTable(table, depsOn(store), { isAtRest: atRest })).rejects.toMatchObject({
      code: "CorruptRecord",
    });
    expect(await table.liveFiles()).toHaveLength(2);
  });

  it("expiry takes old snapshots and at once what only they named; the newest state stays whole", async () => {
    const { table, rows } = await filled();
    await compactTable(table, depsOn(store), { isAtRest: atRest });
    const expired = await expireSnapshots(table, { store, clock, history: noHistory });
    expect(expired.snapshots).toBe(5);
    const data = [...objects.keys()].filter((key) => key.includes("/data/"));
    expect(data).toHaveLength(2);
    const named = await reachableFiles(table.files, table.metadata?.snapshots ?? []);
    expect(
      [...objects.keys()].filter((key) => !named.has(key) && !/metadata\.json$|hint/.test(key)),
    ).toEqual([]);
    expect(await rowsOf(await open())).toEqual(rows);
    await append(table, "2026-11-24", [101]);
    expect(await rowsOf(await open())).toEqual([...rows, "2026-11-24 101"].sort());
  });

  it("expiry keeps what a tag names, unless tags are dropped", async () => {
    const { table, rows } = await filled();
    await table.tag("kept", table.snapshot?.["snapshot-id"] ?? -1);
    const tagged = table.snapshot;
    await compactTable(table, depsOn(store), { isAtRest: atRest });
    await expireSnapshots(table, { store, clock, history: noHistory });
    expect(await rowsOf(table, tagged)).toEqual(rows);
    const options = { store, clock, history: noHistory, dropTags: true };
    expect((await expireSnapshots(table, options)).snapshots).toBe(1);
    expect([...objects.keys()].filter((key) => key.includes("/data/"))).toHaveLength(2);
  });

  it("a tag ends when the table keeps no day as old", async () => {
    const { table } = await filled();
    const tagged = table.snapshot?.["snapshot-id"] ?? -1;
    await table.tag("2026-11-23", tagged);
    await append(table, "2026-11-24", [102]);
    const isThere = () =>
      table.metadata?.snapshots.some((each) => each["snapshot-id"] === tagged) === true;
    await clock.sleep(30 * dayMs);
    const history = { newest: 1, days: 0 };
    expect((await expireSnapshots(table, { store, clock, history })).snapshots).toBeGreaterThan(0);
    expect([isThere(), Object.keys(table.metadata?.refs ?? {})]).toEqual([
      true,
      ["main", "2026-11-23"],
    ]);
    await clock.sleep(2 * dayMs);
    await append(table, "2026-12-25", [103]);
    expect(Object.keys(table.metadata?.refs ?? {})).toEqual(["main"]);
    await expireSnapshots(table, { store, clock, history });
    expect(isThere()).toBe(false);
  });

  it("orphans go after three days and never earlier; what any snapshot names stays", async () => {
    const { table, rows } = await filled();
    const orphan = await file(store, "2026-11-23", [999]);
    const before = table.snapshot;
    await compactTable(table, depsOn(store), { isAtRest: atRest });
    await clock.sleep(2.9 * dayMs);
    await append(table, "2026-11-24", [102]);
    expect(await removeOrphans(table, { store, clock })).toMatchObject({ objects: 0 });
    await clock.sleep(0.2 * dayMs);
    const young = await file(store, "2026-11-23", [998]);
    expect(await removeOrphans(table, { store, clock })).toMatchObject({ objects: 1 });
    expect([objects.has(orphan.key), objects.has(young.key)]).toEqual([false, true]);
    expect(await rowsOf(table, before)).toEqual(rows);
  });

  it("a clock that is a year ahead makes no young file an orphan", async () => {
    const table = await made();
    const young = await file(store, "2026-11-23", [1]);
    const ahead = { now: () => clock.now() + 365 * dayMs };
    expect(await removeOrphans(table, { store, clock: ahead })).toMatchObject({ objects: 0 });
    const change = { operation: "append", added: [young], writtenAtMs: clock.now() } as const;
    expect(await table.commit(change)).toBe("committed");
    expect(await rowsOf(table)).toEqual(["2026-11-23 1"]);
  });

  it("an age below three hours is not taken", async () => {
    const table = await made();
    const young = await file(store, "2026-11-23", [1]);
    await clock.sleep(2 * 3_600_000);
    await append(table, "2026-11-23", [2]);
    expect(await removeOrphans(table, { store, clock, ageMs: 0 })).toMatchObject({ objects: 0 });
    expect(objects.has(young.key)).toBe(true);
  });

  it("a writer that slept before its commit until its files were removed commits nothing of them", async () => {
    const { table, rows } = await filled();
    const drowsy = new FaultyObjectStore(store, () => undefined, clock);
    const sleeper = await open(drowsy);
    const added = [await file(drowsy, "2026-11-24", [500])];
    const asleep = async () => {
      await clock.sleep(4 * dayMs);
      // Somebody else's upload tells what time it is, but commits nothing yet.
      await file(store, "2026-11-28", [600]);
      expect((await removeOrphans(table, { store, clock })).objects).toBeGreaterThan(0);
    };
    drowsy.plan = ({ method, keys }) =>
      method === "putIfAbsent" && keys[0]?.endsWith(".metadata.json") === true
        ? { kind: "hold", until: asleep() }
        : undefined;
    const change = { operation: "append", added, writtenAtMs: clock.now() } as const;
    expect(await sleeper.commit(change)).toBe("stale");
    expect(await rowsOf(await open())).toEqual(rows);
  });

  it("rows are removed from every file that has them, and with the history from every object", async () => {
    const { table, rows } = await filled();
    await append(table, "2026-11-24", [4, 5, 200]);
    await compactTable(table, depsOn(store), { isAtRest: atRest });
    await append(table, "2026-11-23", [4]);
    const keys = [{ system: "acme", ticket_id: "4" }];
    expect(await removeRows(table, depsOn(store), keys)).toEqual({ rows: 3, files: 3 });
    await expireSnapshots(table, { store, clock, history: noHistory });
    const left = [...rows, "2026-11-24 5", "2026-11-24 200"].filter(
      (row) => row !== "2026-11-23 4",
    );
    expect(await rowsOf(await open())).toEqual(left.sort());
    const live = new Set((await table.liveFiles()).map(({ key }) => key));
    const data = [...objects.keys()].filter((key) => key.includes("/data/"));
    expect(data.filter((key) => !live.has(key))).toEqual([]);
    expect(await removeRows(table, depsOn(store), keys)).toEqual({ rows: 0, files: 0 });
  });

  it("rows are removed although a compaction exchanges their file meanwhile", async () => {
    const { table, rows } = await filled();
    const racing = new FaultyObjectStore(store, () => undefined, clock);
    let isFirst = true;
    racing.plan = ({ method, keys }) => {
      if (method !== "putIfAbsent" || !keys[0]?.endsWith(".metadata.json") || !isFirst) return;
      isFirst = false;
      const compacting = compactTable(table, depsOn(store), { isAtRest: atRest });
      return { kind: "hold", until: compacting.then(() => undefined) };
    };
    const keys = [{ system: "acme", ticket_id: "7" }];
    expect(await removeRows(await open(racing), depsOn(racing), keys)).toEqual({
      rows: 1,
      files: 1,
    });
    await table.refresh();
    expect(await rowsOf(table)).toEqual(rows.filter((row) => row !== "2026-11-23 7"));
  });

  const faults: readonly (readonly [string, ObjectStoreFault])[] = [
    ["dies before a call", { kind: "reject", everyLater: true }],
    ["dies after a call", { kind: "fail-after", everyLater: true }],
    ["meets a refused call", { kind: "reject" }],
    ["meets a call without an answer", { kind: "fail-after" }],
  ];

  const erased = [{ system: "acme", ticket_id: "7" }];
  const works: readonly (readonly [string, (table: Table, on: ObjectStore) => Promise<unknown>])[] =
    [
      ["compaction", (table, on) => compactTable(table, depsOn(on), { isAtRest: atRest })],
      ["removal of rows", (table, on) => removeRows(table, depsOn(on), erased)],
      ["expiry", (table, on) => expireSnapshots(table, { store: on, clock, history: noHistory })],
      ["removal of orphans", (table, on) => removeOrphans(table, { store: on, clock })],
    ];
  const cases = works.flatMap(([name, work]) =>
    faults.map(([how, fault]) => ({ name, work, how, fault })),
  );

  it.each(cases)(
    "$name that $how: a writer goes on, no row is lost or doubled, the next run finishes it",
    async ({ name, work, fault }) => {
      const { table: start, rows } = await filled();
      // Old enough to be removed, and something of each kind to do.
      await file(store, "2026-11-23", [999]);
      if (name !== "compaction") await compactTable(start, depsOn(store), { isAtRest: atRest });
      await clock.sleep(4 * dayMs);
      await append(start, "2026-11-28", [300]);
      const atStart = new Map(objects);
      for (let at = 0, isReached = true; isReached; at += 1) {
        objects = new Map(atStart);
        store = createMemoryStore({ objects, clock });
        const faulty = new FaultyObjectStore(store, () => undefined, clock);
        const maintained = await open(faulty);
        const first = faulty.calls.length;
        faulty.plan = ({ index }) => (index === first + at ? fault : undefined);
        try {
          await work(maintained, faulty);
        } catch (error) {
          if (!isFailure(error, "Unavailable")) throw error;
        }
        isReached = faulty.calls.length > first + at;
        const table = await open();
        await append(table, "2026-11-28", [500]);
        const all = [...rows, "2026-11-28 300", "2026-11-28 500"].sort();
        const without = all.filter((row) => row !== "2026-11-23 7");
        const seen = await rowsOf(await open());
        expect(name === "removal of rows" ? [all, without] : [all], `call ${at}`).toContainEqual(
          seen,
        );
        await work(table, store);
        const end = await rowsOf(await open());
        expect(end, `call ${at}, then again`).toEqual(name === "removal of rows" ? without : all);
      }
    },
    120_000,
  );
});
