import type { TaskState } from "@thulium-stream/contracts";
import { grouped, progressDisplay } from "./progress.ts";

/** Shows how far a listing is. */
export interface TaskProgress {
  show(task: TaskState): void;
  /** Leaves the last state standing. */
  end(): void;
}

/** A display of listings: bar, tickets, requests, rate and time left on a terminal, plain lines elsewhere. */
export function taskProgress(interactive: boolean, nowMs: () => number): TaskProgress {
  const display = progressDisplay("backfill", interactive, nowMs);
  const rate = rateOf(nowMs);
  let hasEnded = false;
  return {
    show({ tickets, expected, slices, slices_done, requests_expected, state }) {
      if (slices === null || hasEnded || state === "estimated") return;
      const ratePerS = rate(tickets);
      display.show({
        done: tickets,
        expected,
        unit: "tickets",
        detail: `slice ${slices_done} of ${slices}, ${grouped(requests_expected)} requests in all`,
        ratePerS,
        etaS: ratePerS > 0 ? Math.max(0, expected - tickets) / ratePerS : null,
      });
      hasEnded = state === "done" || slices_done === slices;
      if (hasEnded) display.end();
    },
    end: () => display.end(),
  };
}

/** Tickets a second over the last second rather than over all: what the time left depends on. */
function rateOf(nowMs: () => number): (done: number) => number {
  let [lastMs, lastDone, ratePerS] = [nowMs(), 0, 0];
  return (done) => {
    const elapsedMs = nowMs() - lastMs;
    if (elapsedMs >= 1000 || ratePerS === 0) {
      ratePerS = elapsedMs <= 0 ? ratePerS : (Math.max(0, done - lastDone) * 1000) / elapsedMs;
      [lastMs, lastDone] = [nowMs(), done];
    }
    return ratePerS;
  };
}
