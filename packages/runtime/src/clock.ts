import { type Clock, Failure } from "@thulium-stream/contracts";

/** Longest delay that a Node timer keeps; longer sleeps are cut into pieces. */
const longestTimerMs = 2 ** 31 - 1;

/** The machine's clock: the one home of wall time and timers in this project (C1–C3). */
export const systemClock: Clock = {
  now: () => Date.now(),
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
