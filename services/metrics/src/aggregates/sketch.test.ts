import fc from "fast-check";
import { expect, it } from "vitest";
import { Sketch } from "./sketch.ts";

const numbers = fc.array(fc.nat({ max: 100_000_000 }), {
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
      expect(Math.abs((first.quantile(q) ?? 0) - exact)).toBeLessThanOrEqual(exact * 0.0100001);
      expect(first.count).toBe(sorted.length);
    }),
  );
});

it("counts as many up to a bound as there are, but for numbers within 1 % of it (property)", () => {
  fc.assert(
    fc.property(numbers, (values) => {
      const sketch = new Sketch();
      for (const value of values) sketch.add(value);
      const bounds = [900, 3600, 86_400];
      const counts = sketch.histogram(bounds);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(values.length);
      let upTo = 0;
      for (const [at, bound] of bounds.entries()) {
        upTo += counts[at] ?? 0;
        const surely = values.filter((value) => value <= bound * 0.98).length;
        const perhaps = values.filter((value) => value <= bound * 1.021).length;
        expect(upTo).toBeGreaterThanOrEqual(surely);
        expect(upTo).toBeLessThanOrEqual(perhaps);
      }
    }),
  );
});

it("merges to what one sketch of all numbers would be (property)", () => {
  fc.assert(
    fc.property(numbers, numbers, (a, b) => {
      const [first, second, all] = [new Sketch(), new Sketch(), new Sketch()];
      for (const value of a) first.add(value);
      for (const value of b) second.add(value);
      for (const value of [...a, ...b]) all.add(value);
      first.merge(second);
      const quantiles = (sketch: Sketch) => [0, 0.5, 0.9, 1].map((q) => sketch.quantile(q));
      expect([...quantiles(first), first.mean]).toEqual([...quantiles(all), all.mean]);
    }),
  );
});

it("knows nothing of nothing", () => {
  expect([new Sketch().quantile(0.5), new Sketch().mean]).toEqual([null, null]);
});
