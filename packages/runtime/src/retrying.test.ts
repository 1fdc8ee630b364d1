import { Failure, silentLogger } from "@thulium-stream/contracts";
import { ManualClock } from "@thulium-stream/kit";
import { describe, expect, it } from "vitest";
import { retrying } from "./retrying.ts";

function trial(failures: readonly Failure[]) {
  const clock = new ManualClock(0);
  const calls: number[] = [];
  const operation = async () => {
    calls.push(clock.now());
    const failure = failures[calls.length - 1];
    if (failure) throw failure;
    return "done";
  };
  return {
    clock,
    calls,
    operation,
    options: { what: "try", clock, logger: silentLogger, random: () => 0 },
  };
}

describe("retrying", () => {
  it("waits as long as the other side says, whatever that is", async () => {
    const { clock, calls, operation, options } = trial([
      new Failure("RateLimited", "429", { retryAfterMs: 7_200_000 }),
    ]);
    const result = retrying(operation, options);
    await clock.advance(7_199_999);
    expect(calls).toEqual([0]);
    await clock.advance(1);
    expect(calls).toEqual([0, 7_200_000]);
    expect(await result).toBe("done");
  });

  it("backs off exponentially otherwise", async () => {
    const down = new Failure("Unavailable", "502");
    const { clock, calls, operation, options } = trial([down, down, down]);
    const result = retrying(operation, options);
    await clock.advance(10_000);
    expect(await result).toBe("done");
    expect(calls).toEqual([0, 500, 1500, 3500]);
  });

  it.each(["Forbidden", "Invariant", "Rejected", "Fenced"] as const)(
    "does not repeat %s",
    async (code) => {
      const { calls, operation, options } = trial([new Failure(code, "no")]);
      await expect(retrying(operation, options)).rejects.toMatchObject({ code });
      expect(calls).toHaveLength(1);
    },
  );

  it("ends its wait when cancelled", async () => {
    const { clock, operation, options } = trial([new Failure("Unavailable", "502")]);
    const controller = new AbortController();
    const result = retrying(operation, { ...options, signal: controller.signal });
    await clock.advance(1);
    controller.abort();
    await expect(result).rejects.toMatchObject({ code: "Cancelled" });
    expect(clock.sleeping).toBe(0);
  });
});
