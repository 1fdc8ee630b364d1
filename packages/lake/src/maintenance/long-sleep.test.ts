import type { Column, ObjectStore } from "@thulium-stream/contracts";
import { FaultyObjectStore, VirtualClock } from "@thulium-stream/kit";
import { beforeEach, describe, expect, it } from "vitest";
import { createMemoryStore, type MemoryObjects } from "../object-stores/memory/memory-store.ts";
import type { DataFile } from "../table/data-file.ts";
import { Table } from "../table/table.ts";
import { expireSnapshots, noHistory } from "./expire-snapshots.ts";
import { removeOrphans } from "./remove-orphans.ts";

const columns: readonly Column[] = [
  { id: 1, name: "ticket_id", type: "text", doc: "" },
  { id: 90, name: "event_date", type: "text", doc: "" },
];
const spec = { topic: "topic", columns, partition: "event_date", sort: ["ticket_id"] };
const dayMs = 86_400_000;
let ids = 0;
const newId = () => `id${String(++ids).padStart(6, "0")}`;

describe("a process that slept for days while others worked and expired", () => {
  let clock: VirtualClock;
  let objects: MemoryObjects;
  let store: ObjectStore;

  beforeEach(() => {
    clock = new VirtualClock("2026-11-24T08:00:00.000Z");
    objects = new Map();
    store = createMemoryStore({ objects, clock });
  });

  const open = (on: ObjectStore = store) => Table.open({ store: on, table: "t", clock, newId });
  const drowsyStore = () => new FaultyObjectStore(store, () => undefined, clock);

  async function made(): Promise<Table> {
    const table = await open();
    await table.prepare({ ...spec, history: { newest: 1, days: 30 } });
    return table;
  }

  async function file(rows: number): Promise<DataFile> {
    const key = `tables/t/data/event_date=2026-11-24/${newId()}.parquet`;
    await store.put(key, new Uint8Array(rows));
    return { key, partition: "2026-11-24", rows, bytes: rows, columns: [], sorted: false };
  }

  async function append(table: Table, rows: number, partition = 0) {
    const from = table.positions[partition] ?? 0;
    return await table.commit({
      operation: "append",
      added: [await file(rows)],
      from: { [partition]: from },
      to: { [partition]: from + rows },
      writtenAtMs: clock.now(),
    });
  }

  /** More versions than are kept, old enough for the first of them to go. */
  async function lifeGoesOn(): Promise<void> {
    const table = await open();
    await clock.sleep(dayMs);
    for (let n = 0; n < 120; n += 1) await append(table, 1, 1);
    await clock.sleep(4 * dayMs);
    await append(table, 1, 1);
    await removeOrphans(table, { store, clock });
  }

  const rowsOf = async (table: Table) =>
    (await table.liveFiles()).reduce((sum, { rows }) => sum + rows, 0);

  /** Everything that the newest version names is there. */
  async function expectWhole(rows: number): Promise<void> {
    const table = await open();
    const files = await table.liveFiles();
    expect(files.filter(({ key }) => !objects.has(key)).map(({ key }) => key)).toEqual([]);
    expect(await rowsOf(table)).toBe(rows);
  }

  it("commits no removal whose manifests were taken for orphans meanwhile", async () => {
    const table = await made();
    await append(table, 3);
    await append(table, 5);
    const [gone] = await table.liveFiles();
    const drowsy = drowsyStore();
    const sleeper = await open(drowsy);
    const asleep = async () => {
      await clock.sleep(4 * dayMs);
      await file(1);
      await removeOrphans(table, { store, clock });
    };
    let isFirst = true;
    drowsy.plan = ({ method, keys }) => {
      if (method !== "putIfAbsent" || !keys[0]?.endsWith(".metadata.json") || !isFirst) return;
      isFirst = false;
      return { kind: "hold", until: asleep() };
    };
    const writtenAtMs = clock.now();
    const removed = [gone?.key ?? ""];
    await sleeper.commit({ operation: "delete", added: [], removed, writtenAtMs });
    expect([8 - (gone?.rows ?? 0), 8]).toContain(await rowsOf(await open()));
  });

  it("commits on top of the newest version when what its own one named has expired", async () => {
    const writer = await made();
    await writer.prepare({ ...spec, history: { newest: 100, days: 30 } });
    await append(writer, 3);
    const other = await open();
    await append(other, 5, 1);
    await expireSnapshots(other, { store, clock, history: noHistory });
    expect(await append(writer, 4)).toBe("committed");
    await expectWhole(12);
  });

  it("that fell asleep before its hint was written goes on from the newest version", async () => {
    await made();
    const drowsy = drowsyStore();
    const sleeper = await open(drowsy);
    let isFirst = true;
    drowsy.plan = ({ method, keys }) => {
      if (method !== "put" || !keys[0]?.endsWith("version-hint.text") || !isFirst) return;
      isFirst = false;
      return { kind: "hold", until: lifeGoesOn() };
    };
    expect(await append(sleeper, 7)).toBe("committed");
    expect(await append(sleeper, 9)).toBe("committed");
    await expectWhole(7 + 121 + 9);
    expect((await open()).positions).toEqual({ 0: 16, 1: 121 });
  });

  it.each(["reject", "fail-after"] as const)(
    "takes no version in a gap for the newest when the call after it meets %s",
    async (kind) => {
      await made();
      const flaky = drowsyStore();
      const sleeper = await open(flaky);
      await append(sleeper, 7);
      await lifeGoesOn();
      const first = flaky.calls.length;
      let at = 0;
      flaky.plan = ({ index, method, keys }) => {
        const isCommit = method === "putIfAbsent" && keys[0]?.endsWith(".metadata.json");
        if (at === 0 && index >= first && isCommit) at = kind === "reject" ? index + 1 : index;
        return at !== 0 && index === at ? { kind } : undefined;
      };
      expect(await append(sleeper, 9)).toBe("committed");
      await expectWhole(7 + 121 + 9);
    },
  );

  it("that fell asleep while it looked for orphans removes nothing that is named", async () => {
    await made();
    const drowsy = drowsyStore();
    const sleeper = await open(drowsy);
    let isFirst = true;
    drowsy.plan = ({ method, keys }) => {
      if (method !== "list" || keys[0] !== "tables/t/" || !isFirst) return;
      isFirst = false;
      return { kind: "hold", until: lifeGoesOn() };
    };
    await removeOrphans(sleeper, { store: drowsy, clock });
    await expectWhole(121);
  });
});
