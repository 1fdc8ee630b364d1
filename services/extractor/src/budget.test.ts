import { Failure } from "@thulium-stream/contracts";
import { VirtualClock } from "@thulium-stream/kit";
import { describe, expect, it } from "vitest";
import { RequestBudget } from "./budget.ts";

const never = new AbortController().signal;

/** A source that takes so many requests in any second, and says so or not how long to wait. */
function limitedSource(clock: VirtualClock, perSecond: number, retryAfterMs: number | undefined) {
  let startsMs: number[] = [];
  return async () => {
    await clock.sleep(40);
    const nowMs = clock.now();
    startsMs = startsMs.filter((startMs) => startMs > nowMs - 1000);
    if (startsMs.length >= perSecond)
      throw new Failure("RateLimited", "429", retryAfterMs === undefined ? {} : { retryAfterMs });
    startsMs.push(nowMs);
    await clock.sleep(40);
  };
}

describe("the budget", () => {
  it.each([
    [10, 1000],
    [10, undefined],
    [3, 1000],
    [27, undefined],
  ])(
    "E6: finds a limit of %i a second by itself, told to wait %s ms",
    async (limit, retryAfterMs) => {
      const clock = new VirtualClock();
      const budget = new RequestBudget({ clock, requestsPerSecond: 50 });
      const ask = limitedSource(clock, limit, retryAfterMs);
      const outcomes: { readonly refused: boolean; readonly atMs: number }[] = [];
      const worker = async () => {
        while (outcomes.length < 3000) {
          const refused = await budget.run("backfill", ask, never).then(
            () => false,
            () => true,
          );
          outcomes.push({ refused, atMs: clock.now() });
        }
      };
      await Promise.all(Array.from({ length: 4 }, worker));
      const refusals = outcomes.flatMap(({ refused }, at) => (refused ? [at] : []));
      // The learning phase: as few refusals as lead to a thousand answers within the bar, twenty at most.
      const bestAfter = (learnt: number) => {
        const from = learnt === 0 ? 0 : (refusals[learnt - 1] ?? outcomes.length) + 1;
        const next = outcomes.slice(from, from + 1000);
        const seconds = ((next.at(-1)?.atMs ?? 0) - (next[0]?.atMs ?? 0)) / 1000;
        const refused = next.filter((outcome) => outcome.refused).length;
        return next.length === 1000 && refused <= 10 ? (1000 - refused) / seconds / limit : 0;
      };
      const used = Math.max(...Array.from({ length: 21 }, (_, learnt) => bestAfter(learnt)));
      expect(used).toBeGreaterThanOrEqual(0.95);
    },
  );

  it("E6: never starts more than its rate in any second, whatever waited", async () => {
    const clock = new VirtualClock();
    const budget = new RequestBudget({ clock, requestsPerSecond: 5, concurrency: 100 });
    const startsMs: number[] = [];
    await budget.run("live", async () => {}, never);
    await clock.sleep(10_000);
    await Promise.all(
      Array.from({ length: 40 }, () =>
        budget.run("live", async () => void startsMs.push(clock.now()), never),
      ),
    );
    for (const startMs of startsMs)
      expect(
        startsMs.filter((ms) => ms >= startMs && ms < startMs + 1000).length,
      ).toBeLessThanOrEqual(6);
  });

  it("E7: a live request overtakes every backfill request that has not started", async () => {
    const clock = new VirtualClock();
    const budget = new RequestBudget({ clock, requestsPerSecond: 10, concurrency: 1 });
    const order: string[] = [];
    const run = (lane: "live" | "backfill") =>
      budget.run(lane, async () => void order.push(lane), never);
    await Promise.all([run("backfill"), run("backfill"), run("backfill"), run("live")]);
    expect(order.indexOf("live")).toBeLessThanOrEqual(1);
  });

  it("E6: a Retry-After of hours holds all lanes, uncapped", async () => {
    const clock = new VirtualClock();
    const budget = new RequestBudget({ clock, requestsPerSecond: 10 });
    const refuse = async () => {
      throw new Failure("RateLimited", "429", { retryAfterMs: 7_200_000 });
    };
    await expect(budget.run("backfill", refuse, never)).rejects.toMatchObject({
      code: "RateLimited",
    });
    const beganMs = clock.now();
    await budget.run("live", async () => {}, never);
    expect(clock.now() - beganMs).toBeGreaterThanOrEqual(7_200_000);
  });
});
