import { Failure } from "@thulium-stream/contracts";
import { expect, it } from "vitest";
import { holeIdOf, recordsOfHole } from "./holes.ts";
import type { Window } from "./page-rule.ts";

const minute = { from: "2026-11-24 09:40", to: "2026-11-24 09:40" };
const other = { from: "2026-11-24 12:00", to: "2026-11-24 12:00" };
const hour = { from: "2026-11-24 09:00", to: "2026-11-24 10:00" };
const request = { window: {}, orderBy: "create_date", offset: 0, limit: 1 } as never;
const recorded = (window: Window) => {
  const failure = new Failure("Unavailable", "503");
  const { holes = [] } = recordsOfHole(new Map(), "acme", { window, request, failure }, 0);
  const [[id, state] = ["", null]] = [...holes];
  return { id, by: state?.by, bounds: state?.bounds, other: state?.other };
};

it("a minute of creation that was cut by the other date is a hole as a whole: a ticket whose stamp moves stays in it", () => {
  const whole = { by: "create_date", bounds: minute, other: null };
  for (const window of [
    { by: "create_date", bounds: minute, other },
    { by: "update_date", bounds: other, other: minute },
    { by: "create_date", bounds: minute },
  ] as const) {
    expect(recorded(window)).toMatchObject(whole);
    expect(recorded(window).id).toBe(holeIdOf("acme", { by: "create_date", bounds: minute }));
  }
});

it("wider windows are recorded as they are: what moves out of them is seen by the live sweep", () => {
  const window = { by: "update_date", bounds: other, other: hour } as const;
  expect(recorded(window)).toMatchObject({ by: "update_date", bounds: other, other: hour });
});
