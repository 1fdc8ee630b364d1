import { type Clock, Failure, isFailure, type Logger } from "@thulium-stream/contracts";
import { policyOf } from "./policy.ts";
import { random as systemRandom } from "./random.ts";

/** How {@link retrying} behaves. */
export interface RetryOptions {
  /** What is tried, for the log: "list tickets". */
  readonly what: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal?: AbortSignal;
  /** Uniform in [0, 1); the system's by default. */
  readonly random?: () => number;
  /** After so many failures the last one is thrown; being told to slow down does not count. Default: no bound. */
  readonly maxAttempts?: number;
  /** Delay before the second attempt; doubles each time. Default 500 ms. */
  readonly firstDelayMs?: number;
  /** Longest delay of our own; a `retryAfterMs` of the other side is obeyed whatever its length. Default 60 s. */
  readonly longestDelayMs?: number;
}

/**
 * The one retry loop. Repeats `operation` while it fails with a code whose policy is `retry`; waits
 * exponentially with full jitter, or as long as the failure says. Adapters never retry themselves.
 * @throws the last Failure when its policy is not `retry` or attempts ran out; `Cancelled` when `signal` fires;
 * anything that is no Failure at once.
 */
export async function retrying<T>(
  operation: (attempt: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const { clock, logger, signal, what, maxAttempts = Number.POSITIVE_INFINITY } = options;
  let failures = 0;
  for (let attempt = 1; ; attempt += 1) {
    if (signal?.aborted) throw new Failure("Cancelled", `${what} was cancelled`);
    try {
      return await operation(attempt);
    } catch (error) {
      if (!isFailure(error)) throw error;
      if (error.code !== "RateLimited") failures += 1;
      if (policyOf(error.code).action !== "retry" || failures >= maxAttempts) throw error;
      const delayMs = error.retryAfterMs ?? backoffMs(attempt, options);
      const { code, message: reason, advice } = error;
      const fields = { code, attempt, delayMs, reason };
      logger.warn(
        advice === undefined ? fields : { ...fields, advice },
        `${what} failed; trying again`,
      );
      await clock.sleep(delayMs, signal);
    }
  }
}

/** Exponential with full jitter: uniform in (0, first × 2^(attempt−1)], never above the longest. */
export function backoffMs(
  attempt: number,
  options: Pick<RetryOptions, "random" | "firstDelayMs" | "longestDelayMs">,
): number {
  const { random = systemRandom, firstDelayMs = 500, longestDelayMs = 60_000 } = options;
  const ceilingMs = Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(attempt - 1, 30));
  return Math.ceil(ceilingMs * (1 - random()));
}
