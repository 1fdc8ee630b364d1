import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type EventLog,
  encodeJson,
  Failure,
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
  faultAt,
  makeTicketState,
  VirtualClock,
} from "@thulium-stream/kit";
import {
  expireSnapshots,
  noHistory,
  openFileCache,
  openLakeQuery,
  Table,
} from "@thulium-stream/lake";
import { createMemoryStore } from "@thulium-stream/lake/memory";
import { createParquetjsEncoder } from "@thulium-stream/lake/parquetjs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { stateTables } from "./columns.ts";
import { type MergeDeps, mergeTable } from "./merge-table.ts";

const [tickets, messages] = stateTables;
const { signal } = new AbortController();
let folder: string;
let clock: VirtualClock;
let log: EventLog;
let store: ObjectStore;
let ids = 0;
const letters: unknown[] = [];
const newId = () => `id${String(++ids).padStart(6, "0")}`;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "merge-table-"));
  clock = new VirtualClock("2026-11-23T22:00:00.000Z");
  log = await openEmbeddedLog({ folder: join(folder, "log"), clock, logger: silentLogger, newId });
  await log.ensureTopics(topics);
  store = createMemoryStore();
  letters.length = 0;
});
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true, force: true });
});

const monthOf = (n: number) => (n % 2 === 0 ? "2026-10" : "2026-11");

function ticket(n: number, subject: string | null, append = 1): NewRecord {
  const state = makeTicketState({ ticket_id: String(n), subject: subject ?? "" });
  return {
    topic: "tickets",
    key: `acme:${n}`,
    value: subject === null ? null : encodeJson(state),
    headers: {
      [headerNames.append]: String(append),
      ...(subject === null ? {} : { [headerNames.createdMonth]: monthOf(n) }),
    },
  };
}

const append = (...records: readonly NewRecord[]) => appendRecords(log, records);

/** Local copies without a cache between. */
function pathsFrom(on: ObjectStore): MergeDeps["cache"] {
  return {
    clear: async () => {},
    pathsOf: async (objects) => {
      const paths = [];
      for (const { key } of objects) {
        const path = join(folder, "copies", key);
        mkdirSync(join(path, ".."), { recursive: true });
        writeFileSync(path, (await on.get(key)) ?? "");
        paths.push(path);
      }
      return paths;
    },
  };
}

function depsOn(on: ObjectStore): MergeDeps {
  return {
    log,
    store: on,
    cache: pathsFrom(on),
    encoders: { parquetjs: createParquetjsEncoder({ newId }), duckdb: null },
    encoderSetting: "auto",
    tempFolder: join(folder, "temp"),
    clock,
    logger: silentLogger,
    newId,
    limits: { flushIntervalMs: 1000, flushRows: 10, flushBytes: 1e9 },
    deadLetter: async (letter) => void letters.push(letter),
  };
}

const merge = (on = store, cutAppend?: number) =>
  mergeTable(depsOn(on), tickets, {
    signal,
    ...(cutAppend === undefined ? {} : { cutAppend }),
  });

async function filesOf(table = "tickets") {
  const opened = await Table.open({ store, table, clock, newId });
  return await opened.liveFiles();
}

/** What the table holds, as a reader sees it: id → subject. */
async function held(): Promise<Readonly<Record<string, string>>> {
  const files = await pathsFrom(store).pathsOf(await filesOf());
  const view = { name: "tickets", columns: tickets.columns, files: [...files] };
  await using lake = await openLakeQuery({ views: [view] });
  const { rows } = await lake.run("select ticket_id, subject from tickets");
  expect(new Set(rows.map(([id]) => id)).size, "a key twice").toBe(rows.length);
  return Object.fromEntries(rows.map(([id, subject]) => [String(id), String(subject)]));
}

