import {
  type Clock,
  type EventLog,
  type Instant,
  instantOf,
  isFailure,
  type Logger,
  type TicketSource,
  type TicketState,
} from "@thulium-stream/contracts";
import { createWallClock, type WallClock } from "@thulium-stream/thulium-api/pure";
import { Asker } from "./asker.ts";
import {
  ageMs,
  type Listing,
  type ListingDeps,
  type ListingProgress,
  listEverything,
} from "./backfill.ts";
import { RequestBudget } from "./budget.ts";
import { type CensusResult, decideMissing } from "./census.ts";
import {
  type ExtractorOptions,
  type ExtractorSettings,
  withDefaults,
} from "./extractor-options.ts";
import { dueHoles, holeIdOf, mayHide, windowOfHole } from "./holes.ts";
import { liveSweep } from "./live-sweep.ts";
import { type PublishedCounts, Publisher } from "./publisher.ts";
import { readAndPublish } from "./reading.ts";
import { reread, rereadLively } from "./reread.ts";
import type { TicketIndex } from "./ticket-index.ts";

/** What an extractor works with; it closes the index, and nothing else that it was given. */
export interface ExtractorDeps {
  readonly source: TicketSource;
  readonly log: EventLog;
  /** What is held, as this process remembers it. */
  readonly index: TicketIndex;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly newId: () => string;
  /** Hears how far the listing of the source is. */
  readonly onProgress?: (progress: ListingProgress) => void;
}

/** Where an extractor stands; for status pages and metrics. */
export interface ExtractorStatus {
  readonly system: string;
  /** Every change of the source up to here is on the log; null before the first backfill is planned. */
  readonly sealed: Instant | null;
  readonly backfillDoneAt: Instant | null;
  /** The listing under way, or the last one. */
  readonly listing: ListingProgress | null;
  readonly census: CensusResult | null;
  readonly ticketsHeld: number;
  readonly requests: number;
  /** Requests a second that the budget allows itself now. */
  readonly requestRate: number;
  /** Until when the source asked us to wait. */
  readonly waitingUntil: Instant | null;
  readonly lastSweepAt: Instant | null;
  /** How old what is held may be where the source moved no stamp: the state of recent and open tickets, and of all others. */
  readonly silentChanges: {
    readonly recentAndOpenReadAt: Instant | null;
    readonly recentAndOpenEveryS: number;
    readonly allReadAt: Instant | null;
    readonly allEveryS: number;
  };
  /** Our clock minus the source's, in milliseconds. */
  readonly clockSkewMs: number | null;
  readonly counts: Readonly<PublishedCounts>;
  /** Parts of the source that could not be read and are tried again. */
  readonly holes: number;
}

/** What a {@link Extractor.catchUp} did. */
export interface CatchUpSummary {
  readonly tickets: number;
  readonly ticketEvents: number;
  readonly messageEvents: number;
  readonly deleted: number;
  readonly requests: number;
  readonly deadLetters: number;
  readonly holes: number;
}

/** How often a running extractor lists the whole source again, for silent changes and deletes. */
const relistEveryMs = 24 * 3_600_000;
const dayMs = 24 * 3_600_000;
/** How often open holes are looked at. */
const holeCheckMs = 60_000;
/** Clock skew above which the operator is told. */
const skewLimitMs = 30_000;

/** Turns the source into events on the log: backfill, live sweeps and a daily complete re-listing under one budget. */
export class Extractor {
  readonly #deps: ExtractorDeps;
  readonly #settings: ExtractorSettings;
  readonly #wallClock: WallClock;
  readonly #budget: RequestBudget;
  readonly #asker: Asker;
  readonly #index: TicketIndex;
  readonly #publisher: Publisher;
  #listing: ListingProgress | null = null;
  #census: CensusResult | null = null;
  #lastSweepMs: number | null = null;
  #lastRereadMs: number | null = null;

