import { expect, it } from "vitest";
import { steadyTime } from "./clock.ts";

it("goes on when the wall clock is set back, a tenth slower until both agree, and follows it forward", () => {
  let [wallMs, steadyMs] = [1_000_000_000, 5_000];
  const now = steadyTime(
    () => wallMs,
    () => steadyMs,
  );
  const pass = (ms: number) => {
    wallMs += ms;
    steadyMs += ms;
    return now();
  };
  const startMs = now();
  expect(pass(1000) - startMs).toBe(1000);
  const beforeMs = now();
  wallMs -= 3_600_000;
  expect(now()).toBe(beforeMs);
  expect(pass(10_000) - beforeMs).toBe(9_000);
  for (let hour = 0; hour < 11; hour += 1) pass(3_600_000);
  expect(now()).toBe(wallMs);
  wallMs += 7_200_000;
  expect(now()).toBe(wallMs);
});
