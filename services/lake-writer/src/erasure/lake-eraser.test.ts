import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import {
  type ErasureState,
  type EventLog,
  encodeJson,
  erasedHash,
  erasureKeyRecord,
  erasureRecord,
  Failure,
  type MessageEvent,
  type NewRecord,
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
  ManualClock,
  makeMessage,
  makeTicket,
} from "@thulium-stream/kit";
import {
  type BulkEncoder,
  type FileCache,
  openFileCache,
  openLakeQuery,
} from "@thulium-stream/lake";
import { createDuckdbEncoder } from "@thulium-stream/lake/duckdb";
import { createMemoryStore } from "@thulium-stream/lake/memory";
import { createParquetjsEncoder } from "@thulium-stream/lake/parquetjs";
import { ErasureFollower } from "@thulium-stream/runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lakeViews } from "../lake-catalog.ts";
import { LakeWriter } from "../lake-writer.ts";
import type { SnapshotManifest } from "../snapshot.ts";
import { tableViews } from "../table-views.ts";
import { LakeEraser } from "./lake-eraser.ts";
import { searchLake } from "./search-lake.ts";

const never = new AbortController().signal;
const key = "k".repeat(64);
const customer = "990077";

let folder: string;
let clock: ManualClock;
let log: EventLog;
let ids = 0;
const newId = () => {
  ids += 1;
  return `id${String(ids).padStart(6, "0")}`;
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "lake-eraser-"));
  clock = new ManualClock("2026-11-23T22:00:00.000Z");
  log = await openEmbeddedLog({ folder: join(folder, "log"), clock, logger: silentLogger, newId });
  await log.ensureTopics(topics);
  await append([erasureKeyRecord("acme", key)]);
});
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true, force: true });
});

const append = (records: readonly NewRecord[]) => appendRecords(log, records);

/** Tickets 0, 4, 8 … are of the customer. */
const isTheirs = (n: number) => n % 4 === 0;
const headOf = (n: number) =>
  makeTicket({
    ticket_id: String(7000 + n),
    customer_id: isTheirs(n) ? customer : "1",
    from: isTheirs(n) ? "ewa@example.pl" : "jan@example.pl",
  });
const observed = {
  observed_at: "2026-11-23T00:00:00.000Z",
  version: 1,
  content_hash: "h".repeat(26),
  last_event_id: "e".repeat(26),
};

function recordsOf(n: number, system = "acme"): readonly NewRecord[] {
  const head = { ...headOf(n), system };
  const message = makeMessage({ system, ticket_id: head.ticket_id, message_id: String(n) });
  const envelope = {
    system,
    ticket_id: head.ticket_id,
    time: observed.observed_at,
    time_is_observation: false,
    observed_at: observed.observed_at,
    origin: "backfill",
    version: 1,
    previous_event_id: null,
    source_updated_at: null,
    source_updated_at_ambiguous: false,
    changes: [] as never[],
  } as const;
  const ticketEvent: TicketEvent = {
    ...envelope,
    type: "thulium.ticket.created",
    id: `${system}t${n}`.padStart(26, "a"),
    kinds: ["created"],
    derived: [],
    ticket: head,
  };
  const messageEvent: MessageEvent = {
    ...envelope,
    type: "thulium.message.added",
    id: `${system}m${n}`.padStart(26, "a"),
    message_id: message.message_id,
    message,
    ticket: head,
  };
  const headers = { ts_append: "1" };
  return [
    recordOfEvent(ticketEvent, 1),
    recordOfEvent(messageEvent, 1),
    {
      topic: "tickets",
      key: `${system}:${head.ticket_id}`,
      value: encodeJson({ ...head, ...observed, listed: true, messages: [] }),
      headers,
    },
    {
      topic: "messages",
      key: `${system}:${head.ticket_id}:${n}`,
      partitionKey: `${system}:${head.ticket_id}`,
      value: encodeJson({ ...message, ...observed }),
      headers,
    },
    {
      topic: "ticket-metrics",
      key: `${system}:${head.ticket_id}`,
      value: encodeJson({
        system,
        ticket_id: head.ticket_id,
        customer_id: head.customer_id,
      }),
    },
  ];
}

