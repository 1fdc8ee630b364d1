import {
  type DateBounds,
  epochMsOf,
  instantOf,
  isFailure,
  type SliceState,
  type TicketPage,
  type TicketState,
} from "@thulium-stream/contracts";
import { minuteOf, type WallClock } from "@thulium-stream/thulium-api/pure";
import { type Asker, pageFailures } from "./asker.ts";
import { mayHide, windowOfHole } from "./holes.ts";
import type { Window } from "./page-rule.ts";
import { type ReadingDeps, readAndPublish, sliceProgress } from "./reading.ts";
import { type CountedRange, newSlices, planSlices } from "./slices.ts";
import type { TicketIndex } from "./ticket-index.ts";

/** Rows that a count probe tries in turn: the first, and others should it be one that the source cannot show. */
const probeOffsets = [0, 1, 5, 20] as const;
/** Where a listing begins when the source cannot show its oldest ticket: before any help desk of this kind. */
const beginningOfTime = "2005-01-01 00:00";
/** What is assumed of a window whose count cannot be asked for: that it need not be cut. */
const unknownCount = 1;

/** How far a listing of slices is. */
export interface ListingProgress {
  /** Tickets read. */
  readonly tickets: number;
  /** Tickets that the source promised when the slices were planned. */
  readonly expected: number;
  readonly slicesDone: number;
  readonly slices: number;
}

/** What a listing works with. */
export interface ListingDeps extends ReadingDeps {
  readonly index: TicketIndex;
  /** Hears about every page. */
  readonly onProgress: (progress: ListingProgress) => void;
}

/** A complete listing of all slices, and what it proves. */
export interface Listing {
  readonly events: number;
  readonly holes: number;
  /** Held tickets of the listed range that no page showed, and that no hole may hide. */
  readonly missing: readonly TicketState[];
  /** One ticket that was listed. */
  readonly listedId: string | null;
  /** Whether it went on where an earlier process had stopped: it is then no census. */
  readonly isResumed: boolean;
}

/**
 * Lists the whole source by slices of creation dates, which never change, several at once, and publishes what differs from what is held. The slices ride in
 * the appends: after a restart the listing goes on where it was. `origin` tells a first backfill from a later re-read.
 */
export async function listEverything(
  deps: ListingDeps,
  origin: "backfill" | "reread",
  signal: AbortSignal,
): Promise<Listing> {
  const open = deps.publisher.slices.filter(({ done }) => !done);
  const isResumed =
    origin === "backfill" && deps.publisher.checkpoint.backfill_from !== null && open.length > 0;
  const slices = isResumed ? deps.publisher.slices : await plan(deps, signal);
  const generation = deps.publisher.checkpoint.append + 1;
  const run: ListingRun = {
    deps,
    origin,
    generation,
    signal,
    listedId: null,
    tickets: 0,
    events: 0,
    holes: [],
    done: 0,
    slices,
  };
  const todo = slices.filter(({ done }) => !done);
  run.tickets = slices.filter(({ done }) => done).reduce((sum, { tickets }) => sum + tickets, 0);
  run.done = slices.length - todo.length;
  report(run);
  await Promise.all(Array.from({ length: deps.settings.parallelSlices }, () => worker(run, todo)));
  await finish(deps, slices);
  const hiding = [...run.holes, ...[...deps.publisher.holes.values()].map(windowOfHole)];
  const missing = isResumed ? [] : missingOf(deps, generation, hiding);
  return {
    events: run.events,
    holes: run.holes.length,
    missing,
    listedId: run.listedId,
    isResumed,
  };
}

interface ListingRun {
  readonly deps: ListingDeps;
  readonly origin: "backfill" | "reread";
  readonly generation: number;
  readonly signal: AbortSignal;
  readonly slices: readonly SliceState[];
  listedId: string | null;
  tickets: number;
  events: number;
  readonly holes: Window[];
  done: number;
}

async function plan(
  { asker, publisher, settings, wallClock }: ListingDeps,
  signal: AbortSignal,
): Promise<readonly SliceState[]> {
  const from = settings.backfillFrom === null ? null : `${settings.backfillFrom} 00:00`;
  const probe = (created: DateBounds) => probeCreated(asker, created, signal);
  const oldest = await probe({ from, to: null });
  const nowMs = asker.sourceNowMs();
  // Two hours back, so that the bound is not smaller than a creation in the first pass of the repeated hour.
  const to = wallClock.latestText(nowMs - 7_200_000, nowMs);
  const first = oldest === null ? (from ?? beginningOfTime) : oldest.lastOrderMinute;
  const ranges: readonly CountedRange[] =
    first === null
      ? []
      : await planSlices(
          { from: first, to: [first, to].sort()[1] ?? to, count: oldest?.count ?? unknownCount },
          settings.sliceTickets,
          async (a, b) => (await probe({ from: a, to: b }))?.count ?? unknownCount,
        );
  const slices = newSlices(settings.system, ranges);
  const obsolete = publisher.slices
    .slice(slices.length)
    .map(({ slice }) => ({ slice, state: null }));
  await publisher.publish({
    origin: "backfill",
    slices: [...slices.map((state) => ({ slice: state.slice, state })), ...obsolete],
    checkpoint: {
      backfill_from:
        first === null ? instantOf(0) : (instantOfText(wallClock, first) ?? instantOf(0)),
      backfill_to: instantOf(nowMs),
    },
  });
  return slices;
}

