import type { LogBatch, LogRecord } from "@thulium-stream/contracts";
import { beforeEach, expect, it } from "vitest";
import { HeldRows } from "./held-rows.ts";
import { RowBatch } from "./row-batch.ts";

const topic = "ticket-events";
let held: HeldRows;

beforeEach(async () => {
  held = new HeldRows({
    isErased: ({ key }) => key === "erased",
    newBatch: () =>
      new RowBatch({
        columns: [],
        folder: "/nowhere",
        newId: () => "id",
        nowMs: () => 0,
        deadLetter: async () => {},
        isBulk: () => false,
        isTrusted: () => false,
      }),
  });
  await held.reassign(owned(0, 1), { 0: 100 });
});

const owned = (...partitions: number[]) => partitions.map((partition) => ({ topic, partition }));

function delivery(partition: number, from: number, to: number): LogBatch {
  const records = Array.from({ length: to - from }, (_, at): LogRecord => {
    const place = { topic, partition, position: from + at };
    return { ...place, key: "k", value: Uint8Array.of(1), headers: {}, appendedAtMs: 0 };
  });
  return { kind: "batch", topic, partition, records, nextPosition: to, endPosition: 200 };
}

function sealed() {
  const seal = held.seal();
  const records = seal?.batch.days.flatMap((day) => day.records) ?? [];
  return {
    from: seal?.from,
    to: seal?.to,
    rows: records.map(({ partition, position }) => `${partition}/${position}`),
  };
}

it("batches follow each other without a gap, each from where the one before ends", async () => {
  await held.take(delivery(0, 100, 102), 1);
  await held.take(delivery(1, 0, 1), 2);
  expect(held.waiting).toMatchObject({ rows: 3, bytes: 3, oldestMs: 1 });
  expect(sealed()).toEqual({
    from: { 0: 100, 1: 0 },
    to: { 0: 102, 1: 1 },
    rows: ["0/100", "0/101", "1/0"],
  });
  await held.take(delivery(0, 102, 103), 3);
  expect(sealed()).toEqual({ from: { 0: 102 }, to: { 0: 103 }, rows: ["0/102"] });
  expect(held.seal()).toBeNull();
  expect(held.lag({ 0: 100 })).toBe(300);
});

it("what is delivered again, because the group had given this member up, is not taken twice", async () => {
  await held.take(delivery(0, 100, 103), 1);
  await held.reassign(owned(0, 1), { 0: 100 });
  await held.take(delivery(0, 100, 105), 2);
  expect(sealed().rows).toEqual(["0/100", "0/101", "0/102", "0/103", "0/104"]);
  await held.take(delivery(0, 100, 105), 3);
  expect(held.seal()).toBeNull();
});

it("what was committed between the start and the assignment is not taken either", async () => {
  await held.reassign([], {});
  await held.reassign(owned(0), { 0: 104 });
  await held.take(delivery(0, 100, 105), 1);
  expect(sealed()).toEqual({ from: { 0: 104 }, to: { 0: 105 }, rows: ["0/104"] });
});

it("rows of a lost partition are dropped, the others are kept", async () => {
  await held.take(delivery(0, 100, 102), 1);
  await held.take(delivery(1, 0, 2), 1);
  await held.reassign(owned(1), { 0: 100 });
  await held.take(delivery(0, 102, 103), 1);
  expect(sealed()).toEqual({ from: { 1: 0 }, to: { 1: 2 }, rows: ["1/0", "1/1"] });
});

it("knows when it holds all that the log has, and since when the oldest of it lies there", async () => {
  const aged = (batch: LogBatch, appendedAtMs: number): LogBatch => ({
    ...batch,
    records: batch.records.map((each) => ({ ...each, appendedAtMs })),
  });
  await held.take({ ...aged(delivery(0, 100, 102), 50), endPosition: 103 }, 90);
  expect(held.waiting).toMatchObject({ oldestMs: 90, oldestAppendedMs: 50, isAll: false });
  await held.take({ ...aged(delivery(1, 0, 1), 40), endPosition: 1 }, 91);
  expect(held.waiting).toMatchObject({ oldestMs: 90, oldestAppendedMs: 40, isAll: false });
  await held.take({ ...delivery(0, 102, 102), nextPosition: 103, endPosition: 103 }, 92);
  expect(held.waiting).toMatchObject({ oldestAppendedMs: 40, isAll: true });
  held.seal();
  expect(held.waiting).toMatchObject({ oldestMs: null, oldestAppendedMs: null, isAll: true });
});

it("has reached the ends once all below is taken, rows or not", async () => {
  const ends = new Map([
    [0, 102],
    [1, 0],
  ]);
  expect(held.hasReached(ends)).toBe(false);
  await held.take({ ...delivery(0, 100, 100), nextPosition: 102 }, 1);
  expect(held.hasReached(ends)).toBe(true);
});

it("what was erased makes no row, and the position goes past it", async () => {
  const batch = delivery(1, 0, 3);
  await held.take(
    { ...batch, records: batch.records.map((each) => ({ ...each, key: "erased" })) },
    7,
  );
  expect(held.waiting).toMatchObject({ rows: 0, bytes: 0, oldestMs: 7 });
  expect(sealed()).toEqual({ from: { 1: 0 }, to: { 1: 3 }, rows: [] });
  expect(held.seal()).toBeNull();
});
