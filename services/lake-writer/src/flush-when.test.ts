import { expect, it } from "vitest";
import { flushInMs } from "./flush-when.ts";

const limits = { flushIntervalMs: 60_000, flushRows: 100, flushBytes: 1000 };

it.each([
  [{ rows: 0, bytes: 0, oldestMs: null }, Number.POSITIVE_INFINITY],
  [{ rows: 1, bytes: 10, oldestMs: 40_000 }, 50_000],
  [{ rows: 1, bytes: 10, oldestMs: -30_000 }, 0],
  [{ rows: 100, bytes: 10, oldestMs: 50_000 }, 0],
  [{ rows: 1, bytes: 1000, oldestMs: 50_000 }, 0],
])("%j is written in %d ms", (waiting, ms) => {
  expect(flushInMs(waiting, limits, 50_000)).toBe(ms);
});
