import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  type EventLog,
  encodeJson,
  headerNames,
  type NewRecord,
  type ObjectStore,
  silentLogger,
  topics,
} from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import {
  appendRecords,
  FaultyObjectStore,
  makeMessage,
  makeTicketState,
  VirtualClock,
} from "@thulium-stream/kit";
import { type BulkEncoder, openFileCache, openLakeQuery, Table } from "@thulium-stream/lake";
import { createDuckdbEncoder } from "@thulium-stream/lake/duckdb";
import { createMemoryStore, type MemoryObjects } from "@thulium-stream/lake/memory";
import { createParquetjsEncoder } from "@thulium-stream/lake/parquetjs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stateTables } from "./columns.ts";
import { describeLake, lakeViews, manifestOf } from "./lake-catalog.ts";
import { mergeTable } from "./merge-table.ts";
import { writeSnapshot } from "./snapshot.ts";
import { tableViews } from "./table-views.ts";
import { verifyLake } from "./verify-lake.ts";

const { signal } = new AbortController();
let ids = 0;
const newId = () => `id${String(++ids).padStart(6, "0")}`;

describe("a snapshot of the current-state tables", () => {
  let folder: string;
  let clock: VirtualClock;
  let log: EventLog;
  let duckdb: BulkEncoder;
  let objects: MemoryObjects;
  let store: FaultyObjectStore;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "copied-snapshot-"));
    clock = new VirtualClock("2026-11-23T22:00:00.000Z");
    log = await openEmbeddedLog({
      folder: join(folder, "log"),
      clock,
      logger: silentLogger,
      newId,
    });
    await log.ensureTopics(topics);
    duckdb = await createDuckdbEncoder({ tempFolder: join(folder, "temp"), newId });
    objects = new Map();
    store = new FaultyObjectStore(createMemoryStore({ clock, objects }), () => undefined, clock);
  });
  afterEach(async () => {
    await duckdb.close();
    await log.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const cache = () =>
    openFileCache({ url: "s3://bucket/lake", store, folder: join(folder, "cache"), clock, newId });
  const deps = (on: ObjectStore = store) => ({
    log,
    store: on,
    cache: cache(),
    encoders: { parquetjs: createParquetjsEncoder({ newId }), duckdb },
    encoderSetting: "auto" as const,
    tempFolder: join(folder, "temp"),
    clock,
    logger: silentLogger,
    newId,
    limits: { flushIntervalMs: 1000, flushRows: 10, flushBytes: 1e9 },
    deadLetter: async () => {},
  });
  const snapshot = () => writeSnapshot(deps(), { system: "acme", zone: "Europe/Warsaw" }, signal);

  function ticket(n: number, subject: string, append: number, month: string): NewRecord {
    const state = makeTicketState({ ticket_id: String(n), subject });
    const headers = { [headerNames.append]: String(append), [headerNames.createdMonth]: month };
    return { topic: "tickets", key: `acme:${n}`, value: encodeJson(state), headers };
  }

  const figures = (n: number, month: string): NewRecord => ({
    topic: "ticket-metrics",
    key: `acme:${n}`,
    value: encodeJson({ system: "acme", ticket_id: String(n), subject: `figures of ${n}` }),
    headers: { [headerNames.createdMonth]: month },
  });

  const checkpoint = (append: number, system = "acme"): NewRecord => ({
    topic: "extractor-state",
    key: `${system}:checkpoint`,
    value: encodeJson({
      system,
      append,
      sealed: null,
      backfill_done_at: null,
      observed_at: "2026-11-23T00:00:00.000Z",
    }),
  });

  const append = (...records: readonly NewRecord[]) => appendRecords(log, records);

  /** What the newest snapshot holds: id and subject. */
  async function held(): Promise<readonly (readonly unknown[])[]> {
    const [view] = (await lakeViews(store)).filter(({ name }) => name === "tickets");
    if (view === undefined) throw new Error("no view");
    const files = await cache().pathsOf(view.objects);
    await using query = await openLakeQuery({ views: [{ ...view, files }] });
    return (await query.run("select ticket_id, subject from tickets order by ticket_id")).rows;
  }

  it("is cut at one append, copied within the store, and verifies", async () => {
    await append(ticket(1, "a", 1, "2026-10"), ticket(2, "a", 1, "2026-11"), checkpoint(1));
    await append(ticket(3, "late", 2, "2026-11"));
    expect(await snapshot()).toMatchObject({ tickets: 2 });
    expect(await held()).toEqual([
      ["1", "a"],
      ["2", "a"],
    ]);
    const uploads = store.calls.filter(
      ({ method, keys }) => method.startsWith("put") && keys[0]?.startsWith("snapshots/tickets"),
    );
    expect(uploads.map(({ keys }) => keys[0])).toEqual([expect.stringMatching(/_manifest\.json$/)]);
    const { snapshots, faults } = await verifyLake({ store, cache: cache(), signal });
    expect([snapshots, faults]).toEqual([3, []]);
  });

  it("tags the states that it is copied from with its local day", async () => {
    await append(ticket(1, "a", 1, "2026-10"), checkpoint(1));
    await snapshot();
    const open = () => Table.open({ store, table: "tickets", clock, newId });
    const first = (await open()).snapshot;
    await clock.sleep(60_000);
    await append(ticket(2, "b", 2, "2026-11"), checkpoint(2));
    await snapshot();
    const table = await open();
    const [second, tag] = [table.snapshot, table.metadata?.refs["2026-11-23"]];
    expect(tag).toEqual({
      "snapshot-id": second?.["snapshot-id"],
      type: "tag",
      "max-ref-age-ms": 30 * 86_400_000,
    });
    expect(second?.["snapshot-id"]).not.toBe(first?.["snapshot-id"]);
    const { snapshots } = await describeLake(store);
    const manifest = await manifestOf(store, snapshots.at(-1)?.folder ?? "");
    expect(manifest?.tableState).toBe(String(tag?.["snapshot-id"]));
  });

  it("is cut at one append although another machine merges further in between", async () => {
    const month = { [headerNames.createdMonth]: "2026-11" };
    const message = (n: number, body: string, at: number): NewRecord => ({
      topic: "messages",
      key: `acme:${n}:1`,
      partitionKey: `acme:${n}`,
      value: encodeJson({ ...makeMessage({ ticket_id: String(n), message_id: "1" }), body }),
      headers: { ...month, [headerNames.append]: String(at) },
    });
    await append(ticket(1, "a", 1, "2026-11"), message(1, "a", 1), checkpoint(1));
    const elsewhere = async () => {
      await append(ticket(1, "b", 2, "2026-11"), message(1, "b", 2), checkpoint(2));
      await mergeTable(deps(createMemoryStore({ clock, objects })), stateTables[1], { signal });
    };
    let isFirst = true;
    store.plan = ({ method, keys: [key = ""] }) => {
      if (method !== "get" || key !== "tables/messages/metadata/version-hint.text" || !isFirst)
        return;
      isFirst = false;
      return { kind: "hold", until: elsewhere() };
    };
    await expect(snapshot()).rejects.toMatchObject({ code: "Unavailable" });
    await snapshot();
    const views = (await lakeViews(store)).filter(({ name }) => /^(tickets|messages)$/.test(name));
    const held = [];
    for (const view of views) {
      await using query = await openLakeQuery({
        views: [{ ...view, files: await cache().pathsOf(view.objects) }],
      });
      const column = view.name === "tickets" ? "subject" : "body";
      held.push((await query.run(`select ${column} from ${view.name}`)).rows);
    }
    expect(held).toEqual([[["b"]], [["b"]]]);
  });

  it("reads no file again that the snapshot before it had", async () => {
    await append(ticket(1, "a", 1, "2026-10"), ticket(2, "a", 1, "2026-11"), checkpoint(1));
    await snapshot();
    await clock.sleep(86_400_000);
    await append(ticket(2, "b", 2, "2026-11"), checkpoint(2));
    const before = store.calls.length;
    await snapshot();
    const calls = store.calls.slice(before);
    const read = calls.filter(
      ({ method, keys }) => method === "get" && /2026-10/.test(keys[0] ?? ""),
    );
    expect(read).toEqual([]);
    expect(await held()).toEqual([
      ["1", "a"],
      ["2", "b"],
    ]);
    expect((await verifyLake({ store, cache: cache(), signal })).faults).toEqual([]);
  });

  it("is made beside a snapshot whose manifest is damaged", async () => {
    await append(ticket(1, "a", 1, "2026-10"), checkpoint(1));
    await snapshot();
    const keys = store.calls.flatMap(({ keys: [key = ""] }) => key);
    const manifest = keys.find((key) => /^snapshots\/tickets\/.*_manifest\.json$/.test(key));
    await store.put(manifest ?? "", new TextEncoder().encode('{"format'));
    await clock.sleep(86_400_000);
    expect(await snapshot()).toMatchObject({ tickets: 1 });
    expect((await verifyLake({ store, cache: cache(), signal })).faults).toEqual([
      { where: dirname(manifest ?? ""), what: expect.stringContaining("cannot be read") },
    ]);
  });

  it("holds the figures of the tickets in a folder of their own, copied like the rest", async () => {
    await append(ticket(1, "a", 1, "2026-10"), checkpoint(1), figures(1, "2026-10"));
    await snapshot();
    await clock.sleep(86_400_000);
    await append(ticket(2, "b", 2, "2026-11"), checkpoint(2), figures(2, "2026-11"));
    const before = store.calls.length;
    await snapshot();
    const copies = store.calls
      .slice(before)
      .filter(({ method, keys }) => method === "copy" && /ticket_metrics/.test(keys[0] ?? ""));
    expect(copies).toHaveLength(2);
    const [view] = (await tableViews(store)).filter(
      ({ name }) => name === "ticket_metrics_snapshot",
    );
    if (view === undefined) throw new Error("no view");
    const files = await cache().pathsOf(view.objects);
    await using query = await openLakeQuery({ views: [{ ...view, files }] });
    const sql = "select ticket_id, subject from ticket_metrics_snapshot order by ticket_id";
    expect((await query.run(sql)).rows).toEqual([
      ["1", "figures of 1"],
      ["2", "figures of 2"],
    ]);
    const latest = JSON.parse(
      new TextDecoder().decode((await store.get("snapshots/_latest.json")) ?? undefined),
    );
    const manifest = await manifestOf(store, latest.ticket_metrics);
    expect(manifest).toMatchObject({ table: "ticket_metrics", rows: 2 });
    expect((await verifyLake({ store, cache: cache(), signal })).faults).toEqual([]);
  });

  it("holds no rows of another tenant, whose appends are numbered by themselves", async () => {
    const other = { ...ticket(9, "theirs", 900, "2026-11"), key: "other:9" };
    await append(ticket(1, "a", 1, "2026-11"), other, checkpoint(900, "other"));
    await append(ticket(2, "b", 2, "2026-11"), checkpoint(2));
    await snapshot();
    expect(await held()).toEqual([
      ["1", "a"],
      ["2", "b"],
    ]);
  });

  it("has a folder of its own, although another one was begun in the same second", async () => {
    await append(ticket(1, "a", 1, "2026-11"), checkpoint(1));
    await snapshot();
    await append(ticket(1, "b", 2, "2026-11"), ticket(2, "b", 2, "2026-11"), checkpoint(2));
    expect(await snapshot()).toMatchObject({ tickets: 2 });
    expect(await held()).toEqual([
      ["1", "b"],
      ["2", "b"],
    ]);
    const named = (await lakeViews(store)).find(({ name }) => name === "tickets")?.objects ?? [];
    const folder = named[0]?.key.replace(/[^/]+$/, "") ?? "";
    const files: string[] = [];
    for await (const { key } of store.list(folder)) if (key.endsWith(".parquet")) files.push(key);
    expect(files).toEqual(named.map(({ key }) => key));
  });

  it("states the checksum of a file whose source goes while it is made", async () => {
    await append(ticket(1, "a", 1, "2026-10"), checkpoint(1));
    let source = "";
    store.plan = ({ method, keys: [key = ""] }) => {
      if (method === "copy") source = key;
      return method === "get" && key === source
        ? { kind: "hold", until: store.delete([key]) }
        : undefined;
    };
    await snapshot();
    store.plan = () => undefined;
    const views = await lakeViews(store);
    for (const { key } of views.flatMap(({ objects }) => objects)) {
      const bytes = (await store.get(key)) ?? new Uint8Array();
      const manifest = await manifestOf(store, key.slice(0, key.lastIndexOf("/")));
      const [file] = manifest?.files ?? [];
      expect(file?.sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
    }
  });

  it("is to be made anew when a file is merged away before it is copied", async () => {
    await append(ticket(1, "a", 1, "2026-10"), checkpoint(1));
    const mergeAway = async (key: string) => {
      const table = await Table.open({ store, table: "tickets", clock, newId });
      const [writtenAtMs, removed] = [clock.now(), [key]];
      await table.commit({ operation: "delete", added: [], removed, writtenAtMs });
      await store.delete([key]);
    };
    let isFirst = true;
    store.plan = ({ method, keys: [key = ""] }) => {
      if (method !== "copy" || !isFirst) return;
      isFirst = false;
      return { kind: "hold", until: mergeAway(key) };
    };
    await expect(snapshot()).rejects.toMatchObject({ code: "Unavailable" });
  });

  it("says that a file of a table is missing instead of making snapshots for ever", async () => {
    await append(ticket(1, "a", 1, "2026-10"), checkpoint(1));
    store.plan = ({ method, keys }) =>
      method === "copy" ? { kind: "hold", until: store.delete(keys.slice(0, 1)) } : undefined;
    await expect(snapshot()).rejects.toMatchObject({ code: "Rejected" });
  });

  it.each([
    ["written anew", "erased rows"],
    ["removed", ""],
  ])("is made anew when a file is %s before its manifest is there", async (_, text) => {
    await append(ticket(1, "a", 1, "2026-10"), checkpoint(1));
    const change = async () => {
      for await (const { key } of store.list("snapshots/tickets/"))
        await (text === "" ? store.delete([key]) : store.put(key, Buffer.from(text)));
    };
    let isFirst = true;
    store.plan = ({ method, keys }) => {
      if (method !== "putIfAbsent" || !keys[0]?.endsWith("_manifest.json") || !isFirst) return;
      isFirst = false;
      return { kind: "hold", until: change() };
    };
    expect(await snapshot()).toMatchObject({ tickets: 1 });
    const { snapshots, faults } = await verifyLake({ store, cache: cache(), signal });
    expect([snapshots, faults]).toEqual([3, []]);
  });

  it("that slept before it was named does not take the place of a newer one", async () => {
    await append(ticket(1, "a", 1, "2026-10"), checkpoint(1));
    const meanwhile = async () => {
      await clock.sleep(60_000);
      await snapshot();
    };
    let isFirst = true;
    store.plan = ({ method, keys }) => {
      if (method !== "putIfAbsent" || !keys[0]?.includes("ticket_metrics") || !isFirst) return;
      if (!keys[0].endsWith("_manifest.json")) return;
      isFirst = false;
      return { kind: "hold", until: meanwhile() };
    };
    await snapshot();
    const latest = new TextDecoder().decode(
      (await store.get("snapshots/_latest.json")) ?? undefined,
    );
    expect(latest.match(/snapshot_at=\w+/g)).toEqual(Array(3).fill("snapshot_at=20261123T220100Z"));
  });

  it("verify names a snapshot's file that was changed afterwards", async () => {
    await append(ticket(1, "a", 1, "2026-10"), checkpoint(1));
    await snapshot();
    const [view] = (await lakeViews(store)).filter(({ name }) => name === "tickets");
    const key = view?.objects[0]?.key ?? "";
    const bytes = (await store.get(key)) ?? new Uint8Array();
    bytes[8] = (bytes[8] ?? 0) ^ 1;
    await store.put(key, bytes);
    expect((await verifyLake({ store, cache: cache(), signal })).faults).toEqual([
      { where: key, what: "has another checksum than its manifest says" },
    ]);
  });

  it("verify names a file of a snapshot that its manifest does not, and rows that are not as stated", async () => {
    await append(ticket(1, "a", 1, "2026-10"), checkpoint(1));
    await snapshot();
    const [view] = (await lakeViews(store)).filter(({ name }) => name === "tickets");
    const key = view?.objects[0]?.key ?? "";
    const folder = key.slice(0, key.lastIndexOf("/"));
    const verified = async () => (await verifyLake({ store, cache: cache(), signal })).faults;
    await store.copy(key, `${folder}/again.parquet`);
    expect(await verified()).toEqual([
      { where: `${folder}/again.parquet`, what: "is in no manifest" },
    ]);
    await store.delete([`${folder}/again.parquet`]);
    const manifest = await manifestOf(store, folder);
    const files = (manifest?.files ?? []).map((file) => ({ ...file, rows: 2 }));
    await store.put(`${folder}/_manifest.json`, encodeJson({ ...manifest, files }));
    expect(await verified()).toEqual([
      { where: key, what: "has 1 rows, its manifest says 2" },
      { where: folder, what: "its files have 2 rows, its manifest says 1" },
    ]);
  });

  it("verify names a key that a current-state table has twice", async () => {
    await append(ticket(1, "a", 1, "2026-10"), checkpoint(1));
    await snapshot();
    const table = await Table.open({ store, table: "tickets", clock, newId });
    const [file] = await table.liveFiles();
    if (file === undefined) throw new Error("no file");
    const key = file.key.replace(/[^/]+$/, "again.parquet");
    await store.copy(file.key, key);
    const writtenAtMs = clock.now();
    await table.commit({ operation: "append", added: [{ ...file, key }], writtenAtMs });
    expect((await verifyLake({ store, cache: cache(), signal })).faults).toEqual([
      { where: "tables/tickets", what: "has 1 keys twice" },
    ]);
  });
});
