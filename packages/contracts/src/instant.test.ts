import fc from "fast-check";
import { expect, it } from "vitest";
import { epochMsOf, instantOf } from "./instant.ts";

it("reads every instant that it writes, of all years that text order holds for (property)", () => {
  const min = Date.parse("0000-01-01T00:00:00.000Z");
  const max = Date.parse("9999-12-31T23:59:59.999Z");
  fc.assert(
    fc.property(fc.oneof(fc.integer({ min, max }), fc.nat()), (epochMs) => {
      expect(epochMsOf(instantOf(epochMs))).toBe(epochMs);
    }),
  );
  expect(epochMsOf("0099-12-31T23:59:59.999Z")).toBe(Date.parse("0099-12-31T23:59:59.999Z"));
});