const checkpoint: NewRecord = {
  topic: "extractor-state",
  key: "acme:checkpoint",
  value: encodeJson({
    system: "acme",
    append: 1,
    sealed: null,
    backfill_done_at: null,
    observed_at: observed.observed_at,
  }),
};

async function erasure(fields: Partial<ErasureState> = {}): Promise<ErasureState> {
  const ends: Record<string, number[]> = {};
  for (const topic of ["ticket-events", "message-events"])
    ends[topic] = (await log.ends(topic)).map(({ end }) => end);
  const theirs = Array.from({ length: 20 }, (_, n) => n).filter(isTheirs);
  return {
    system: "acme",
    erasure_id: "e1",
    subject: "customer",
    subject_hash: erasedHash(key, "customer", customer),
    ticket_hashes: theirs.map((n) => erasedHash(key, "ticket", String(7000 + n))),
    state: "erased",
    revision: 1,
    requested_at: observed.observed_at,
    erased_at: observed.observed_at,
    log_ends: ends,
    tickets: theirs.length,
    messages: theirs.length,
    dead_letters: 0,
    dead_letters_left: null,
    ...fields,
  };
}

function writerOn(store: ObjectStore, duckdb: BulkEncoder | null = null): LakeWriter {
  return new LakeWriter(
    {
      log,
      store,
      cache: cacheOf(store),
      encoders: { parquetjs: createParquetjsEncoder({ newId }), duckdb },
      encoderSetting: "parquetjs-lite",
      tempFolder: join(folder, "temp"),
      clock,
      logger: silentLogger,
      newId,
      limits: { flushIntervalMs: 1000, flushRows: 1000, flushBytes: 1e9 },
      deadLetter: async () => {},
    },
    { system: "acme", zone: "Europe/Warsaw", snapshotSchedule: "off", mergeIntervalMs: 3_600_000 },
  );
}

function cacheOf(store: ObjectStore) {
  const copies = join(folder, `copies-${newId()}`);
  return openFileCache({ url: "s3://bucket/lake", store, folder: copies, clock, newId });
}

/** Copies that are told apart by key alone: as if every file that is written anew had the size of the old one. */
function keyedCache(store: ObjectStore): FileCache {
  const copies = new Map<string, string>();
  const pathOf = async (key: string) => {
    const path = copies.get(key) ?? join(folder, `${newId()}.parquet`);
    if (!copies.has(key)) writeFileSync(path, (await store.get(key)) ?? "");
    copies.set(key, path);
    return path;
  };
  return {
    pathsOf: (objects) => Promise.all(objects.map(({ key }) => pathOf(key))),
    clear: async () => copies.clear(),
  };
}

const eraserOn = (store: ObjectStore, cache: FileCache = cacheOf(store)) =>
  new LakeEraser({
    system: "acme",
    log,
    store,
    cache,
    tempFolder: join(folder, "temp"),
    clock,
    logger: silentLogger,
    newId,
  });

/** A lake of twenty tickets in two commits a table, a snapshot after each, and claims. */
async function fill(store: ObjectStore): Promise<void> {
  await append([checkpoint]);
  for (const half of [0, 1]) {
    await append(Array.from({ length: 10 }, (_, n) => recordsOf(half * 10 + n)).flat());
    await writerOn(store).flushUntil(never);
    await writerOn(store).writeSnapshot(never);
    await clock.advance(60_000);
  }
  await store.put(`claims/acme/7004/${"a".repeat(64)}`, new Uint8Array([1]));
  await store.put(`claims/acme/7001/${"b".repeat(64)}`, new Uint8Array([1]));
}

