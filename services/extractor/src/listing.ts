import {
  type DateBounds,
  epochMsOf,
  type Instant,
  instantOf,
  isFailure,
  type PageFilter,
  type SliceState,
  type TaskRequest,
  type TaskState,
  type TicketPage,
  type TicketState,
} from "@thulium-stream/contracts";
import { minuteOf } from "@thulium-stream/thulium-api/pure";
import { type Asker, pageFailures } from "./asker.ts";
import { sliceId } from "./extractor-state.ts";
import { mayHide, windowOfHole } from "./holes.ts";
import type { Window } from "./page-rule.ts";
import type { Job } from "./publisher.ts";
import { type ReadingDeps, readAndPublish, shownIds } from "./reading.ts";
import { newSlice, planSlices, requestsOf } from "./slices.ts";
import { firstTaskId, isComplete, slicesOf } from "./tasks.ts";
import type { TicketIndex } from "./ticket-index.ts";

/** Rows that a count probe tries in turn: the first, and others should it be one that the source cannot show. */
const probeOffsets = [0, 1, 5, 20] as const;
/** Where a listing begins when the source cannot show its oldest ticket: before any help desk of this kind. */
const beginningOfTime = "2005-01-01 00:00";
/** A listing of fewer tickets is not divided. */
const leastSlice = 2_500;
/** What is assumed of a window whose count cannot be asked for: that it need not be cut. */
const unknownCount = 1;

/** A task that lists tickets by their creation. */
export type ListingTask = TaskState & { readonly request: TaskRequest & { kind: "backfill" } };

/** What a listing works with. */
export interface ListingDeps extends ReadingDeps {
  readonly index: TicketIndex;
  /** Hears about every page. */
  readonly onProgress: (task: TaskState) => void;
}

/** A complete listing of all slices, and what it proves. */
export interface Listing {
  /** Held tickets of the listed range that no page showed, and that no hole may hide. */
  readonly missing: readonly TicketState[];
  /** A ticket that was listed; null when there was none. */
  readonly listedId: string | null;
  /** true when it went on where an earlier process, or a pause, had left it: `missing` is then empty, since not every slice was listed from its beginning. */
  readonly isResumed: boolean;
  /** What was listed then, and is still, has been read, whether or not a change moved its stamp. */
  readonly agreedAsOf: Instant;
  /** The task as it stands now; its end is still to be published. */
  readonly task: TaskState;
}

/** What is still to be done of a planned task, and what it will cost. */
export interface Plan {
  readonly task: TaskState;
  readonly slices: readonly SliceState[];
}

/**
 * Plans a listing by count probes: slices of creation dates, which never change, per queue when queues are named. Nothing is published.
 */
export async function planListing(
  { asker, settings, wallClock, nowMs }: ListingDeps,
  task: ListingTask,
  signal: AbortSignal,
): Promise<Plan> {
  const { request, task_id } = task;
  const startedAt = instantOf(nowMs());
  const earliest = settings.backfillFrom === null ? null : `${settings.backfillFrom} 00:00`;
  const slices: SliceState[] = [];
  const empty: string[] = [];
  for (const queueId of request.queue_ids.length === 0 ? [null] : request.queue_ids) {
    const probe = (created: DateBounds) => probeCreated(asker, created, filterOf(queueId), signal);
    const from = request.created_from ?? earliest;
    const oldest = await probe({ from, to: request.created_to });
    const sourceMs = asker.sourceNowMs();
    // Two hours back, so that the bound is not smaller than a creation in the first pass of the repeated hour.
    const to = request.created_to ?? wallClock.latestText(sourceMs - 7_200_000, sourceMs);
    const first = oldest === null ? (from ?? beginningOfTime) : oldest.lastOrderMinute;
    if (first === null) {
      if (queueId !== null) empty.push(queueId);
      continue;
    }
    const ranges = await planSlices(
      { from: first, to: first > to ? first : to, count: oldest?.count ?? unknownCount },
      sliceTarget(settings, oldest?.count ?? unknownCount),
      async (a, b) => (await probe({ from: a, to: b }))?.count ?? unknownCount,
    );
    for (const range of ranges)
      slices.push(newSlice(settings.system, task_id, slices.length, range, queueId));
  }
  const planned: TaskState = {
    ...task,
    slices: slices.length,
    expected: slices.reduce((sum, { expected }) => sum + expected, 0),
    requests_expected: requestsOf(slices, settings.pageSize),
    started_at: startedAt,
    // A14: an unknown queue is answered like an empty one.
    note: empty.length === 0 ? null : `no ticket of this range is in queue ${empty.join(", ")}`,
  };
  return { task: planned, slices };
}

