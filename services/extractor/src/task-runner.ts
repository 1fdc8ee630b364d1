import {
  type Clock,
  type Instant,
  instantOf,
  isEnded,
  isFailure,
  type Logger,
  newestFirst,
  type TaskCommand,
  type TaskRequest,
  type TaskState,
  type TicketState,
} from "@thulium-stream/contracts";
import { type CensusResult, countedMissing, decideMissing, listBucket } from "./census.ts";
import { sliceId } from "./extractor-state.ts";
import { type ListingDeps, type ListingTask, planListing, runListing } from "./listing.ts";
import { rereadLively } from "./reread.ts";
import { applyCommand, forgettable, isComplete, newTask, slicesOf } from "./tasks.ts";

/** Tickets that one count of a census is asked for: 25 pages when it does not agree. */
const bucketTickets = 2_500;

/** What a {@link TaskRunner} works with. */
export interface TaskRunnerDeps {
  /** `onProgress` is the runner's own. */
  readonly reading: Omit<ListingDeps, "onProgress">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Hears about every step of a task. */
  readonly onProgress: (task: TaskState) => void;
}

/** Carries out tasks beside the live sweeps: several at once under the one budget, each resumed after a restart, paused, resumed and cancelled on command. */
export class TaskRunner {
  readonly #deps: TaskRunnerDeps;
  readonly #running = new Map<
    string,
    { readonly stop: AbortController; readonly end: Promise<void> }
  >();
  #failure: unknown = null;
  #deciding: Promise<unknown> = Promise.resolve();
  /** Running tasks as they stand now, ahead of what is durable. */
  readonly #progress = new Map<string, TaskState>();
  /** Tickets that were found deleted since the start. */
  deleted = 0;
  census: CensusResult | null = null;
  /** When recent and open tickets were last read again, epoch milliseconds. */
  livelyReadMs: number | null = null;

  constructor(deps: TaskRunnerDeps) {
    this.#deps = deps;
  }

  /** Every known task as it stands now, the newest first. */
  get tasks(): readonly TaskState[] {
    const { tasks } = this.#deps.reading.publisher;
    return [...tasks.values()]
      .map((task) => this.#progress.get(task.task_id) ?? task)
      .sort(newestFirst);
  }

  /** Publishes a new task under an id, in the place of one that was there and of its slices. */
  async start(taskId: string, request: TaskRequest): Promise<void> {
    const { publisher, settings, nowMs } = this.#deps.reading;
    const task = newTask(settings.system, taskId, request, instantOf(nowMs()));
    const slices = this.#withoutSlices(taskId);
    await publisher.publish({ origin: "backfill", tasks: [[taskId, task]], slices });
  }

  /** Takes a command; its effect and `position`, the next one to read, are durable together. */
  async take(command: TaskCommand, position: number): Promise<void> {
    const { publisher, nowMs } = this.#deps.reading;
    // What a running task has proven is published before it is paused or cancelled.
    if (command.command === "pause" || command.command === "cancel")
      await this.#halt(command.task_id);
    const changed = applyCommand(publisher.tasks, command, instantOf(nowMs()));
    if (changed === null)
      this.#deps.logger.warn(
        { command: command.command, task: command.task_id },
        "a command changes nothing: its task is unknown, over, or not in this state",
      );
    await publisher.publish({
      origin: "backfill",
      checkpoint: { commands_position: position },
      tasks: [
        ...(changed === null ? [] : [[changed.task_id, changed] as const]),
        ...forgettable(publisher.tasks).map((id) => [id, null] as const),
      ],
      slices: changed?.state === "cancelled" ? this.#withoutSlices(changed.task_id) : [],
    });
  }

  /** Starts every open task that is not running. @throws Failure with which one ended since the last call. */
  launch(signal: AbortSignal): void {
    if (this.#failure !== null) throw this.#failure;
    for (const task of this.#deps.reading.publisher.tasks.values()) {
      if (isEnded(task) || task.state === "paused" || this.#running.has(task.task_id)) continue;
      const stop = new AbortController();
      const end = this.#carryOut(task, AbortSignal.any([signal, stop.signal]))
        .catch((error: unknown) => {
          if (!(stop.signal.aborted && isFailure(error, "Cancelled"))) this.#failure ??= error;
        })
        .finally(() => {
          this.#running.delete(task.task_id);
          this.#progress.delete(task.task_id);
        });
      this.#running.set(task.task_id, { stop, end });
    }
  }

  /** Resolves when one of the tasks that run now has ended. */
  async settled(): Promise<void> {
    await Promise.race([...this.#running.values()].map(({ end }) => end));
  }

  /** Resolves when no task runs any more; their signal must have fired. */
  async stopped(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ end }) => end));
  }

  get isIdle(): boolean {
    return this.#running.size === 0;
  }