async function copyOf(store: ObjectStore): Promise<ObjectStore> {
  const copy = createMemoryStore({ clock });
  for await (const { key: name } of store.list(""))
    await copy.put(name, (await store.get(name)) ?? new Uint8Array());
  return copy;
}

/** What is written in a manifest or a list of manifests: an Avro file of one block. */
function textOfAvro(file: Buffer): string {
  const sync = file.subarray(-16);
  let at = file.indexOf(sync) + sync.length;
  // How many records the block has, and how many bytes: numbers that end with a byte below 128.
  for (let numbers = 0; numbers < 2; at += 1) if ((file[at] ?? 0) < 0x80) numbers += 1;
  return inflateRawSync(file.subarray(at, -16)).toString();
}

/** Bounds are words of the rows: the metadata of a table tells none of what went, not even for files that it says are removed. */
async function expectNoWords(store: ObjectStore): Promise<void> {
  for await (const { key: name } of store.list("tables/")) {
    if (name.endsWith(".parquet")) continue;
    const file = Buffer.from((await store.get(name)) ?? []);
    // 7000 is the first ticket of all: the lower bound of the files that had it.
    const [text, words] = name.endsWith(".avro")
      ? [textOfAvro(file), /990077|ewa@example|7000/]
      : [file.toString(), /990077|ewa@example/];
    expect([name, words.exec(text)?.[0]]).toEqual([name, undefined]);
  }
}

/** Nothing is found, nothing else is missing, and every manifest states what is there. */
async function expectErased(store: ObjectStore): Promise<void> {
  await expectNoWords(store);
  const follower = new ErasureFollower(log, "acme");
  await follower.refresh();
  const cache = cacheOf(store);
  const { found } = await searchLake({ store, cache }, follower.records.list, never);
  expect([...found]).toEqual([]);
  const views = [];
  for (const { name, objects, columns } of await lakeViews(store))
    views.push({ name, columns, files: await cache.pathsOf(objects) });
  await using lake = await openLakeQuery({ views });
  for (const table of ["ticket_events", "message_events", "tickets", "messages", "ticket_metrics"])
    expect(
      (await lake.run(`select count(*), count(distinct ticket_id) from ${table}`)).rows,
      table,
    ).toEqual([[15, 15]]);
  for await (const { key: name } of store.list("snapshots/")) {
    if (!name.endsWith("_manifest.json")) continue;
    const text = Buffer.from((await store.get(name)) ?? []).toString();
    const { files, rows } = JSON.parse(text) as SnapshotManifest;
    expect(files.reduce((sum, file) => sum + file.rows, 0)).toBe(rows);
    for (const file of files) {
      const body = await store.get(name.replace("_manifest.json", file.name));
      const sha256 = createHash("sha256")
        .update(body ?? "")
        .digest("hex");
      expect([body?.byteLength, sha256]).toEqual([file.bytes, file.sha256]);
    }
  }
  expect(readdirSync(join(folder, "temp"))).not.toContain("erasure");
}

