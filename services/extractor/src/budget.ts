import { type Clock, isFailure } from "@thulium-stream/contracts";
import PQueue from "p-queue";
import { Patience } from "./patience.ts";
import { RateFinder } from "./rate-finder.ts";

/** Who asks, most urgent first. */
export const lanes = ["live", "confirm", "reread", "backfill"] as const;
/** One of {@link lanes}. */
export type Lane = (typeof lanes)[number];

/** Limits of a {@link RequestBudget}. */
export interface BudgetOptions {
  readonly clock: Clock;
  /** Ceiling; the budget goes below it when the source refuses, never above. */
  readonly requestsPerSecond: number;
  /** Requests in flight at once, at most. Default 4. */
  readonly concurrency?: number;
  /** A limit below the ceiling that an earlier process found; null when none is known. */
  readonly knownLimit?: number | null;
}

/** How long all lanes wait after a refusal that does not say how long. */
const silentHoldMs = 1000;
/** How late timers wake on a busy machine. */
const timerSlackMs = 20;

/**
 * The one gate to the source for all workers (E6, E7). p-queue keeps the lanes in order; our own pacing stands in front of each start,
 * since p-queue's rate cannot change while it runs. Only the head of the queue waits for its turn, so a live request overtakes every
 * backfill request that has not started.
 */
export class RequestBudget {
  readonly #clock: Clock;
  readonly #finder: RateFinder;
  readonly #patience: Patience;
  readonly #gate = new PQueue({ concurrency: 1 });
  #inFlight = 0;
  #nextStartMs = 0;
  #heldUntilMs = 0;
  #freed: () => void = () => {};
  #started = 0;

  constructor({ clock, requestsPerSecond, concurrency = 4, knownLimit = null }: BudgetOptions) {
    this.#clock = clock;
    this.#finder = new RateFinder(requestsPerSecond, knownLimit);
    this.#patience = new Patience(concurrency);
  }

  /** Requests started so far. */
  get started(): number {
    return this.#started;
  }

  /** Requests a second that the budget allows itself now. */
  get rate(): number {
    return this.#finder.rate;
  }

  /** A limit of the source that is known by now; null while it refused nothing. */
  get foundLimit(): number | null {
    return this.#finder.foundLimit;
  }

  /** Until when the source has asked all lanes to wait, in epoch milliseconds; null when nothing is held. */
  get waitingUntilMs(): number | null {
    return this.#heldUntilMs > this.#clock.now() ? this.#heldUntilMs : null;
  }

  /** Runs `operation` when its lane's turn has come. Rejects as `operation` does, or with `Cancelled` while waiting. */
  async run<T>(lane: Lane, operation: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const priority = lanes.length - lanes.indexOf(lane);
    // Boxed: the gate waits for the start of the operation, not for its end.
    const { running } = await this.#gate.add(
      async () => {
        await this.#turn(signal);
        return { running: this.#start(operation) };
      },
      { priority },
    );
    return running;
  }

  async #turn(signal: AbortSignal): Promise<void> {
    for (;;) {
      const waitMs = Math.max(this.#nextStartMs, this.#heldUntilMs) - this.#clock.now();
      if (waitMs > 0 || signal.aborted) await this.#clock.sleep(waitMs, signal);
      else if (this.#inFlight < this.#patience.inFlight) break;
      else
        await new Promise<void>((resolve) => {
          this.#freed = resolve;
        });
    }
    const intervalMs = 1000 / this.rate;
    const nowMs = this.#clock.now();
    // What a timer woke late is made up for; what was idle or held is not, or the next second would hold one start too many.
    const isPunctual = nowMs - this.#nextStartMs <= timerSlackMs;
    this.#nextStartMs = (isPunctual ? this.#nextStartMs : nowMs) + intervalMs;
  }

  async #start<T>(operation: () => Promise<T>): Promise<T> {
    this.#inFlight += 1;
    this.#started += 1;
    const { rate } = this.#finder;
    try {
      const startedMs = this.#clock.now();
      const answer = await operation();
      this.#patience.answered(this.#clock.now() - startedMs);
      this.#finder.answered(rate);
      return answer;
    } catch (error) {
      if (isFailure(error, "RateLimited")) this.#refused(rate, error.retryAfterMs);
      throw error;
    } finally {
      this.#inFlight -= 1;
      this.#freed();
    }
  }

  #refused(startedAtRate: number, retryAfterMs: number | undefined): void {
    this.#finder.refused(startedAtRate);
    this.#heldUntilMs = Math.max(
      this.#heldUntilMs,
      this.#clock.now() + (retryAfterMs ?? silentHoldMs),
    );
  }
}
