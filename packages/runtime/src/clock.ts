import { type Clock, Failure } from "@thulium-stream/contracts";

/** Longest delay that a Node timer keeps; longer sleeps are cut into pieces. */
const longestTimerMs = 2 ** 31 - 1;

/** Share by which time runs slower while the wall clock, once set back, catches up. */
const slowing = 0.1;

/**
 * Wall time that never goes back: when the wall clock is set back, time goes on a tenth slower until both agree; set forward, it follows at once. Whoever waits for an instant thus
 * waits as long as was meant. `wallMs` is the clock that people set, `steadyMs` one that nobody can.
 */
export function steadyTime(wallMs: () => number, steadyMs: () => number): () => number {
  let [nowMs, seenMs] = [wallMs(), steadyMs()];
  return () => {
    const elapsedMs = steadyMs() - seenMs;
    seenMs += elapsedMs;
    nowMs = Math.max(wallMs(), nowMs + elapsedMs * (1 - slowing));
    return Math.floor(nowMs);
  };
}

/** The machine's clock: the one home of wall time and timers in this project (C1–C3). */
export const systemClock: Clock = {
  now: steadyTime(
    () => Date.now(),
    () => performance.now(),
  ),
  async sleep(ms, signal) {
    let restMs = Math.max(0, ms);
    do {
      const pieceMs = Math.min(restMs, longestTimerMs);
      await sleepOnce(pieceMs, signal);
      restMs -= pieceMs;
    } while (restMs > 0);
  },
};

function sleepOnce(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(new Failure("Cancelled", "sleep was cancelled"));
      return;
    }
    const abort = () => {
      clearTimeout(timer);
      reject(new Failure("Cancelled", "sleep was cancelled"));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", abort, { once: true });
  });
}