describe("the lake's part of an erasure", () => {
  it("takes the rows out of every table, its history, every snapshot and the claims, and leaves all others", async () => {
    const store = createMemoryStore({ clock });
    await fill(store);
    await append([erasureRecord(await erasure())]);
    expect(await eraserOn(store).eraseAll(never)).toBe("done");
    await expectErased(store);
    const follower = new ErasureFollower(log, "acme");
    await follower.refresh();
    const [state] = follower.records.list.erasures;
    expect(follower.records.doneBy("lake", state as ErasureState)?.counts).toEqual({
      "rows of tables": 10,
      // The first snapshot has three of their tickets, the second all five; as many messages and figures.
      "rows of snapshots": 24,
      "claim-check bodies": 1,
    });
    expect(await store.get(`claims/acme/7001/${"b".repeat(64)}`)).not.toBe(null);
  });

  it("leaves another tenant's tickets of the same ids where several share the topics", async () => {
    const store = createMemoryStore({ clock });
    const duckdb = await createDuckdbEncoder({ tempFolder: join(folder, "duckdb"), newId });
    try {
      await append([checkpoint, ...recordsOf(0), ...recordsOf(0, "other"), ...recordsOf(1)]);
      await writerOn(store, duckdb).flushUntil(never);
      await append([erasureRecord(await erasure())]);
      expect(await eraserOn(store).eraseAll(never)).toBe("done");
      const cache = cacheOf(store);
      for (const { name, objects, columns } of await tableViews(store)) {
        if (name.endsWith("_snapshot")) continue;
        const files = await cache.pathsOf(objects);
        await using lake = await openLakeQuery({ views: [{ name, files, columns }] });
        const sql = `select system, ticket_id from ${name} order by all`;
        expect((await lake.run(sql)).rows, name).toEqual([
          ["acme", "7001"],
          ["other", "7000"],
        ]);
      }
    } finally {
      await duckdb.close();
    }
  });

  it("states files of snapshots as they are, also when one that is written anew has its old size", async () => {
    const store = createMemoryStore({ clock });
    await fill(store);
    await append([erasureRecord(await erasure())]);
    expect(await eraserOn(store, keyedCache(store)).eraseAll(never)).toBe("done");
    await expectErased(store);
  });

  it("waits for tables that have still to come past the events, and those do not take them over", async () => {
    const store = createMemoryStore({ clock });
    await fill(store);
    await append([20, 24, 25].flatMap((n) => recordsOf(n)));
    await append([
      erasureRecord(
        await erasure({
          ticket_hashes: [0, 4, 8, 12, 16, 20, 24].map((n) =>
            erasedHash(key, "ticket", String(7000 + n)),
          ),
        }),
      ),
    ]);
    const eraser = eraserOn(store);
    expect(await eraser.eraseAll(never)).toBe("ahead");
    await writerOn(store).flushUntil(never);
    expect(await eraser.eraseAll(never)).toBe("done");
    const again = new ErasureFollower(log, "acme");
    await again.refresh();
    const [state] = again.records.list.erasures;
    // Those of the first look, too.
    expect(again.records.doneBy("lake", state as ErasureState)?.counts).toMatchObject({
      "rows of tables": 10,
      "rows of snapshots": 24,
    });
    const cache = cacheOf(store);
    const { found } = await searchLake({ store, cache }, again.records.list, never);
    expect([...found]).toEqual([]);
  });

  it("is complete after a kill before or after calls to the store, once it is done again", async () => {
    const origin = createMemoryStore({ clock });
    await fill(origin);
    const begun = await erasure();
    await append([erasureRecord(begun)]);
    const calm = new FaultyObjectStore(await copyOf(origin), () => undefined, clock);
    await eraserOn(calm).eraseAll(never);
    const changes = calm.calls.filter(({ method }) => method !== "get" && method !== "list");
    expect(changes.length).toBeGreaterThan(15);
    const failure = new Failure("Invariant", "killed");
    // Every sixth moment, before and after by turns; all of them take two minutes.
    for (const [turn, kind] of (["reject", "fail-after"] as const).entries())
      for (const { index } of changes.filter((_, at) => at % 6 === turn * 3)) {
        const durable = await copyOf(origin);
        // As if it was asked for anew: what earlier rounds have told does not count.
        await append([erasureRecord({ ...begun, revision: newRevision() })]);
        const dying = new FaultyObjectStore(
          durable,
          faultAt(index, { kind, everyLater: true, failure }),
          clock,
        );
        await eraserOn(dying)
          .eraseAll(never)
          .catch(() => {});
        expect(await eraserOn(durable).eraseAll(never), `${kind} ${index}`).toBe("done");
        await expectErased(durable);
      }
  }, 120_000);
});

let revisions = 1;
function newRevision(): number {
  revisions += 1;
  return revisions;
}
