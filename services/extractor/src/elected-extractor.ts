import {
  type EventLog,
  Failure,
  instantOf,
  isFailure,
  type LogReader,
} from "@thulium-stream/contracts";
import { policyOf, retrying } from "@thulium-stream/runtime";
import { Extractor, type ExtractorDeps, type ExtractorStatus } from "./extractor.ts";
import { type ExtractorOptions, withDefaults } from "./extractor-options.ts";
import { readExtractorState } from "./extractor-state.ts";
import type { TicketIndex } from "./ticket-index.ts";

/** What an elected extractor works with. It opens and closes its index itself. */
export interface ElectedExtractorDeps extends Omit<ExtractorDeps, "index"> {
  readonly openIndex: () => TicketIndex;
}

/** How often a standby brings its index to the log's end. */
const followEveryMs = 30_000;
/** How long the elected one waits after it was fenced, unless the group names it again: longer than the group needs to name another. */
const fencedPauseMs = 15_000;
const electionPollMs = 60_000;

/**
 * One of any number of extractors of a system, of which one works. The members of the group `extractor.<system>` share the one partition of
 * `commands`: who owns it is elected, opens the writer and works, and lets the writer go when the partition goes. The others follow the log,
 * so that a take-over begins with an index that is hardly behind. Fencing (L4) is the net below: an elected one that slept through
 * its dismissal can append nothing.
 *
 * The instance that was at work when it was killed goes on at once when it starts again, without waiting until the group has missed it.
 */
export class ElectedExtractor {
  readonly #deps: ElectedExtractorDeps;
  readonly #options: ExtractorOptions;
  readonly #instance: string;
  #active: Extractor | null = null;
  #ticketsHeld = 0;
  /** Aborted when this one is dismissed; null while it stands by. */
  #term: AbortController | null = null;
  /** Aborted when this one is elected. */
  #standing = new AbortController();
  /** Aborted when the group confirms that this one is elected: it need not wait then after it was fenced. */
  #confirmed = new AbortController();

  constructor(deps: ElectedExtractorDeps, options: ExtractorOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#instance = withDefaults(options).instance;
  }

