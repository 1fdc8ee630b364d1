import { expect, it } from "vitest";
import { Patience } from "./patience.ts";

const answer = (patience: Patience, times: number, tookMs: number) => {
  for (let time = 0; time < times; time += 1) patience.answered(tookMs);
};

it("halves what is in flight when answers slow down, and comes back one by one", () => {
  const patience = new Patience(4);
  answer(patience, 100, 300);
  expect(patience.inFlight).toBe(4);
  patience.answered(5_000);
  expect(patience.inFlight).toBe(2);
  patience.answered(5_000);
  patience.answered(5_000);
  expect(patience.inFlight).toBe(1);
  answer(patience, 19, 300);
  expect(patience.inFlight).toBe(1);
  answer(patience, 41, 300);
  expect(patience.inFlight).toBe(4);
});

it("takes a source that was always slow as it is, and small delays for nothing", () => {
  const slow = new Patience(4);
  answer(slow, 100, 9_000);
  expect(slow.inFlight).toBe(4);
  const quick = new Patience(4);
  answer(quick, 50, 20);
  answer(quick, 50, 1_500);
  expect(quick.inFlight).toBe(4);
});
