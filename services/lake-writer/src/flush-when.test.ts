import { expect, it } from "vitest";
import { flushInMs } from "./flush-when.ts";

const limits = { flushIntervalMs: 60_000, flushRows: 100, flushBytes: 1000 };
const nowMs = 500_000;
const some = { rows: 1, bytes: 10, oldestMs: nowMs - 10_000, oldestAppendedMs: 0, isAll: false };

it.each([
  [{ ...some, rows: 0, bytes: 0, oldestMs: null }, Number.POSITIVE_INFINITY],
  [some, 50_000],
  [{ ...some, oldestMs: nowMs - 80_000 }, 0],
  [{ ...some, rows: 100 }, 0],
  [{ ...some, bytes: 1000 }, 0],
])("%j is written in %d ms", (waiting, ms) => {
  for (const inBacklog of [false, true])
    expect(flushInMs(waiting, limits, { nowMs, inBacklog })).toBe(ms);
});

it("the end of a backlog is written at once", () => {
  const end = { ...some, isAll: true };
  expect(flushInMs(end, limits, { nowMs, inBacklog: true })).toBe(0);
});

it("rows of a log that is followed as it grows wait, also behind a batch that was full", () => {
  const fresh = { ...some, isAll: true, oldestAppendedMs: nowMs - 59_999 };
  expect(flushInMs(fresh, limits, { nowMs, inBacklog: true })).toBe(50_000);
});

it("rows that a wrong clock made old are not written one by one", () => {
  const end = { ...some, isAll: true };
  expect(flushInMs(end, limits, { nowMs, inBacklog: false })).toBe(50_000);
});
