import {
  type Clock,
  type EventLog,
  type Instant,
  instantOf,
  isEnded,
  isFailure,
  type Logger,
  type TaskState,
  type TicketSource,
} from "@thulium-stream/contracts";
import { intervalS, retrying } from "@thulium-stream/runtime";
import { createWallClock, type WallClock } from "@thulium-stream/thulium-api/pure";
import { Asker, pageFailures } from "./asker.ts";
import { RequestBudget } from "./budget.ts";
import type { CensusResult } from "./census.ts";
import { CommandReader } from "./command-reader.ts";
import { Eraser } from "./eraser.ts";
import {
  type ExtractorOptions,
  type ExtractorSettings,
  withDefaults,
} from "./extractor-options.ts";
import { dueHoles, holeIdOf, windowOfHole } from "./holes.ts";
import type { ListingDeps } from "./listing.ts";
import { liveSweep } from "./live-sweep.ts";
import { type PublishedCounts, Publisher } from "./publisher.ts";
import { readAndPublish } from "./reading.ts";
import { dueTasks } from "./schedules.ts";
import { TaskRunner } from "./task-runner.ts";
import { completeTaskId, everything, firstTaskId, newTask } from "./tasks.ts";
import type { TicketIndex } from "./ticket-index.ts";
import { zoneDoubt } from "./zone-doubt.ts";

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
  /** Hears how far tasks are. */
  readonly onProgress?: (task: TaskState) => void;
}

/** Where an extractor stands; for status pages and metrics. */
export interface ExtractorStatus {
  readonly system: string;
  /** Of several extractors of a system one is active. */
  readonly role: "active" | "standby";
  /** Every change of the source up to here is on the log; null before the first backfill is planned. */
  readonly sealed: Instant | null;
  readonly backfillDoneAt: Instant | null;
  /** What is held equals what the source listed then or later, silent changes and deletes included, holes excepted. */
  readonly agreedAsOf: Instant | null;
  /** Open tasks and the last ended ones, newest first. */
  readonly tasks: readonly TaskState[];
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
    /** null when there is no schedule. */
    readonly allEveryS: number | null;
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

const dayMs = 24 * 3_600_000;
/** How often open holes are looked at. */
const holeCheckMs = 60_000;
/** How often commands, schedules and open tasks are looked at. */
const taskCheckMs = 2_000;
/** How often a running extractor tells how it is. */
const heartbeatMs = 10_000;
/** How long an extractor that ends waits until that is on the log. */
const farewellMs = 2_000;
/** Clock skew above which the operator is told. */
const skewLimitMs = 30_000;

/** Turns the source into events on the log: live sweeps and, beside them, tasks: backfills, complete listings, censuses, re-reads. One budget for all. */
export class Extractor {
  readonly #deps: ExtractorDeps;
  readonly #settings: ExtractorSettings;
  readonly #wallClock: WallClock;
  readonly #budget: RequestBudget;
  readonly #publisher: Publisher;
  readonly #reading: Omit<ListingDeps, "onProgress">;
  readonly #tasks: TaskRunner;
  readonly #commands: CommandReader;
  readonly #eraser: Eraser;
  #lastSweepMs: number | null = null;

  private constructor(deps: ExtractorDeps, settings: ExtractorSettings, publisher: Publisher) {
    const { clock, logger, log, index } = deps;
    this.#deps = deps;
    this.#settings = settings;
    this.#publisher = publisher;
    this.#wallClock = createWallClock(settings.zone);
    this.#budget = new RequestBudget({
      clock,
      requestsPerSecond: settings.requestsPerSecond,
      knownLimit: publisher.heartbeat?.found_limit ?? null,
    });
    this.#reading = {
      asker: new Asker({ ...deps, budget: this.#budget }),
      publisher,
      index,
      settings,
      wallClock: this.#wallClock,
      nowMs: () => clock.now(),
    };
    const onProgress = (task: TaskState) => deps.onProgress?.(task);
    this.#tasks = new TaskRunner({ reading: this.#reading, clock, logger, onProgress });
    this.#commands = new CommandReader(log, settings.system, logger);
    this.#eraser = new Eraser({ system: settings.system, log, index, publisher, clock, logger });
  }

