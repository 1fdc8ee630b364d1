import fc from "fast-check";
import { expect, it } from "vitest";
import { Pending } from "./pending.ts";
import { SortedRows } from "./sorted-rows.ts";

const baseS = 1_700_000_000;

it("keeps rows by key then row through any inserts and removals, as a sorted array does", () => {
  const step = fc.tuple(fc.boolean(), fc.nat(40), fc.nat(4000));
  fc.assert(
    fc.property(fc.nat(3000), fc.array(step, { maxLength: 300 }), (built, steps) => {
      const keyOf = (row: number) => baseS + ((row * 7919) % 37);
      const rows = new SortedRows(baseS);
      rows.build(built, keyOf, (row) => row % 5 !== 0);
      let model = Array.from({ length: built }, (_, row) => [keyOf(row), row] as const).filter(
        ([, row]) => row % 5 !== 0,
      );
      for (const [inserts, shift, row] of steps) {
        const key = baseS + shift;
        const held = model.some(([k, r]) => k === key && r === row);
        if (inserts && !held) {
          rows.insert(key, row);
          model.push([key, row]);
        } else if (!inserts) {
          expect(rows.remove(key, row)).toBe(held);
          model = model.filter(([k, r]) => k !== key || r !== row);
        }
      }
      model.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
      expect([...rows.slice(0, rows.length)]).toEqual(model.map(([, row]) => row));
      const probe = baseS + 17;
      expect(rows.rankOf(probe)).toBe(model.filter(([key]) => key < probe).length);
      expect([...rows.slice(3, 9)]).toEqual(model.slice(3, 9).map(([, row]) => row));
    }),
    { numRuns: 60 },
  );
});

it("splits full chunks: 20,000 inserts under one key come back in the order of rows", () => {
  const rows = new SortedRows(baseS);
  for (let i = 0; i < 20_000; i++) rows.insert(baseS + 5, (i * 7) % 20_000);
  expect(rows.slice(0, 20_000)).toEqual(Int32Array.from({ length: 20_000 }, (_, row) => row));
  expect(rows.rankOf(baseS + 6)).toBe(20_000);
});

it("wakes rows by instant, then by row", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(50), fc.nat(900)), { maxLength: 200 }), (entries) => {
      const pending = new Pending(baseS);
      for (const [after, row] of entries) pending.push(baseS + after, row);
      const sorted = [...entries].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
      for (const [after, row] of sorted) {
        expect(pending.nextS).toBe(baseS + after);
        expect(pending.pop()).toBe(row);
      }
      expect(pending.nextS).toBe(Number.POSITIVE_INFINITY);
      expect(pending.pop()).toBe(-1);
    }),
  );
});
