import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
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
  seededRandom,
  VirtualClock,
} from "@thulium-stream/kit";
import {
  defaultMergePolicy,
  type MergePolicy,
  openFileCache,
  openLakeQuery,
  Table,
  wholePositionsOfSnapshot,
} from "@thulium-stream/lake";
import { createMemoryStore } from "@thulium-stream/lake/memory";
import { createParquetjsEncoder } from "@thulium-stream/lake/parquetjs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stateTables } from "./columns.ts";
import { describeLake } from "./lake-catalog.ts";
import { type MergeDeps, mergeTable } from "./merge-table.ts";
import { gapsOf } from "./verify-lake.ts";

const [tickets] = stateTables;
const { signal } = new AbortController();
/** Puts off whatever it may. */
const policy: MergePolicy = {
  ...defaultMergePolicy,
  mostRowsPerChange: 3,
  wholeBelowBytes: 0,
  pieceRows: 4,
};
const hourMs = 3_600_000;

let folder: string;
let clock: VirtualClock;
let log: Awaited<ReturnType<typeof openEmbeddedLog>>;
let store: ObjectStore;
let ids = 0;
let letters = 0;
const newId = () => `id${String(++ids).padStart(6, "0")}`;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "merge-in-part-"));
  clock = new VirtualClock("2026-11-23T08:00:00.000Z");
  log = await openEmbeddedLog({ folder: join(folder, "log"), clock, logger: silentLogger, newId });
  await log.ensureTopics(topics);
  store = createMemoryStore();
  letters = 0;
});
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true, force: true });
});

function record(n: number, month: string, subject: string | null): NewRecord {
  const state = makeTicketState({ ticket_id: String(n), subject: subject ?? "" });
  return {
    topic: "tickets",
    key: `acme:${n}`,
    value: subject === null ? null : encodeJson(state),
    headers: {
      [headerNames.append]: "1",
      ...(subject === null ? {} : { [headerNames.createdMonth]: month }),
    },
  };
}

const append = (...records: readonly NewRecord[]) => appendRecords(log, records);

function merge(options: { whole?: boolean; on?: ObjectStore; cutAppend?: number } = {}) {
  const { on = store, ...rest } = options;
  const copies = join(folder, `copies-${newId()}`);
  const deps: MergeDeps = {
    log,
    store: on,
    cache: openFileCache({ url: "s3://bucket/lake", store: on, folder: copies, clock, newId }),
    encoders: { parquetjs: createParquetjsEncoder({ newId }), duckdb: null },
    encoderSetting: "auto",
    tempFolder: join(folder, "temp"),
    clock,
    logger: silentLogger,
    newId,
    limits: { flushIntervalMs: 1000, flushRows: 10, flushBytes: 1e9 },
    deadLetter: async () => {
      letters += 1;
    },
  };
  return mergeTable(deps, tickets, { policy, signal, ...rest });
}

const opened = (of: ObjectStore = store) =>
  Table.open({ store: of, table: "tickets", clock, newId });

/** What the table holds, as a reader sees it: id → subject; no id twice. */
async function held(of: ObjectStore = store): Promise<Readonly<Record<string, string>>> {
  const files = await (await opened(of)).liveFiles();
  const copies = join(folder, `copies-${newId()}`);
  const cache = openFileCache({ url: "s3://bucket/lake", store: of, folder: copies, clock, newId });
  const paths = await cache.pathsOf(files);
  const view = { name: "tickets", columns: tickets.columns, files: [...paths] };
  await using lake = await openLakeQuery({ views: [view] });
  const { rows } = await lake.run("select ticket_id, subject from tickets", { maxRows: 100_000 });
  expect(new Set(rows.map(([id]) => id)).size, "a key twice").toBe(rows.length);
  return Object.fromEntries(rows.map(([id, subject]) => [String(id), String(subject)]));
}

/** Forty tickets of an old month and eight of the newest. */
async function fill(): Promise<Record<string, string>> {
  const state: Record<string, string> = {};
  const records = Array.from({ length: 48 }, (_, n) => {
    state[String(100 + n)] = "0";
    return record(100 + n, n < 40 ? "2026-10" : "2026-11", "0");
  });
  await append(...records);
  await merge();
  return state;
}

