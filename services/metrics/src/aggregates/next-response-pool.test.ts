import { expect, it } from "vitest";
import { NextResponsePool } from "./next-response-pool.ts";

it("gives back the newest responses of every row, in room that does not grow with how often they changed", () => {
  const pool = new NextResponsePool();
  const answersOf = (row: number, count: number) =>
    Array.from({ length: count }, (_, at) => [1000 + row, row * 60, at % 3 === 0 ? -1 : at]).flat();
  const rows = 60;
  const most = 80;
  for (let count = 1; count <= most; count += 1)
    for (let row = 0; row < rows; row += 1) pool.set(row, answersOf(row, (count * (row + 1)) % 97));
  const { width } = NextResponsePool;
  for (let row = 0; row < rows; row += 1) {
    const start = (pool.starts[row] ?? 0) * width;
    const found = Array.from({ length: pool.counts[row] ?? 0 }, (_, at) => [
      ...pool.entries.subarray(start + at * width, start + at * width + 3),
    ]).flat();
    expect(found).toEqual(answersOf(row, (most * (row + 1)) % 97));
  }
  // What one row took before it grew is used again, at the latest when half of all is such room.
  expect(pool.entries.length / width).toBeLessThan(2.5 * rows * 97 + 4096);
});