/** Tickets of a slice: few slices, since each costs a probe and a page that is not full, but one for every worker. */
function sliceTarget(
  { sliceTickets, parallelSlices }: ListingDeps["settings"],
  count: number,
): number {
  return Math.min(sliceTickets, Math.max(leastSlice, Math.ceil(count / parallelSlices)));
}

function filterOf(queueId: string | null): PageFilter | undefined {
  return queueId === null ? undefined : { queueId };
}

/**
 * One ticket and the count of a window of creation dates; another ticket's row where the first one cannot be read. null when none of a few can.
 * A row that is not the first says nothing about where the window begins, so only its count is used then.
 */
async function probeCreated(
  asker: Asker,
  created: DateBounds,
  filter: PageFilter | undefined,
  signal: AbortSignal,
): Promise<Pick<TicketPage, "count" | "lastOrderMinute"> | null> {
  for (const offset of probeOffsets) {
    try {
      const own = filter === undefined ? {} : { filter };
      const request = { created, ...own, orderBy: "create_date", offset, limit: 1 } as const;
      const page = await asker.list(request, "backfill", signal);
      if (offset === 0 || page.received > 0)
        return {
          count: page.count,
          lastOrderMinute: offset === 0 ? page.lastOrderMinute : (created.from ?? beginningOfTime),
        };
    } catch (error) {
      if (!isFailure(error, ...pageFailures)) throw error;
    }
  }
  return null;
}

/**
 * Lists the slices of a task, several at once, and publishes what differs from what is held. The slices ride in the appends: after a restart or a pause the
 * listing goes on where it was. Resolves when all are read; the task's end is left to the caller, who has to decide about what is missing first.
 */
export async function runListing(
  deps: ListingDeps,
  task: ListingTask,
  signal: AbortSignal,
): Promise<Listing> {
  const { publisher, settings } = deps;
  const isResumed = task.slices !== null;
  const plan = isResumed
    ? { task, slices: slicesOf(publisher.slices, task.task_id) }
    : await planListing(deps, task, signal);
  const running: TaskState = { ...plan.task, state: "running" };
  const todo = plan.slices.filter(({ done }) => !done);
  await publisher.publish({
    origin: originOf(task),
    tasks: [[task.task_id, running]],
    ...(isResumed ? {} : { slices: plan.slices.map((slice) => [sliceId(slice), slice] as const) }),
  });
  const run: ListingRun = {
    deps,
    origin: originOf(task),
    generation: publisher.checkpoint.append,
    signal,
    listedId: null,
    holes: [],
    task: { ...running, tickets: plan.slices.reduce((sum, { tickets }) => sum + tickets, 0) },
  };
  deps.onProgress(run.task);
  await Promise.all(Array.from({ length: settings.parallelSlices }, () => worker(run, todo)));
  const hiding = [...run.holes, ...[...publisher.holes.values()].map(windowOfHole)];
  return {
    missing:
      isResumed || task.request.queue_ids.length > 0 ? [] : missingOf(deps, task, run, hiding),
    listedId: run.listedId,
    agreedAsOf: agreedAsOf(deps, running, plan.slices),
    isResumed,
    task: run.task,
  };
}

/**
 * The instant as of which a listing proves what is held: its start, but not after the last minute that was listed began by the source's clock, nor in what may still come to
 * light. A ticket that is created later is the live sweep's.
 */
function agreedAsOf(
  { asker, wallClock, settings }: ListingDeps,
  { started_at }: TaskState,
  slices: readonly SliceState[],
): Instant {
  const startedMs = epochMsOf(started_at ?? instantOf(0));
  const last = slices.map(({ created_to }) => created_to).reduce((a, b) => (a > b ? a : b), "");
  const lastMs = wallClock.toInstants(last)?.intervals[0]?.startMs ?? startedMs;
  const listedMs = Math.min(startedMs, lastMs + (asker.skewMs ?? 0));
  return instantOf(listedMs - settings.settleDelayMs);
}

