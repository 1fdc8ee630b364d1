import { expect, it } from "vitest";
import { intervalS, isSchedule, nextRunMs } from "./schedule.ts";

it("follows the local clock over its change", () => {
  expect(nextRunMs("5 0 * * *", "Europe/Warsaw", Date.parse("2026-10-24T12:00:00Z"))).toBe(
    Date.parse("2026-10-24T22:05:00Z"),
  );
  expect(nextRunMs("5 0 * * *", "Europe/Warsaw", Date.parse("2026-10-25T12:00:00Z"))).toBe(
    Date.parse("2026-10-25T23:05:00Z"),
  );
});

it("knows what is a schedule, and how far apart its runs are", () => {
  expect(["5 0 * * *", "off", "*/15 * * * *", "soon", "61 * * * *"].map(isSchedule)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
  const noon = Date.parse("2026-11-24T12:00:00Z");
  expect(intervalS("0 1 * * *", "Europe/Warsaw", noon)).toBe(86_400);
  expect(intervalS("off", "Europe/Warsaw", noon)).toBe(null);
});
