import { Failure, type ObjectStore } from "@thulium-stream/contracts";
import { FaultyObjectStore, VirtualClock } from "@thulium-stream/kit";
import { describe, expect, it } from "vitest";
import { createMemoryStore } from "../object-stores/memory/index.ts";
import { Table } from "./table.ts";
import type { DataFile } from "./table-commit.ts";

const clock = new VirtualClock();
let ids = 0;
const newId = () => {
  ids += 1;
  return `commit-${ids}`;
};
const open = (store: ObjectStore) =>
  Table.open({ store, table: "t", topic: "topic", clock, newId });
const file = (n: number): DataFile => ({
  key: `data/${n}`,
  eventDate: "2026-11-23",
  rows: 10,
  bytes: 100,
});
const keysOf = async (store: ObjectStore) =>
  (await (await open(store)).files()).map(({ key }) => key);

describe("a table", () => {
  it("shows files and positions together, to every reader", async () => {
    const store = createMemoryStore();
    const table = await open(store);
    expect(await table.append([file(1)], { 0: 0 }, { 0: 10 })).toBe("committed");
    expect(await table.append([file(2)], { 0: 10 }, { 0: 20 })).toBe("committed");
    const reader = await open(store);
    expect([reader.positions, reader.current?.totals]).toEqual([
      { 0: 20 },
      { files: 2, rows: 20, bytes: 200 },
    ]);
    expect(await keysOf(store)).toEqual(["data/1", "data/2"]);
  });

  it("overtakes a writer whose partition was moved by another: its files are not committed", async () => {
    const store = createMemoryStore();
    const [first, second] = [await open(store), await open(store)];
    expect(await first.append([file(1)], { 0: 0 }, { 0: 10 })).toBe("committed");
    expect(await second.append([file(2)], { 0: 0 }, { 0: 12 })).toBe("overtaken");
    expect(await keysOf(store)).toEqual(["data/1"]);
  });

  it("re-bases a writer that lost the race but owns other partitions", async () => {
    const store = createMemoryStore();
    const [first, second] = [await open(store), await open(store)];
    const outcomes = await Promise.all([
      first.append([file(1)], { 0: 0 }, { 0: 10 }),
      second.append([file(2)], { 1: 0 }, { 1: 7 }),
    ]);
    expect(outcomes).toEqual(["committed", "committed"]);
    const reader = await open(store);
    expect([reader.positions, reader.current?.version]).toEqual([{ 0: 10, 1: 7 }, 2]);
    expect((await keysOf(store)).sort()).toEqual(["data/1", "data/2"]);
  });

  it("O3: commits once when the PUT reports a time-out, whether it happened or not, and another follows at once", async () => {
    for (const kind of ["reject", "fail-after"] as const) {
      const store = createMemoryStore();
      let other: Table | null = null;
      const doubtful = new FaultyObjectStore(store, () => undefined, clock);
      const table = await open(doubtful);
      let failed = false;
      doubtful.plan = ({ method }) => {
        if (method !== "putIfAbsent" || failed) return undefined;
        failed = true;
        return { kind, failure: new Failure("TimedOut", "no answer") };
      };
      const appending = table.append([file(1)], { 0: 0 }, { 0: 10 });
      other = await open(store);
      await other.append([file(2)], { 1: 0 }, { 1: 5 });
      expect(await appending).toBe("committed");
      expect((await keysOf(store)).sort()).toEqual(["data/1", "data/2"]);
      expect((await open(store)).positions).toEqual({ 0: 10, 1: 5 });
    }
  });

  it("is read whole from the newest full list on, also without the hint", async () => {
    const store = createMemoryStore();
    const table = await open(store);
    for (let n = 0; n < 120; n += 1) await table.append([file(n)], { 0: n }, { 0: n + 1 });
    expect(await keysOf(store)).toHaveLength(120);
    await store.delete(["tables/t/commits/_latest.json"]);
    expect(await keysOf(store)).toHaveLength(120);
    await store.put("tables/t/commits/_latest.json", new TextEncoder().encode("{stale"));
    expect(await keysOf(store)).toHaveLength(120);
  });
});