  /** Works or stands by until `signal` fires. @throws Failure that no retry mends. */
  async run(signal: AbortSignal): Promise<void> {
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    // It leaves the group when its writer is closed: the next one then finds nothing to decide.
    const leave = new AbortController();
    const watching = this.#watch(leave.signal).catch((error: unknown) => {
      failed.abort();
      throw error;
    });
    try {
      await this.#work(either);
    } finally {
      leave.abort();
      await watching;
    }
  }

  /** Where it stands now. What only the active one knows is empty while it stands by. */
  status(): ExtractorStatus {
    if (this.#active !== null) return this.#active.status();
    return standbyStatus(this.#options.system, this.#ticketsHeld);
  }

  /** Hears from the group who is elected. A log that is away dismisses nobody: without it, nobody else can be elected either. */
  async #watch(signal: AbortSignal): Promise<void> {
    const { log, clock, logger } = this.#deps;
    const listen = async () => {
      const opening = log.openReader({
        topics: ["commands"],
        group: `extractor.${this.#options.system}`,
        startAt: () => endsOf(log),
      });
      const reader = await unlessAborted(opening, signal);
      try {
        for (;;) {
          const delivery = await reader.next({ timeoutMs: electionPollMs, signal });
          if (delivery.kind === "assignment") this.#elect(delivery.partitions.length > 0);
        }
      } finally {
        await reader.close();
      }
    };
    const options = { what: "listening to the election", clock, logger, signal };
    try {
      await retrying(listen, { ...options, longestDelayMs: 10_000 });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  #elect(isElected: boolean): void {
    if (isElected) this.#confirmed.abort();
    if (isElected === (this.#term !== null)) return;
    const { logger } = this.#deps;
    const { system } = this.#options;
    logger.info(
      { system },
      isElected ? "this extractor is active now" : "this extractor stands by",
    );
    if (isElected) {
      this.#term = new AbortController();
      this.#standing.abort();
    } else {
      this.#standing = new AbortController();
      this.#term?.abort();
      this.#term = null;
    }
  }

  async #work(signal: AbortSignal): Promise<void> {
    const { log, clock, logger } = this.#deps;
    const read = () => readExtractorState(log, this.#options.system);
    const options = { what: "reading the extractor's state", clock, logger, signal };
    try {
      const { logId, heartbeat } = await retrying(read, { ...options, longestDelayMs: 10_000 });
      const wasActive = heartbeat?.is_running === true && heartbeat.instance === this.#instance;
      if (wasActive && this.#instance !== "") this.#elect(true);
      while (!signal.aborted) {
        if (this.#term !== null) await this.#lead(AbortSignal.any([signal, this.#term.signal]));
        else await this.#standBy(AbortSignal.any([signal, this.#standing.signal]), logId);
      }
    } catch (error) {
      if (!(signal.aborted && isFailure(error, "Cancelled"))) throw error;
    }
  }

  /** Works until `signal` fires or another instance has fenced it. */
  async #lead(signal: AbortSignal): Promise<void> {
    const { openIndex, clock, logger, ...deps } = this.#deps;
    const confirmed = new AbortController();
    this.#confirmed = confirmed;
    try {
      const surroundings = { ...deps, clock, logger, index: openIndex() };
      const extractor = await Extractor.open(surroundings, this.#options, signal);
      this.#active = extractor;
      try {
        await extractor.run(signal);
      } finally {
        this.#active = null;
        await extractor.close();
      }
    } catch (error) {
      if (signal.aborted && isFailure(error, "Cancelled")) return;
      if (!isFailure(error, "Fenced")) throw error;
      logger.warn({ reason: error.message }, "another extractor has taken over");
      const either = AbortSignal.any([signal, confirmed.signal]);
      await clock.sleep(fencedPauseMs, either).catch(ignoreCancelled);
    }
  }

  /** Follows the log until `signal` fires. */
  async #standBy(signal: AbortSignal, logId: string | null): Promise<void> {
    const { openIndex, log, clock, logger } = this.#deps;
    const index = openIndex();
    try {
      while (!signal.aborted) {
        // A new log has nothing to follow yet.
        if (logId !== null) await index.follow(log, logId, instantOf(clock.now())).catch(passing);
        this.#ticketsHeld = index.size;
        await clock.sleep(followEveryMs, signal).catch(ignoreCancelled);
      }
    } finally {
      await index.close();
    }

    function passing(error: unknown): void {
      if (!isFailure(error) || policyOf(error.code).action !== "retry") throw error;
      logger.debug({ reason: error.message }, "the log could not be followed; trying again");
    }
  }
}

async function endsOf(log: EventLog) {
  const ranges = await log.ends("commands");
  return ranges.map(({ topic, partition, end }) => ({ topic, partition, position: end }));
}

/** A group may take as long to let a member in as it takes to miss a dead one: who ends does not wait for that. */
async function unlessAborted(opening: Promise<LogReader>, signal: AbortSignal): Promise<LogReader> {
  const aborted = new Promise<never>((_, reject) => {
    const cancel = () => reject(new Failure("Cancelled", "joining the election was cancelled"));
    if (signal.aborted) cancel();
    else signal.addEventListener("abort", cancel, { once: true });
  });
  try {
    return await Promise.race([opening, aborted]);
  } catch (error) {
    void opening.then((late) => late.close()).catch(() => {});
    throw error;
  }
}

function ignoreCancelled(error: unknown): void {
  if (!isFailure(error, "Cancelled")) throw error;
}

function standbyStatus(system: string, ticketsHeld: number): ExtractorStatus {
  return {
    system,
    role: "standby",
    sealed: null,
    backfillDoneAt: null,
    agreedAsOf: null,
    tasks: [],
    census: null,
    ticketsHeld,
    requests: 0,
    requestRate: 0,
    waitingUntil: null,
    lastSweepAt: null,
    silentChanges: {
      recentAndOpenReadAt: null,
      recentAndOpenEveryS: 0,
      allReadAt: null,
      allEveryS: null,
    },
    clockSkewMs: null,
    counts: { ticketEvents: 0, messageEvents: 0, appends: 0, deadLetters: 0, dropped: 0 },
    holes: 0,
  };
}
