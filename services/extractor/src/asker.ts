import {
  type Clock,
  Failure,
  isFailure,
  type Logger,
  type PageRequest,
  type TicketPage,
  type TicketSource,
} from "@thulium-stream/contracts";
import { retrying } from "@thulium-stream/runtime";
import type { Lane, RequestBudget } from "./budget.ts";

/** What an {@link Asker} works with. */
export interface AskerDeps {
  readonly source: TicketSource;
  readonly budget: RequestBudget;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

/** Failures of one answer that a smaller page may avoid; anything else is not this request's fault or final. */
export const pageFailures = ["InvalidResponse", "TooLarge", "TimedOut", "Unavailable"] as const;
/** Tries of one request before it is made smaller. */
const triesPerRequest = 3;

/** Sends requests through the budget, with the one retry loop around them. */
export class Asker {
  readonly #deps: AskerDeps;
  /** The newest `Date` of the source, and when we saw it. */
  #sourceClock: { readonly sourceMs: number; readonly oursMs: number } | null = null;

  constructor(deps: AskerDeps) {
    this.#deps = deps;
  }

  /**
   * What the source's clock showed at an instant of ours, as its last `Date` header tells; the smaller of both, since a minute is past only when it is
   * past for both. Before the first answer nothing is known: ask after it.
   */
  sourceTimeOf(oursMs: number): number {
    return oursMs - Math.max(0, this.skewMs ?? 0);
  }

  /** {@link sourceTimeOf} now. */
  sourceNowMs(): number {
    return this.sourceTimeOf(this.#deps.clock.now());
  }

  /** How far our clock is ahead of the source's, in milliseconds; null before the first answer with a `Date`. */
  get skewMs(): number | null {
    return this.#sourceClock === null
      ? null
      : this.#sourceClock.oursMs - this.#sourceClock.sourceMs;
  }

  /**
   * One page. A source that cannot be reached, or that fails on every request, is waited for without end; being told to slow down, too.
   * @throws Failure of this very request after a few tries, when the source answers others; codes that stop the process at once.
   */
  async list(request: PageRequest, lane: Lane, signal: AbortSignal): Promise<TicketPage> {
    for (let round = 1; ; round += 1) {
      try {
        return await this.#try(
          () => this.#listOnce(request, lane, signal),
          "listing tickets",
          triesPerRequest,
          signal,
        );
      } catch (error) {
        if (!isFailure(error, ...pageFailures)) throw error;
        if (await this.#answersOthers(request, lane, signal)) throw error;
        this.#deps.logger.warn(
          { code: error.code, round },
          "the source answers nothing; waiting for it",
        );
        await this.#deps.clock.sleep(Math.min(60_000, 1000 * 2 ** round), signal);
      }
    }
  }

  /** Whether a ticket exists, by its id. */
  exists(ticketId: string, lane: Lane, signal: AbortSignal): Promise<boolean> {
    const { source, budget } = this.#deps;
    return this.#try(
      () => budget.run(lane, () => source.ticketExists(ticketId, signal), signal),
      "asking for a ticket",
      10,
      signal,
    );
  }

  #try<T>(
    operation: () => Promise<T>,
    what: string,
    maxAttempts: number,
    signal: AbortSignal,
  ): Promise<T> {
    const { clock, logger, random } = this.#deps;
    return retrying(operation, { what, clock, logger, random, signal, maxAttempts });
  }

  async #listOnce(request: PageRequest, lane: Lane, signal: AbortSignal): Promise<TicketPage> {
    const { source, budget, clock } = this.#deps;
    const page = await budget.run(lane, () => source.listTickets(request, signal), signal);
    if (page.sourceDate !== null)
      this.#sourceClock = { sourceMs: Date.parse(page.sourceDate), oursMs: clock.now() };
    return page;
  }

  /** Tells a request that always fails from a source that is down: the smallest listing, once. */
  async #answersOthers(failed: PageRequest, lane: Lane, signal: AbortSignal): Promise<boolean> {
    const smallest: PageRequest = {
      orderBy: failed.orderBy === "create_date" ? "update_date" : "create_date",
      offset: 0,
      limit: 1,
    };
    try {
      await this.#listOnce(smallest, lane, signal);
      return true;
    } catch (error) {
      if (isFailure(error, ...pageFailures, "RateLimited")) return false;
      if (isFailure(error) && error.code === "Rejected")
        throw new Failure("Rejected", `the source refuses the simplest listing: ${error.message}`, {
          cause: error,
        });
      throw error;
    }
  }
}
