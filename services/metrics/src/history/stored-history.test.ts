import { type HeadRun, type MessageMark, storedHistory } from "@thulium-stream/contracts";
import fc from "fast-check";
import { expect, it } from "vitest";
import { headFields } from "./arbitrary-head.ts";
import { factsOf, packHistory, unpackHistory } from "./stored-history.ts";

const text = fc.constantFrom(null, "a", "b");
const instant = fc.integer({ min: 0, max: 5 }).map((hour) => `2026-11-23T0${hour}:00:00.000Z`);
const step = fc.record({
  kind: fc.constant("status_changed" as const),
  at: instant,
  from: text,
  to: text,
  message_id: fc.constant("1"),
});
const count = fc.integer({ min: 1, max: 9 });
const head: fc.Arbitrary<HeadRun> = fc.record(
  headFields({ text, instant, count, number: fc.nat(), step }),
);
const mark: fc.Arbitrary<MessageMark> = fc.record({
  message_id: fc.constantFrom("1", "2", "3"),
  version: fc.integer({ min: 1, max: 3 }),
  observed_at: instant,
  first_observed_at: instant,
  at: instant,
  type: text,
  user_login: text,
  rating: text,
  removed: fc.boolean(),
});
const history = fc.record({
  heads: fc.array(head, { maxLength: 5 }),
  messages: fc.array(mark, { maxLength: 5 }),
});

it("gives back the very history that was packed, also through JSON and the schema (property)", () => {
  fc.assert(
    fc.property(history, (whole) => {
      const packed = storedHistory.parse(JSON.parse(JSON.stringify(packHistory(whole))));
      expect(unpackHistory(packed)).toEqual(whole);
    }),
  );
});

it("counts every version of a head, and every version of a message", () => {
  const [run, said] = [fc.sample(head, 1)[0], fc.sample(mark, 1)[0]];
  if (run === undefined || said === undefined) throw new Error("no sample");
  const whole = {
    heads: [
      { ...run, version: 2, through: 4 },
      { ...run, version: 5, through: 5 },
    ],
    messages: [{ ...said, version: 3 }],
  };
  expect(factsOf(packHistory(whole))).toBe(3 + 1 + 3);
});