describe("merging a current-state table", () => {
  it("keeps the newest record of each key, drops what has a tombstone, and lays rows by the ticket's month", async () => {
    await append(ticket(1, "a"), ticket(2, "a"), ticket(3, "a"), ticket(4, "a"));
    expect(await merge()).toMatchObject({ changes: 4, filesWritten: 2, filesRemoved: 0 });
    await append(
      ticket(1, "b"),
      ticket(1, "c"),
      ticket(2, null),
      ticket(5, "new"),
      ticket(9, null),
    );
    expect(await merge()).toMatchObject({ changes: 5, filesRemoved: 2 });
    expect(await held()).toEqual({ 1: "c", 3: "a", 4: "a", 5: "new" });
    expect((await filesOf()).map(({ partition, sorted }) => [partition, sorted])).toEqual(
      expect.arrayContaining([
        ["2026-10", true],
        ["2026-11", true],
      ]),
    );
    expect(await merge()).toMatchObject({ changes: 0, filesWritten: 0 });
  });

  it("writes only the files anew that hold a changed ticket", async () => {
    await append(ticket(1, "a"), ticket(2, "a"));
    await merge();
    const before = new Map((await filesOf()).map(({ partition, key }) => [partition, key]));
    await append(ticket(1, "b"));
    expect(await merge()).toMatchObject({ filesWritten: 1, filesRemoved: 1 });
    const after = new Map((await filesOf()).map(({ partition, key }) => [partition, key]));
    expect(after.get("2026-10")).toBe(before.get("2026-10"));
    expect(after.get("2026-11")).not.toBe(before.get("2026-11"));
  });

  it("moves a row whose ticket's month became known, and leaves no old one behind", async () => {
    const nowhere = { ...ticket(1, "a"), headers: { [headerNames.append]: "1" } };
    await append(nowhere, ticket(3, "a"));
    await merge();
    await append(ticket(1, "b"));
    await merge();
    expect(await held()).toEqual({ 1: "b", 3: "a" });
    expect((await filesOf()).map(({ partition }) => partition)).toEqual(["2026-11"]);
  });

  it("stops before the first record of a later append, and goes on from there", async () => {
    await append(ticket(1, "a", 1), ticket(2, "a", 2), ticket(1, "b", 3));
    await merge(store, 2);
    expect(await held()).toEqual({ 1: "a", 2: "a" });
    await merge();
    expect(await held()).toEqual({ 1: "b", 2: "a" });
  });

  it("keeps messages of one ticket in its month, and removes one alone", async () => {
    const message = (id: number, body: string | null): NewRecord => ({
      topic: "messages",
      key: `acme:7:${id}`,
      partitionKey: "acme:7",
      value:
        body === null
          ? null
          : encodeJson({ system: "acme", ticket_id: "7", message_id: String(id), body }),
      headers: { [headerNames.append]: "1", [headerNames.createdMonth]: "2026-10" },
    });
    await append(message(1, "one"), message(2, "two"), message(3, "three"));
    await mergeTable(depsOn(store), messages, { signal });
    await append(message(2, null), message(3, "drei"));
    await mergeTable(depsOn(store), messages, { signal });
    const files = await pathsFrom(store).pathsOf(await filesOf("messages"));
    const view = { name: "messages", columns: messages.columns, files: [...files] };
    await using lake = await openLakeQuery({ views: [view] });
    const { rows } = await lake.run("select message_id, body from messages order by 1");
    expect(rows).toEqual([
      ["1", "one"],
      ["3", "drei"],
    ]);
  });

  it("loses and doubles nothing when it is killed before or after any call to the store", async () => {
    await append(ticket(1, "a"), ticket(2, "a"), ticket(3, "a"));
    await merge();
    await append(ticket(1, "b"), ticket(2, null), ticket(4, "new"));
    const before = store as ReturnType<typeof createMemoryStore>;
    const copyOf = async () => {
      const copy = createMemoryStore();
      for await (const { key } of before.list(""))
        await copy.put(key, (await before.get(key)) ?? new Uint8Array());
      return copy;
    };
    const calm = new FaultyObjectStore(await copyOf(), () => undefined, clock);
    await merge(calm);
    const failure = new Failure("Invariant", "killed");
    for (const kind of ["reject", "fail-after"] as const)
      for (let index = 0; index < calm.calls.length; index += 1) {
        store = await copyOf();
        const fault = faultAt(index, { kind, everyLater: true, failure });
        await merge(new FaultyObjectStore(store, fault, clock)).catch(() => {});
        await merge();
        expect([kind, index, await held()]).toEqual([kind, index, { 1: "b", 3: "a", 4: "new" }]);
      }
  }, 300_000);

  it("takes longer than an hour to read the log and is committed all the same: only files grow old", async () => {
    await append(ticket(1, "a"), ticket(2, "a"));
    const ends = log.ends.bind(log);
    const slow = vi.spyOn(log, "ends").mockImplementation(async (topic) => {
      expect(slow.mock.calls, "what was merged was not committed").toHaveLength(1);
      await clock.sleep(2 * 3_600_000);
      return await ends(topic);
    });
    await merge();
    expect(await held()).toEqual({ 1: "a", 2: "a" });
  });

  it("two merges at once: one is overtaken and finds nothing left to do", async () => {
    await append(...Array.from({ length: 40 }, (_, n) => ticket(n, "a")));
    await merge();
    await append(...Array.from({ length: 40 }, (_, n) => ticket(n, n % 3 === 0 ? null : "b")));
    await Promise.all([merge(), merge()]);
    const expected = Array.from({ length: 40 }, (_, n) => n).filter((n) => n % 3 !== 0);
    expect(await held()).toEqual(Object.fromEntries(expected.map((n) => [n, "b"])));
  });

  it("lays everything out anew when it slept longer than tombstones are kept", async () => {
    await append(ticket(1, "a"), ticket(2, "a"));
    await merge();
    // A row that the log knows nothing of any more: its tombstone came and went unseen.
    await log.close();
    rmSync(join(folder, "log"), { recursive: true });
    log = await openEmbeddedLog({
      folder: join(folder, "log"),
      clock,
      logger: silentLogger,
      newId,
    });
    await log.ensureTopics(topics);
    await append(ticket(2, "a"), ...Array.from({ length: 30 }, (_, n) => ticket(10 + n, "a")));
    await clock.sleep(6 * 86_400_000);
    await merge();
    expect(Object.keys(await held())).not.toContain("1");
    expect(Object.keys(await held())).toHaveLength(31);
  });

  it("sets a record that is no row aside, with its text, and merges the rest", async () => {
    const text = (value: string) => ({
      ...ticket(1, "a"),
      key: "acme:8",
      value: Buffer.from(value),
    });
    await append(ticket(1, "a"), text("not json"), text('{"version":"many"}'), ticket(2, "a"));
    await merge();
    expect(await held()).toEqual({ 1: "a", 2: "a" });
    expect(letters).toHaveLength(2);
  });

  it("refuses a table that is ahead of the log: it was written from another one", async () => {
    await append(ticket(1, "a"), ticket(1, "b"));
    await merge();
    await log.close();
    rmSync(join(folder, "log"), { recursive: true });
    log = await openEmbeddedLog({
      folder: join(folder, "log"),
      clock,
      logger: silentLogger,
      newId,
    });
    await log.ensureTopics(topics);
    await expect(merge()).rejects.toMatchObject({ code: "PositionLost" });
  });
});