  private constructor(deps: ExtractorDeps, settings: ExtractorSettings, publisher: Publisher) {
    this.#deps = deps;
    this.#settings = settings;
    this.#wallClock = createWallClock(settings.zone);
    this.#budget = new RequestBudget({
      clock: deps.clock,
      requestsPerSecond: settings.requestsPerSecond,
    });
    this.#asker = new Asker({ ...deps, budget: this.#budget });
    this.#index = deps.index;
    this.#publisher = publisher;
  }

  /**
   * Opens the writer, which fences an older extractor of the system, and brings the index to the log's end.
   * @throws Failure of the log or the folder.
   */
  static async open(deps: ExtractorDeps, options: ExtractorOptions): Promise<Extractor> {
    const settings = withDefaults(options);
    try {
      return new Extractor(deps, settings, await Publisher.open(deps, settings));
    } catch (error) {
      await deps.index.close();
      throw error;
    }
  }

  /** Works until `signal` fires: live sweeps, beside them the backfill, then a complete re-listing each day. @throws Failure that no retry mends. */
  async run(signal: AbortSignal): Promise<void> {
    const either = new AbortController();
    const both = AbortSignal.any([signal, either.signal]);
    try {
      await this.#begin(both);
    } catch (error) {
      if (signal.aborted && isFailure(error, "Cancelled")) return;
      throw error;
    }
    const loops = [
      this.#liveLoop(both),
      this.#listingLoop(both),
      this.#holeLoop(both),
      this.#rereadLoop(both),
    ];
    try {
      await Promise.all(loops);
    } catch (error) {
      either.abort();
      await Promise.allSettled(loops);
      if (!(signal.aborted && isFailure(error, "Cancelled"))) throw error;
    }
  }

  /** Reads everything once: a backfill (or a complete re-listing when one was done), then sweeps until nothing is new. */
  async catchUp(signal: AbortSignal): Promise<CatchUpSummary> {
    await this.#begin(signal);
    const first = await this.#listOnce(signal);
    // What was deleted while a resumed backfill was under way shows only in a listing from end to end.
    if (first.isResumed) await this.#listOnce(signal);
    for (let sweeps = 0; sweeps < 5; sweeps += 1) {
      if ((await this.#sweep(signal)) === 0) break;
    }
    const { ticketEvents, messageEvents, deadLetters } = this.#publisher.counts;
    return {
      tickets: this.#index.size,
      ticketEvents,
      messageEvents,
      deleted: this.#census?.deleted ?? 0,
      requests: this.#budget.started,
      deadLetters,
      holes: this.#publisher.holes.size,
    };
  }

  /** Reads the tickets of these creation minutes again, and asks for those that are held but no longer listed. */
  async repair(createdMinutes: readonly string[], signal: AbortSignal): Promise<void> {
    const minutes = new Set(createdMinutes.filter((minute) => minute !== ""));
    const listed = new Set<string>();
    for (const minute of minutes)
      for (const id of await reread(
        this.#readingDeps(),
        { by: "create_date", bounds: { from: minute, to: minute } },
        signal,
      ))
        listed.add(id);
    const hiding = [...this.#publisher.holes.values()].map(windowOfHole);
    const missing = [...this.#index.states()].filter(
      ({ ticket_id, created_at_raw, listed: wasListed }) => {
        const created = created_at_raw?.slice(0, 16) ?? "";
        return (
          wasListed && minutes.has(created) && !listed.has(ticket_id) && !mayHide(hiding, created)
        );
      },
    );
    this.#census = await this.#decide(missing, [...listed][0] ?? null, signal);
  }

  /** Where it stands now. */
  status(): ExtractorStatus {
    const { checkpoint, counts } = this.#publisher;
    const waitingMs = this.#budget.waitingUntilMs;
    return {
      system: this.#settings.system,
      sealed: checkpoint.sealed,
      backfillDoneAt: checkpoint.backfill_done_at,
      listing: this.#listing,
      census: this.#census,
      ticketsHeld: this.#index.size,
      requests: this.#budget.started,
      requestRate: this.#budget.rate,
      waitingUntil: waitingMs === null ? null : instantOf(waitingMs),
      lastSweepAt: this.#lastSweepMs === null ? null : instantOf(this.#lastSweepMs),
      silentChanges: {
        recentAndOpenReadAt: this.#lastRereadMs === null ? null : instantOf(this.#lastRereadMs),
        recentAndOpenEveryS: this.#settings.rereadEveryMs / 1000,
        allReadAt: checkpoint.backfill_done_at,
        allEveryS: relistEveryMs / 1000,
      },
      clockSkewMs: this.#asker.skewMs,
      counts,
      holes: this.#publisher.holes.size,
    };
  }

  /** Lets the writer and the index go. */
  async close(): Promise<void> {
    await this.#publisher.close();
    await this.#index.close();
  }

  /**
   * The watermark begins before the first listing does: what changes while it runs is swept afterwards. The source is asked first, since its clock
   * decides what is past.
   */
  async #begin(signal: AbortSignal): Promise<void> {
    if (this.#publisher.checkpoint.sealed !== null) return;
    // Nothing was created tomorrow: an answer without rows, that no broken ticket can spoil.
    const from = this.#wallClock.latestText(this.#deps.clock.now(), this.#deps.clock.now() + dayMs);
    const nothing = {
      created: { from, to: null },
      orderBy: "create_date",
      offset: 0,
      limit: 1,
    } as const;
    await this.#asker.list(nothing, "live", signal);
    const sealed = instantOf(this.#asker.sourceNowMs() - this.#settings.settleDelayMs - 60_000);
    await this.#publisher.publish({ origin: "live", checkpoint: { sealed } });
  }

  async #liveLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#sweep(signal);
      await this.#deps.clock.sleep(this.#settings.pollIntervalMs, signal);
    }
  }

  async #listingLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const age = ageMs(this.#publisher.checkpoint.backfill_done_at, this.#deps.clock.now());
      if (age >= relistEveryMs) await this.#listOnce(signal);
      else await this.#deps.clock.sleep(relistEveryMs - age, signal);
    }
  }

  /** Silent changes of recent and open tickets; the daily listing sees the rest. Begins when a first listing is complete. */
  async #rereadLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#deps.clock.sleep(this.#settings.rereadEveryMs, signal);
      if (this.#publisher.checkpoint.backfill_done_at === null) continue;
      await rereadLively(this.#readingDeps(), signal);
      this.#lastRereadMs = this.#deps.clock.now();
    }
  }

  async #holeLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#fillHoles(signal);
      await this.#deps.clock.sleep(holeCheckMs, signal);
    }
  }

  /** Reads the windows of holes whose time has come; one that was read whole is closed. */
  async #fillHoles(signal: AbortSignal): Promise<void> {
    for (const hole of dueHoles(this.#publisher.holes, this.#deps.clock.now())) {
      const window = windowOfHole(hole);
      const { holes } = await readAndPublish(
        this.#readingDeps(),
        { window, lane: "reread", origin: "reread" },
        signal,
      );
      const { system } = this.#settings;
      if (holes.some((found) => holeIdOf(system, found) === hole.hole_id)) continue;
      await this.#publisher.publish({
        origin: "reread",
        holes: [{ holeId: hole.hole_id, state: null }],
      });
    }
  }

  async #sweep(signal: AbortSignal): Promise<number> {
    const sealed = this.#publisher.checkpoint.sealed ?? instantOf(this.#deps.clock.now());
    const { events } = await liveSweep(this.#readingDeps(), sealed, signal);
    this.#lastSweepMs = this.#deps.clock.now();
    const skewMs = this.#asker.skewMs ?? 0;
    if (Math.abs(skewMs) > skewLimitMs)
      this.#deps.logger.warn({ skewMs }, "our clock and the source's differ by more than 30 s");
    return events;
  }

  async #listOnce(signal: AbortSignal): Promise<Listing> {
    const isFirst = this.#publisher.checkpoint.backfill_done_at === null;
    const listing = await listEverything(
      this.#readingDeps(),
      isFirst ? "backfill" : "reread",
      signal,
    );
    this.#census = await this.#decide(listing.missing, listing.listedId, signal);
    return listing;
  }

  async #decide(
    missing: readonly TicketState[],
    listedId: string | null,
    signal: AbortSignal,
  ): Promise<CensusResult> {
    const { clock, logger } = this.#deps;
    const { confirmDelayMs } = this.#settings;
    const deps = {
      asker: this.#asker,
      publisher: this.#publisher,
      clock,
      logger,
      confirmDelayMs,
    };
    const result = await decideMissing(deps, missing, listedId, this.#index.size, signal);
    if (result.refused !== null) logger.error({ missing: result.missing }, result.refused);
    return result;
  }

  #readingDeps(): ListingDeps {
    return {
      asker: this.#asker,
      publisher: this.#publisher,
      index: this.#index,
      settings: this.#settings,
      wallClock: this.#wallClock,
      nowMs: () => this.#deps.clock.now(),
      onProgress: (progress) => {
        this.#listing = progress;
        this.#deps.onProgress?.(progress);
      },
    };
  }
}
