import type { PageRequest } from "@thulium-stream/contracts";
import { expect, it } from "vitest";
import { widened } from "./sent-bounds.ts";
import { createWallClock } from "./wall-clock.ts";

const warsaw = createWallClock("Europe/Warsaw");
const sent = (from: string | null, to: string | null) => {
  const request: PageRequest = {
    created: { from, to },
    orderBy: "create_date",
    offset: 0,
    limit: 9,
  };
  return widened(request, warsaw).created;
};

it("sends bounds a minute wider on both sides, open ones as they are", () => {
  expect(sent("2026-11-23 10:00", "2026-11-23 23:59")).toEqual({
    from: "2026-11-23 09:59",
    to: "2026-11-24 00:00",
  });
  expect(sent(null, null)).toEqual({ from: null, to: null });
});

it("never sends a minute that the spring change skips: the source may take it for a later one", () => {
  expect(sent("2027-03-28 03:00", "2027-03-28 01:59")).toEqual({
    from: "2027-03-28 01:59",
    to: "2027-03-28 03:00",
  });
});