  /**
   * Opens the writer, which fences an older extractor of the system, and brings the index to the log's end.
   * @throws Failure of the log or the folder; `Cancelled` when `signal` fires while it waits for a log that is away.
   */
  static async open(
    deps: ExtractorDeps,
    options: ExtractorOptions,
    signal?: AbortSignal,
  ): Promise<Extractor> {
    const settings = withDefaults(options);
    try {
      return new Extractor(deps, settings, await Publisher.open(deps, settings, signal));
    } catch (error) {
      await deps.index.close();
      throw error;
    }
  }

  /** Works until `signal` fires: live sweeps, and beside them tasks, as schedules and commands ask for them. @throws Failure that no retry mends. */
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
      this.#taskLoop(both),
      this.#holeLoop(both),
      this.#rereadLoop(both),
      this.#heartbeatLoop(both),
      this.#doubtZone(both),
    ];
    try {
      await Promise.all(loops);
    } catch (error) {
      either.abort();
      await Promise.allSettled([...loops, this.#tasks.stopped()]);
      await this.#sayFarewell();
      if (!(signal.aborted && isFailure(error, "Cancelled"))) throw error;
    }
  }

  /** Reads everything once: the first listing (or a complete one when that was done), tasks that are open, then sweeps until nothing is new. */
  async catchUp(signal: AbortSignal): Promise<CatchUpSummary> {
    await this.#begin(signal);
    const first = this.#publisher.tasks.get(firstTaskId);
    const isFirst = first !== undefined && !isEnded(first);
    if (!isFirst) await this.#tasks.start(completeTaskId, everything);
    const isResumed = isFirst && first.slices !== null;
    await this.#workOff(signal);
    // What was deleted while a resumed listing was under way shows only in one from end to end.
    if (isResumed) {
      await this.#tasks.start(completeTaskId, everything);
      await this.#workOff(signal);
    }
    for (let sweeps = 0; sweeps < 5; sweeps += 1) {
      if ((await this.#sweep(signal)) === 0) break;
    }
    const { ticketEvents, messageEvents, deadLetters } = this.#publisher.counts;
    return {
      tickets: this.#deps.index.size,
      ticketEvents,
      messageEvents,
      deleted: this.#tasks.deleted,
      requests: this.#budget.started,
      deadLetters,
      holes: this.#publisher.holes.size,
    };
  }

  /** Takes the commands that wait and carries out every open task, without live sweeps. */
  async workOff(signal: AbortSignal): Promise<void> {
    await this.#begin(signal);
    await this.#workOff(signal);
  }

  /** Takes the commands that wait and carries out every erasure; the source is not asked for anything. */
  async erase(signal: AbortSignal): Promise<void> {
    await this.#takeCommands(signal);
    await this.#erase(signal);
  }

  /** Reads the tickets of these creation minutes again, and asks for those that are held but no longer listed. */
  async repair(createdMinutes: readonly string[], signal: AbortSignal): Promise<void> {
    await this.#tasks.repair(createdMinutes, signal);
  }

  /** Where it stands now. */
  status(): ExtractorStatus {
    const { checkpoint, counts } = this.#publisher;
    const { system, zone, rereadEveryMs, rereadSchedule } = this.#settings;
    const { asker } = this.#reading;
    return {
      system,
      role: "active",
      sealed: checkpoint.sealed,
      backfillDoneAt: checkpoint.backfill_done_at,
      agreedAsOf: checkpoint.agreed_as_of,
      tasks: this.#tasks.tasks,
      census: this.#tasks.census,
      ticketsHeld: this.#deps.index.size,
      requests: this.#budget.started,
      requestRate: this.#budget.rate,
      waitingUntil: instantOrNull(this.#budget.waitingUntilMs),
      lastSweepAt: instantOrNull(this.#lastSweepMs),
      silentChanges: {
        recentAndOpenReadAt: instantOrNull(this.#tasks.livelyReadMs),
        recentAndOpenEveryS: rereadEveryMs / 1000,
        allReadAt: checkpoint.agreed_as_of,
        // As of the day's beginning: the answer is looked for once a day, not at every heartbeat.
        allEveryS: intervalS(rereadSchedule, zone, beginningOfDay(this.#deps.clock.now())),
      },
      clockSkewMs: asker.skewMs,
      counts,
      holes: this.#publisher.holes.size,
    };
  }

  /** Lets the writer and the index go. */
  async close(): Promise<void> {
    await this.#publisher.close();
    await this.#deps.index.close();
  }

  /**
   * The watermark begins before the first listing does: what changes while it runs is swept afterwards. The source is asked first, since its clock
   * decides what is past.
   */
  async #begin(signal: AbortSignal): Promise<void> {
    if (this.#publisher.checkpoint.sealed !== null) return;
    const { asker } = this.#reading;
    const nowMs = this.#deps.clock.now();
    // Nothing was created tomorrow: an answer without rows, that no broken ticket can spoil.
    const from = this.#wallClock.latestText(nowMs, nowMs + dayMs);
    const nothing = {
      created: { from, to: null },
      orderBy: "create_date",
      offset: 0,
      limit: 1,
    } as const;
    const { clock, logger, random } = this.#deps;
    // There is nothing else to do meanwhile, and no window to be passed: a source that is away is waited for.
    await retrying(() => asker.list(nothing, "live", signal), {
      what: "asking the source for its clock",
      clock,
      logger,
      random,
      signal,
      longestDelayMs: 60_000,
    });
    const { settleDelayMs, system } = this.#settings;
    const sealed = instantOf(asker.sourceNowMs() - settleDelayMs - 60_000);
    const first = newTask(system, firstTaskId, everything, instantOf(nowMs));
    await this.#publisher.publish({
      origin: "live",
      checkpoint: { sealed },
      tasks: [[firstTaskId, first]],
    });
  }

  /** Warns when the newest stamp speaks against the zone that is set: live sweeps of another zone's clock would look for changes at the wrong hour. */
  async #doubtZone(signal: AbortSignal): Promise<void> {
    const { asker, wallClock } = this.#reading;
    const fromMs = this.#deps.clock.now() - 2 * dayMs;
    const recent = {
      updated: { from: wallClock.earliestText(fromMs, fromMs), to: null },
      orderBy: "update_date",
    } as const;
    try {
      const { count } = await asker.list({ ...recent, offset: 0, limit: 1 }, "live", signal);
      if (count === 0) return;
      const last = { ...recent, offset: count - 1, limit: 1 };
      const { lastOrderMinute } = await asker.list(last, "live", signal);
      const doubt =
        lastOrderMinute === null
          ? null
          : zoneDoubt(lastOrderMinute, asker.sourceNowMs(), wallClock);
      if (doubt !== null)
        this.#deps.logger.warn(
          { zone: this.#settings.zone },
          `${doubt}: is THULIUM_TIME_ZONE the zone of the help desk?`,
        );
    } catch (error) {
      // A row that the source cannot show is met, and told, by the sweep.
      if (!isFailure(error, ...pageFailures, "Rejected")) throw error;
    }
  }

  async #liveLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#sweep(signal);
      await this.#deps.clock.sleep(this.#settings.pollIntervalMs, signal);
    }
  }

  async #taskLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#takeCommands(signal);
      await this.#erase(signal);
      const { checkpoint, tasks } = this.#publisher;
      const nowMs = this.#deps.clock.now();
      const { wallClock, settings } = this.#reading;
      for (const [id, request] of dueTasks({ settings, tasks, checkpoint, wallClock, nowMs }))
        await this.#tasks.start(id, request);
      this.#tasks.launch(signal);
      await this.#deps.clock.sleep(taskCheckMs, signal);
    }
  }

  async #workOff(signal: AbortSignal): Promise<void> {
    await this.#takeCommands(signal);
    await this.#erase(signal);
    for (this.#tasks.launch(signal); !this.#tasks.isIdle; this.#tasks.launch(signal))
      await this.#tasks.settled();
  }

  async #takeCommands(signal: AbortSignal): Promise<void> {
    const { clock, logger, random } = this.#deps;
    const from = this.#publisher.checkpoint.commands_position;
    const read = () => this.#commands.read(from, signal);
    for (const { command, next } of await retrying(read, {
      what: "reading commands",
      clock,
      logger,
      random,
      signal,
      longestDelayMs: 10_000,
    }))
      if (command.command === "erase") await this.#eraser.take(command, next);
      else await this.#tasks.take(command, next);
  }

  async #erase(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#deps;
    await retrying(() => this.#eraser.carryOut(signal), {
      what: "erasing",
      clock,
      logger,
      signal,
      longestDelayMs: 10_000,
    });
  }

  /** Silent changes of recent and open tickets; the complete listing sees the rest. Begins when a first listing is complete. */
  async #rereadLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#deps.clock.sleep(this.#settings.rereadEveryMs, signal);
      if (this.#publisher.checkpoint.backfill_done_at !== null)
        await this.#tasks.rereadLively(signal);
    }
  }

  async #holeLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#fillHoles(signal);
      await this.#deps.clock.sleep(holeCheckMs, signal);
    }
  }

  async #heartbeatLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#tell(true);
      await this.#deps.clock.sleep(heartbeatMs, signal);
    }
  }

  /** Tells that this is an orderly end. A log that is away is not waited for: who falls silent is missed soon, too. */
  async #sayFarewell(): Promise<void> {
    const { clock, logger } = this.#deps;
    const isTold = new AbortController();
    const patience = clock.sleep(farewellMs, isTold.signal).catch(() => {});
    try {
      await Promise.race([this.#tell(false), patience]);
    } catch (failure) {
      logger.debug({ failure }, "the end of the extractor could not be told");
    } finally {
      isTold.abort();
    }
  }

  async #tell(isRunning: boolean): Promise<void> {
    const { silentChanges, ...status } = this.status();
    await this.#publisher.publish({
      origin: "live",
      heartbeat: {
        system: status.system,
        at: instantOf(this.#deps.clock.now()),
        instance: this.#settings.instance,
        is_running: isRunning,
        last_sweep_at: status.lastSweepAt,
        waiting_until: status.waitingUntil,
        requests: status.requests,
        request_rate: status.requestRate,
        found_limit: this.#budget.foundLimit,
        tickets_held: status.ticketsHeld,
        clock_skew_ms: status.clockSkewMs,
        recent_and_open_read_at: silentChanges.recentAndOpenReadAt,
        recent_and_open_every_s: silentChanges.recentAndOpenEveryS,
        all_every_s: silentChanges.allEveryS,
        erased_dropped: status.counts.dropped,
      },
    });
  }

  /** Reads the windows of holes whose time has come; one that was read whole is closed. */
  async #fillHoles(signal: AbortSignal): Promise<void> {
    for (const hole of dueHoles(this.#publisher.holes, this.#deps.clock.now())) {
      const window = windowOfHole(hole);
      const { holes } = await readAndPublish(
        this.#reading,
        { window, lane: "reread", origin: "reread" },
        signal,
      );
      const { system } = this.#settings;
      if (holes.some((found) => holeIdOf(system, found) === hole.hole_id)) continue;
      await this.#publisher.publish({ origin: "reread", holes: [[hole.hole_id, null]] });
    }
  }

  async #sweep(signal: AbortSignal): Promise<number> {
    const sealed = this.#publisher.checkpoint.sealed ?? instantOf(this.#deps.clock.now());
    const { events } = await liveSweep(this.#reading, sealed, signal);
    this.#lastSweepMs = this.#deps.clock.now();
    const skewMs = this.#reading.asker.skewMs ?? 0;
    if (Math.abs(skewMs) > skewLimitMs)
      this.#deps.logger.warn({ skewMs }, "our clock and the source's differ by more than 30 s");
    return events;
  }
}

function beginningOfDay(nowMs: number): number {
  return Math.floor(nowMs / dayMs) * dayMs;
}

function instantOrNull(ms: number | null): Instant | null {
  return ms === null ? null : instantOf(ms);
}