/** What the first listing and those of a named part bring are old tickets; a later complete listing finds silent changes. */
function originOf(task: ListingTask): "backfill" | "reread" {
  return task.task_id === firstTaskId || !isComplete(task) ? "backfill" : "reread";
}

interface ListingRun {
  readonly deps: ListingDeps;
  readonly origin: "backfill" | "reread";
  readonly generation: number;
  readonly signal: AbortSignal;
  listedId: string | null;
  readonly holes: Window[];
  task: TaskState;
}

async function worker(run: ListingRun, todo: SliceState[]): Promise<void> {
  for (let slice = todo.shift(); slice !== undefined; slice = todo.shift())
    await listSlice(run, slice);
}

async function listSlice(run: ListingRun, slice: SliceState): Promise<void> {
  const { deps, origin, generation, signal } = run;
  const ids = new Set<string>();
  const bounds = { from: slice.resume_from ?? slice.created_from, to: slice.created_to };
  const onPage = (page: TicketPage) => {
    // A neighbour's tickets may be among the rows; they count in their own slice.
    const own = page.rows.filter(({ ticket }) => isWithin(ticket.created_at_raw, slice));
    const fresh = own.map(({ ticket }) => ticket.ticket_id).filter((id) => !ids.has(id));
    for (const id of fresh) ids.add(id);
    for (const { ticketId } of page.rejected) if (ticketId !== null) ids.add(ticketId);
    const { list } = deps.publisher.erasures;
    const shown = shownIds(page).filter((ticketId) => list.erasureOf({ ticketId }) === null);
    deps.index.markListed(shown, generation);
    run.listedId = fresh[0] ?? run.listedId;
    run.task = { ...run.task, tickets: run.task.tickets + fresh.length };
    deps.onProgress(run.task);
  };
  const window: Window = { by: "create_date", bounds, filter: filterOf(slice.queue_id) };
  const soFar = (): SliceState => ({ ...slice, tickets: slice.tickets + ids.size });
  const progress = (proven: string | null): Pick<Job, "slices" | "tasks"> =>
    proven === null
      ? {}
      : {
          slices: [[sliceId(slice), { ...soFar(), resume_from: proven }]],
          tasks: [[run.task.task_id, run.task]],
        };
  const reading = { window, lane: origin, origin, progress, onPage };
  const { holes } = await readAndPublish(deps, reading, signal);
  run.holes.push(...holes);
  const { task } = run;
  run.task = {
    ...task,
    slices_done: task.slices_done + 1,
    holes: task.holes + holes.length,
  };
  const read: SliceState = { ...soFar(), resume_from: null, done: true };
  await deps.publisher.publish({
    origin,
    slices: [[sliceId(slice), read]],
    tasks: [[task.task_id, run.task]],
  });
  deps.onProgress(run.task);
}

function isWithin(createdAt: string | null, { created_from, created_to }: SliceState): boolean {
  const minute = minuteOf(createdAt ?? "");
  return minute >= created_from && minute <= created_to;
}

/** Held tickets whose creation minute lies well inside what was listed, but which no page of this listing showed. */
function missingOf(
  { index, settings, wallClock }: ListingDeps,
  { request }: ListingTask,
  { generation, task }: ListingRun,
  hiding: readonly Window[],
): readonly TicketState[] {
  const plannedMs = epochMsOf(task.started_at ?? instantOf(0));
  // What was created in the last minutes before planning may have come after its slice was listed.
  const last = wallClock.earliestText(plannedMs - 300_000, plannedMs);
  // Not from the oldest that is listed now: an older one may be just what is gone.
  const first = request.created_from ?? settings.backfillFrom ?? "";
  const missing: TicketState[] = [];
  for (const { ticketId, created } of index.createdBetween(first, request.created_to ?? last)) {
    if (created >= last || index.wasListed(ticketId, generation)) continue;
    const state = mayHide(hiding, created) ? null : index.get(ticketId);
    if (state !== null) missing.push(state);
  }
  return missing;
}