/**
 * One ticket and the count of a window of creation dates; another ticket's row where the first one cannot be read. null when none of a few can.
 * A row that is not the first says nothing about where the window begins, so only its count is used then.
 */
async function probeCreated(
  asker: Asker,
  created: DateBounds,
  signal: AbortSignal,
): Promise<Pick<TicketPage, "count" | "lastOrderMinute"> | null> {
  for (const offset of probeOffsets) {
    try {
      const request = { created, orderBy: "create_date", offset, limit: 1 } as const;
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

function instantOfText(wallClock: WallClock, text: string): string | null {
  const startMs = wallClock.toInstants(text)?.intervals[0]?.startMs;
  return startMs === undefined ? null : instantOf(startMs);
}

async function worker(run: ListingRun, todo: SliceState[]): Promise<void> {
  for (let slice = todo.shift(); slice !== undefined; slice = todo.shift())
    await listSlice(run, slice);
}

async function listSlice(run: ListingRun, slice: SliceState): Promise<void> {
  const { deps, origin, generation, signal } = run;
  const ids = new Set<string>();
  const bounds = { from: slice.resume_from ?? slice.created_from, to: slice.created_to };
  const onPage = async (page: TicketPage) => {
    // A neighbour's tickets may be among the rows; they count in their own slice.
    const own = page.rows.filter(({ ticket }) => isWithin(ticket.created_at_raw, slice));
    const fresh = own.map(({ ticket }) => ticket.ticket_id).filter((id) => !ids.has(id));
    for (const id of fresh) ids.add(id);
    for (const { ticketId } of page.rejected) if (ticketId !== null) ids.add(ticketId);
    await deps.index.markListed(
      page.rows.map(({ ticket }) => ticket.ticket_id),
      generation,
    );
    run.listedId = fresh[0] ?? run.listedId;
    run.tickets += fresh.length;
    report(run);
  };
  const result = await readAndPublish(
    deps,
    {
      window: { by: "create_date", bounds },
      lane: origin,
      origin,
      progress: sliceProgress(slice),
      onPage,
    },
    signal,
  );
  run.events += result.events;
  run.holes.push(...result.holes);
  run.done += 1;
  await deps.publisher.publish({
    origin,
    slices: [
      { slice: slice.slice, state: { ...slice, resume_from: null, done: true, tickets: ids.size } },
    ],
  });
  report(run);
}

function isWithin(createdAt: string | null, { created_from, created_to }: SliceState): boolean {
  const minute = minuteOf(createdAt ?? "");
  return minute >= created_from && minute <= created_to;
}

/** The listing is over: the slices have served, and the checkpoint says since when everything is held. */
async function finish(
  { publisher, nowMs }: ListingDeps,
  slices: readonly SliceState[],
): Promise<void> {
  await publisher.publish({
    origin: "backfill",
    slices: slices.map(({ slice }) => ({ slice, state: null })),
    checkpoint: { backfill_done_at: instantOf(nowMs()) },
  });
}

/** Held tickets whose creation minute lies well inside what was listed, but which no page of this listing showed. */
function missingOf(
  { index, publisher, settings, wallClock }: ListingDeps,
  generation: number,
  hiding: readonly Window[],
): readonly TicketState[] {
  const plannedMs = epochMsOf(publisher.checkpoint.backfill_to ?? instantOf(0));
  // What was created in the last minutes before planning may have come after its slice was listed.
  const last = wallClock.earliestText(plannedMs - 300_000, plannedMs);
  // Not from the oldest that is listed now: an older one may be just what is gone.
  const first = settings.backfillFrom ?? "";
  const missing: TicketState[] = [];
  for (const state of index.states()) {
    const created = state.created_at_raw === null ? null : minuteOf(state.created_at_raw);
    if (
      created !== null &&
      created >= first &&
      created < last &&
      !index.wasListed(state.ticket_id, generation) &&
      !mayHide(hiding, created)
    )
      missing.push(state);
  }
  return missing;
}

function report({ deps, tickets, slices, done }: ListingRun): void {
  const expected = slices.reduce((sum, slice) => sum + slice.expected, 0);
  deps.onProgress({ tickets, expected, slicesDone: done, slices: slices.length });
}

/** Milliseconds since an instant; infinite when there was none. */
export function ageMs(at: string | null, nowMs: number): number {
  return at === null ? Number.POSITIVE_INFINITY : nowMs - epochMsOf(at);
}