it.each([
  ["its list of manifests", /\/metadata\/snap-/],
  ["a file", /\/data\/.*\.parquet$/],
])("merges again when %s goes by an erasure at another machine", async (_, going) => {
  await append(ticket(1, "a"), ticket(2, "a"));
  await merge();
  await append(ticket(1, "b"));
  const erase = async () => {
    const table = await Table.open({ store, table: "tickets", clock, newId });
    for (const file of await table.liveFiles()) {
      const key = file.key.replace(".parquet", "x.parquet");
      await store.copy(file.key, key);
      const [added, removed, writtenAtMs] = [[{ ...file, key }], [file.key], clock.now()];
      await table.commit({ operation: "overwrite", added, removed, writtenAtMs });
    }
    await expireSnapshots(table, { store, clock, history: noHistory });
  };
  const racing = new FaultyObjectStore(store, () => undefined, clock);
  let isFirst = true;
  racing.plan = ({ method, keys }) => {
    if (method !== "get" || !going.test(keys[0] ?? "") || !isFirst) return;
    isFirst = false;
    return { kind: "hold", until: erase() };
  };
  const cache = openFileCache({
    ...{ url: "s3://bucket/lake", store: racing, clock, newId },
    folder: join(folder, "cache"),
  });
  await mergeTable({ ...depsOn(racing), cache }, tickets, { signal });
  expect([await held(), isFirst]).toEqual([{ 1: "b", 2: "a" }, false]);
});

it("that is told to stop while its store refuses each file ends", async () => {
  await append(ticket(1, "a"));
  const stop = new AbortController();
  let refused = 0;
  const refusing = new FaultyObjectStore(
    store,
    ({ method, keys }) => {
      if (method !== "put" || !keys[0]?.endsWith(".parquet")) return;
      refused += 1;
      if (refused === 3) stop.abort();
      return refused < 50 ? { kind: "reject" } : undefined;
    },
    clock,
  );
  const merging = mergeTable(depsOn(refusing), tickets, { signal: stop.signal });
  await expect(merging).rejects.toMatchObject({ code: "Cancelled" });
  expect(refused).toBe(3);
});
