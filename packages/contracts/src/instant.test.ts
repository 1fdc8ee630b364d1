import fc from "fast-check";
import { expect, it } from "vitest";
import { epochMsOf, instantOf } from "./instant.ts";

it("reads every instant that it writes, of all years that text order holds for (property)", () => {
  const [first, last] = ["0000-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"].map(Date.parse);
  fc.assert(
    fc.property(fc.oneof(fc.integer({ min: first, max: last }), fc.nat()), (epochMs) => {
      expect(epochMsOf(instantOf(epochMs))).toBe(epochMs);
    }),
  );
  expect(epochMsOf("0099-12-31T23:59:59.999Z")).toBe(Date.parse("0099-12-31T23:59:59.999Z"));
});
