import fc from "fast-check";
import { expect, it } from "vitest";
import { Sketch } from "./sketch.ts";

const numbers = fc.array(fc.double({ min: 0, max: 1e8, noNaN: true }), {
  minLength: 1,
  maxLength: 400,
});

it("is within 1 % of the exact quantile, also after merging (property)", () => {
  fc.assert(
    fc.property(numbers, numbers, fc.constantFrom(0, 0.25, 0.5, 0.9, 0.95, 0.99, 1), (a, b, q) => {
      const [first, second] = [new Sketch(), new Sketch()];
      for (const value of a) first.add(value);
      for (const value of b) second.add(value);
      first.merge(second);
      const sorted = [...a, ...b].sort((x, y) => x - y);
      const exact = sorted[Math.floor(q * (sorted.length - 1))] ?? 0;
      expect(Math.abs((first.quantile(q) ?? 0) - exact)).toBeLessThanOrEqual(
        exact * 0.0100001 + 1e-300,
      );
      expect(first.count).toBe(sorted.length);
    }),
  );
});

it("knows nothing of nothing", () => {
  expect([new Sketch().quantile(0.5), new Sketch().mean]).toEqual([null, null]);
});
