import { createWallClock } from "@thulium-stream/thulium-api/pure";
import { expect, it } from "vitest";
import { zoneDoubt } from "./zone-doubt.ts";

const warsaw = createWallClock("Europe/Warsaw");
const noon = Date.parse("2026-11-24T11:00:30Z");

it.each([
  ["2026-11-24 12:00", null],
  ["2026-11-24 11:59:10", null],
  ["2026-11-24 11:41", null],
  ["2026-11-24 13:00", "60 min in the future"],
  ["2026-11-24 12:20", "20 min in the future"],
  ["2026-11-24 11:00", "1 h back to the minute"],
  ["2026-11-24 06:01", "6 h back to the minute"],
  ["2026-11-20 12:00", null],
  ["no date", null],
])("the newest stamp %s at noon: %s", (newest, doubt) => {
  if (doubt === null) expect(zoneDoubt(newest, noon, warsaw)).toBe(null);
  else expect(zoneDoubt(newest, noon, warsaw)).toContain(doubt);
});

it("takes the hour that comes twice for either", () => {
  const second = Date.parse("2026-10-25T01:30:00Z");
  expect(zoneDoubt("2026-10-25 02:30", second, warsaw)).toBe(null);
  expect(zoneDoubt("2026-10-25 02:30", second - 3_600_000, warsaw)).toBe(null);
});