describe("merging in part", () => {
  it("takes over at once what much changes in, and by a whole merge the rest", async () => {
    const state = await fill();
    await append(
      record(105, "2026-10", "a"),
      record(141, "2026-11", "a"),
      record(142, "2026-11", "a"),
    );
    await append(
      record(143, "2026-11", "a"),
      record(150, "2026-11", "a"),
      record(106, "2026-10", null),
    );
    await merge();
    const recent: Record<string, string> = { ...state, 141: "a", 142: "a", 143: "a", 150: "a" };
    expect(await held()).toEqual(recent);
    const [table] = (await describeLake(store)).tables.filter(({ name }) => name === "tickets");
    expect(table?.wholePositions).not.toEqual(table?.positions);
    await merge({ whole: true });
    const { 106: _gone, ...left } = recent;
    expect(await held()).toEqual({ ...left, 105: "a" });
    const after = await opened();
    expect(after.wholeness).toEqual({ positions: after.positions, atMs: clock.now() });
  });

  it("is whole by itself a day after the last whole one", async () => {
    const state = await fill();
    await append(record(105, "2026-10", "a"));
    await clock.sleep(23 * hourMs);
    await merge();
    expect(await held()).toEqual(state);
    await clock.sleep(hourMs);
    await merge();
    expect(await held()).toEqual({ ...state, 105: "a" });
  });

  it("sets a record that is no row aside once, however often it is read", async () => {
    await fill();
    await append({ ...record(105, "2026-10", "a"), value: Buffer.from("not json") });
    await append(
      record(141, "2026-11", "a"),
      record(142, "2026-11", "a"),
      record(143, "2026-11", "a"),
    );
    await append(record(107, "2026-10", "a"));
    await merge();
    await append(
      record(144, "2026-11", "a"),
      record(145, "2026-11", "a"),
      record(146, "2026-11", "a"),
    );
    await merge();
    await merge({ whole: true });
    expect(letters).toBe(1);
  });

  it("a cut below what was read before takes nothing back", async () => {
    const state = await fill();
    const later = (n: number, month: string) => ({
      ...record(n, month, "a"),
      headers: { [headerNames.append]: "7", [headerNames.createdMonth]: month },
    });
    await append(later(105, "2026-10"), ...[141, 142, 143].map((n) => later(n, "2026-11")));
    await merge();
    await merge({ whole: true, cutAppend: 6 });
    expect(await held()).toEqual({ ...state, 105: "a", 141: "a", 142: "a", 143: "a" });
  });

  it("knows of a quiet table that nothing is missing, and does not lay it out anew after days", async () => {
    await fill();
    for (let day = 0; day < 8; day += 1) {
      await clock.sleep(24 * hourMs);
      await merge();
    }
    const before = (await (await opened()).liveFiles()).map(({ key }) => key);
    await append(record(160, "2026-12", "new"));
    await merge();
    const after = (await (await opened()).liveFiles()).map(({ key }) => key);
    expect(after).toEqual(expect.arrayContaining(before));
  });

  it("lays everything out anew when no merge was whole for longer than tombstones are kept", async () => {
    await fill();
    await append(record(105, "2026-10", "a"));
    await merge();
    // Only merges in part since then: as if the whole ones had failed for days.
    await (await opened()).update((metadata) => ({
      ...metadata,
      properties: {
        ...metadata.properties,
        "thulium.whole-at": new Date(clock.now() - 6 * 24 * hourMs).toISOString(),
      },
    }));
    const before = (await (await opened()).liveFiles()).map(({ key }) => key);
    await append(record(141, "2026-11", "a"));
    await merge();
    const after = (await (await opened()).liveFiles()).map(({ key }) => key);
    expect(after.filter((key) => before.includes(key))).toEqual([]);
  });

  it.each([11, 12, 13])(
    "seed %i: each row is as the log had it between the two positions, and a whole merge equals the topic, however killed or raced",
    async (seed) => {
      const random = seededRandom(seed);
      const upTo = (n: number) => Math.floor(random() * n);
      /** Every state that a key ever had, by the number of the change after which it held. */
      const history = new Map<string, { readonly at: number; readonly subject: string | null }[]>();
      const months = new Map<number, string>();
      let at = 0;
      let wholeAt = 0;
      const change = (n: number): NewRecord => {
        at += 1;
        const isGone = random() < 0.15;
        // Now and then a ticket's month becomes known, or is another one.
        if (!months.has(n) || random() < 0.1)
          months.set(n, ["2026-09", "2026-10", "2026-11", "unknown"][upTo(4)] ?? "");
        const subject = isGone ? null : String(at);
        history.set(String(n), [...(history.get(String(n)) ?? []), { at, subject }]);
        return record(n, months.get(n) ?? "", subject);
      };
      for (let step = 0; step < 10; step += 1) {
        // Some tickets change a lot, the others seldom.
        const numbers = Array.from({ length: step === 0 ? 60 : 1 + upTo(12) }, () =>
          random() < 0.7 && step > 0 ? 100 + upTo(8) : 100 + upTo(60),
        );
        await append(...numbers.map(change));
        await clock.sleep(hourMs);
        const whole = random() < 0.25;
        const drawn = random();
        if (drawn < 0.3) {
          const kind = random() < 0.5 ? ("reject" as const) : ("fail-after" as const);
          const failure = new Failure("Invariant", "killed");
          const fault = faultAt(upTo(30), { kind, everyLater: true, failure });
          await merge({ whole, on: new FaultyObjectStore(store, fault, clock) }).catch(() => {});
        } else if (drawn < 0.6) {
          await Promise.all([merge({ whole }), merge({ whole: random() < 0.5 })]);
        }
        await merge({ whole });
        if (whole) wholeAt = at;
        const rows = await held();
        for (const [id, states] of history) {
          const first = states.findLast((state) => state.at <= wholeAt)?.subject ?? null;
          const possible = [first, ...states.filter((s) => s.at > wholeAt).map((s) => s.subject)];
          expect(possible, `ticket ${id} at step ${step}`).toContain(rows[id] ?? null);
        }
      }
      await merge({ whole: true });
      const current = [...history].flatMap(([id, states]) => {
        const subject = states.at(-1)?.subject ?? null;
        return subject === null ? [] : [[id, subject] as const];
      });
      expect(await held()).toEqual(Object.fromEntries(current));
      const { metadata } = await opened();
      expect(gapsOf("tickets", metadata?.snapshots ?? [])).toEqual([]);
      const states = metadata?.snapshots ?? [];
      expect(
        states.some(
          (s) => s.summary["thulium.positions"] !== JSON.stringify(wholePositionsOfSnapshot(s)),
        ),
      ).toBe(true);
    },
    300_000,
  );
});
