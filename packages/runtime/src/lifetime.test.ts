import { Failure, silentLogger } from "@thulium-stream/contracts";
import { ManualClock } from "@thulium-stream/kit";
import { expect, it } from "vitest";
import { runProcess } from "./lifetime.ts";

it.each([
  ["the signal's own reason", (signal: AbortSignal) => signal.reason, 0],
  ["a failure that says so", () => new Failure("Cancelled", "stopped"), 0],
  ["anything else", () => new Failure("Invariant", "broken"), 1],
] as const)("what ends by SIGTERM with %s is told by the exit code", async (_, thrown, code) => {
  const reported: string[] = [];
  const running = runProcess(
    async (signal) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      throw thrown(signal);
    },
    {
      logger: silentLogger,
      clock: new ManualClock(),
      report: (message) => void reported.push(message),
    },
  );
  process.emit("SIGTERM", "SIGTERM");
  expect(await running).toBe(code);
  expect(reported).toHaveLength(code);
});