  async #halt(taskId: string): Promise<void> {
    const running = this.#running.get(taskId);
    running?.stop.abort();
    await running?.end;
  }

  #withoutSlices(taskId: string): readonly (readonly [string, null])[] {
    return slicesOf(this.#deps.reading.publisher.slices, taskId).map(
      (slice) => [sliceId(slice), null] as const,
    );
  }

  async #carryOut(task: TaskState, signal: AbortSignal): Promise<void> {
    const { request } = task;
    if (request.kind === "backfill") return this.#list({ ...task, request }, signal);
    await this.#begin(task);
    await this.#end(task, await this.#noteOf(request, signal));
  }

  /** Does what is asked in one go; resolves with what the operator should know. */
  async #noteOf(
    request: Exclude<TaskRequest, { kind: "backfill" }>,
    signal: AbortSignal,
  ): Promise<string | null> {
    switch (request.kind) {
      case "reread":
        await this.rereadLively(signal);
        return null;
      case "census":
        return wordsOf(await this.#count(request.believe_deletes, signal));
      case "repair":
        return wordsOf(await this.repair(request.created_minutes, signal));
    }
  }

  async #list(task: ListingTask, signal: AbortSignal): Promise<void> {
    const deps = this.#listingDeps();
    if (task.request.estimate_only) {
      const { task: planned } = await planListing(deps, task, signal);
      return this.#end(planned, null, "estimated");
    }
    const listing = await runListing(deps, task, signal);
    const census = await this.#decide(listing.missing, listing.listedId, false, signal);
    const proves = isComplete(task) && !listing.isResumed && census.refused === null;
    const endedAt = instantOf(deps.nowMs());
    await this.#end(listing.task, wordsOf(census), "done", {
      ...(isComplete(task) ? { backfill_done_at: endedAt } : {}),
      ...(proves ? { agreed_as_of: listing.agreedAsOf } : {}),
    });
  }

  /** Reads recent and open tickets again. */
  async rereadLively(signal: AbortSignal): Promise<void> {
    await rereadLively(this.#deps.reading, signal);
    this.livelyReadMs = this.#deps.clock.now();
  }

  /** Reads the tickets of these creation minutes again, and asks for those that are held but no longer listed. */
  async repair(createdMinutes: readonly string[], signal: AbortSignal): Promise<CensusResult> {
    const { reading } = this.#deps;
    const missing: TicketState[] = [];
    let listedId: string | null = null;
    for (const minute of new Set(createdMinutes.filter((text) => text !== ""))) {
      const held = [...reading.index.createdBetween(minute, minute)];
      const listedIds = held.filter(({ listed }) => listed).map(({ ticketId }) => ticketId);
      const found = await listBucket(reading, { from: minute, to: minute, listedIds }, signal);
      listedId ??= found.listedId;
      missing.push(...found.missing);
    }
    return this.#decide(missing, listedId, false, signal);
  }

  async #count(believesDeletes: boolean, signal: AbortSignal): Promise<CensusResult> {
    const { reading } = this.#deps;
    const { missing, listedId } = await countedMissing(
      reading,
      Math.min(bucketTickets, reading.settings.sliceTickets),
      signal,
    );
    return this.#decide(missing, listedId, believesDeletes, signal);
  }

  /** One decision after the other: two tasks that miss the same ticket must not both tell that it is gone. */
  #decide(
    missing: readonly TicketState[],
    listedId: string | null,
    believesDeletes: boolean,
    signal: AbortSignal,
  ): Promise<CensusResult> {
    const deciding = this.#deciding.then(() =>
      this.#decideAlone(missing, listedId, believesDeletes, signal),
    );
    this.#deciding = deciding.catch(() => {});
    return deciding;
  }

  async #decideAlone(
    found: readonly TicketState[],
    listedId: string | null,
    believesDeletes: boolean,
    signal: AbortSignal,
  ): Promise<CensusResult> {
    const { clock, logger, reading } = this.#deps;
    const { index } = reading;
    const missing = found.filter(({ ticket_id }) => index.get(ticket_id) !== null);
    const deps = { ...reading, clock, believesDeletes };
    const result = await decideMissing(deps, missing, listedId, index.size, signal);
    if (result.refused !== null) logger.error({ missing: result.missing }, result.refused);
    this.deleted += result.deleted;
    this.census = result;
    return result;
  }

  #begin(task: TaskState): Promise<unknown> {
    const { publisher, nowMs } = this.#deps.reading;
    const running: TaskState = {
      ...task,
      state: "running",
      started_at: task.started_at ?? instantOf(nowMs()),
    };
    return publisher.publish({ origin: "reread", tasks: [[task.task_id, running]] });
  }

  async #end(
    task: TaskState,
    note: string | null,
    state: "done" | "estimated" = "done",
    checkpoint: { backfill_done_at?: Instant; agreed_as_of?: Instant | null } = {},
  ): Promise<void> {
    const { publisher, nowMs } = this.#deps.reading;
    const notes = [task.note, note].filter((text) => text !== null).join("; ") || null;
    const ended: TaskState = { ...task, state, ended_at: instantOf(nowMs()), note: notes };
    await publisher.publish({
      origin: "reread",
      tasks: [[task.task_id, ended]],
      slices: this.#withoutSlices(task.task_id),
      ...(Object.keys(checkpoint).length === 0 ? {} : { checkpoint }),
    });
    this.#deps.onProgress(ended);
  }

  #listingDeps(): ListingDeps {
    return {
      ...this.#deps.reading,
      onProgress: (task) => {
        this.#progress.set(task.task_id, task);
        this.#deps.onProgress(task);
      },
    };
  }
}

function wordsOf({ missing, deleted, unlisted, refused }: CensusResult): string | null {
  if (refused !== null) return refused;
  return missing === 0 ? null : `${deleted} deleted, ${unlisted} merged`;
}
