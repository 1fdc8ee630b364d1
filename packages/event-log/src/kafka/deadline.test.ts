import { ManualClock } from "@thulium-stream/kit";
import { describe, expect, it } from "vitest";
import { withDeadline } from "./deadline.ts";

describe("withDeadline", () => {
  it("gives the work's outcome and leaves no timer behind", async () => {
    const clock = new ManualClock();
    expect(await withDeadline(clock, 1_000, "x", Promise.resolve(7))).toBe(7);
    const failed = withDeadline(clock, 1_000, "x", Promise.reject(new Error("no")));
    await expect(failed).rejects.toThrow("no");
    expect(clock.sleeping).toBe(0);
  });

  it("rejects with TimedOut when the work takes longer", async () => {
    const clock = new ManualClock();
    const late = withDeadline(clock, 1_000, "appending", new Promise(() => {}));
    const outcome = expect(late).rejects.toMatchObject({
      code: "TimedOut",
      message: "appending: no answer within 1 s",
    });
    await clock.advance(1_000);
    await outcome;
  });
});
