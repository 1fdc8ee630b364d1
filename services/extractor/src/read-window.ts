import {
  Failure,
  isFailure,
  type ObservedTicket,
  type PageRequest,
  type SourceDate,
  type TicketPage,
} from "@thulium-stream/contracts";
import { addMinutes, minuteOf } from "@thulium-stream/thulium-api/pure";
import { FilterValues } from "./filter-values.ts";
import { cutHotMinute, nextStep, type Place, requestOf, type Window } from "./page-rule.ts";

/** Part of a window that could not be read: recorded, passed, read again later. */
export interface Hole {
  /** Holds what was not read, and as little else as the answers allow. */
  readonly window: Window;
  readonly request: PageRequest;
  readonly failure: Failure;
}

/** A request that failed for good. */
type FailedRequest = Omit<Hole, "window">;

/** What reading a window brings, one after the other. */
export type WindowStep =
  | { readonly kind: "page"; readonly page: TicketPage }
  | { readonly kind: "hole"; readonly hole: Hole }
  /** Everything of the window before this minute is proven read. Only told for the window itself, not inside a hot minute. */
  | { readonly kind: "proven"; readonly before: string };

/** Asks for one page; rejects with a Failure of this very request. */
export type Ask = (request: PageRequest) => Promise<TicketPage>;

/** Unreadable rows that are stepped over one by one before the reading leaps ahead in time. */
const mostSkips = 5;
/** Leaps, each twice as wide as the one before, before the rest of the window is given up: 2^21 minutes are four years. */
const mostLeaps = 22;

/**
 * Reads a window completely by the page rule (E1, E4) and ends. Each request brings the reading on by a minute at least, or a hole.
 * When a page fails for good the limit is halved down to one row; a row that fails alone is stepped over, several in a row are leapt over in time. What was passed
 * is told as a hole once an answer shows where reading goes on.
 * @throws Failure whatever is not this request's own (cancelled, fenced, credentials).
 */
export async function* readWindow(
  ask: Ask,
  window: Window,
  pageSize: number,
): AsyncGenerator<WindowStep> {
  const { to } = window.bounds;
  let place: Place = { from: window.bounds.from, skip: 0, known: 0, limit: pageSize };
  let passed: { readonly from: string | null; readonly failed: FailedRequest } | null = null;
  let leaps = 0;
  let leavesOut = true;
  for (;;) {
    const answer = await askOrFail(ask, requestOf(window, place));
    if (!("received" in answer)) {
      if (place.limit > 1) {
        place = { ...place, known: 0, limit: Math.floor(place.limit / 2) };
        continue;
      }
      passed ??= { from: place.from, failed: answer };
      if (leaps === 0 && place.skip < mostSkips) {
        place = { ...place, skip: place.skip + 1 };
        continue;
      }
      const ahead = leaps < mostLeaps ? leapFrom(place.from, leaps) : null;
      leaps += 1;
      if (ahead === null || (to !== null && ahead > to)) {
        yield { kind: "hole", hole: holeOf(window, passed, to) };
        return;
      }
      place = { from: ahead, skip: 0, known: 0, limit: 1 };
      continue;
    }
    if (passed !== null) {
      const until = leaps > 0 ? place.from : (answer.lastOrderMinute ?? to);
      yield { kind: "hole", hole: holeOf(window, passed, until) };
      [passed, leaps] = [null, 0];
    }
    yield { kind: "page", page: answer };
    const step = nextStep(place, { ...answer, firstOrderMinute: firstMinuteOf(answer) });
    if (step.kind === "unsure") {
      // Bounds that leave their minute out make this so every time: once is enough.
      leavesOut = false;
      place = { ...place, known: 0 };
      continue;
    }
    if (step.kind === "complete") return;
    if (step.kind === "broken")
      throw new Failure("InvalidResponse", "the last row of a full page has no date to go on from");
    // A reduced page grows again only once it got on: the trouble may lie in the next rows, too.
    const limit = Math.min(pageSize, place.limit * 2);
    if (step.kind === "continue") {
      yield { kind: "proven", before: step.from };
      const known = leavesOut && limit === pageSize ? rowsBefore(answer, step.from) - 1 : 0;
      place = { from: step.from, skip: 0, known: Math.max(0, known), limit };
      continue;
    }
    yield* readHotMinute(ask, window, step.minute, pageSize);
    const next = addMinutes(step.minute, 1);
    if (to !== null && next > to) return;
    yield { kind: "proven", before: next };
    place = { from: next, skip: 0, known: 0, limit };
  }
}

/** The order minute of a page's first row that could be read. */
function firstMinuteOf({ rows, request }: TicketPage): string | null {
  const [first] = rows;
  return first === undefined ? null : orderMinuteOf(first, request.orderBy);
}

/** Rows of a page that lie in the minute before another, which is asked for once more with it (S2). */
function rowsBefore({ rows, request }: TicketPage, minute: string): number {
  const before = addMinutes(minute, -1);
  return rows.filter((row) => orderMinuteOf(row, request.orderBy) === before).length;
}

function orderMinuteOf({ ticket }: ObservedTicket, by: SourceDate): string | null {
  const stamp = by === "create_date" ? ticket.created_at_raw : ticket.updated_at_raw;
  return stamp === null ? null : minuteOf(stamp);
}

/** Where the n-th leap over unreadable rows comes down; null when there is no minute to leap from. */
function leapFrom(from: string | null, leaps: number): string | null {
  return from === null ? null : addMinutes(from, 2 ** leaps);
}

function holeOf(
  window: Window,
  { from, failed }: { readonly from: string | null; readonly failed: FailedRequest },
  to: string | null,
): Hole {
  return { ...failed, window: { ...window, bounds: { from, to } } };
}

/** A minute with at least a page of tickets: cut by the other date, and where that is one minute, too, by what tickets can be filtered by. */
async function* readHotMinute(
  ask: Ask,
  window: Window,
  minute: string,
  pageSize: number,
): AsyncGenerator<WindowStep> {
  const cut = cutHotMinute(window, minute);
  if (cut === null) {
    yield* readSharedMinute(ask, { ...window, bounds: { from: minute, to: minute } }, pageSize);
    return;
  }
  for await (const step of readWindow(ask, cut, pageSize)) if (step.kind !== "proven") yield step;
}

/**
 * Tickets that share both minutes cannot be told apart by dates. A first pass by offset shows which statuses, queues and sources occur; parts of one each are read until
 * every one has its proof. Then passes go on until the parts add up to the whole: the distinct ids reach the count in two answers, and one more pass adds nothing. Where
 * nothing can be cut, only the passes are left. Not reached within 20 times the pages needed: a hole, never silence.
 */
async function* readSharedMinute(
  ask: Ask,
  window: Window,
  pageSize: number,
): AsyncGenerator<WindowStep> {
  const ids = new Set<string>();
  const values = new FilterValues();
  let agreements = 0;
  let requestsLeft = Number.POSITIVE_INFINITY;
  let isCut = false;
  for (let settled = false; !settled; ) {
    const before = ids.size;
    for (let offset = 0; ; ) {
      const place = { from: window.bounds.from, skip: offset, known: 0, limit: pageSize };
      const request = requestOf(window, place);
      const answer = await askOrFail(ask, request);
      if (!("received" in answer)) {
        yield { kind: "hole", hole: { ...answer, window } };
        return;
      }
      yield { kind: "page", page: answer };
      if (offset === 0 && answer.received < pageSize) return;
      for (const id of shownIds(answer)) ids.add(id);
      values.note(answer.rows);
      if (ids.size >= answer.count) agreements += 1;
      requestsLeft =
        Math.min(requestsLeft, 20 * Math.ceil(Math.max(answer.count, 1) / pageSize)) - 1;
      if (requestsLeft <= 0) {
        const failure = new Failure(
          "InvalidResponse",
          `${answer.count} tickets share one minute of both dates; ${ids.size} were found in many passes`,
        );
        yield { kind: "hole", hole: { window, request, failure } };
        return;
      }
      offset += answer.received;
      if (answer.received < pageSize) break;
    }
    if (isCut) {
      settled = agreements >= 2 && ids.size === before;
      continue;
    }
    for (const part of values.cut(window))
      for await (const step of readSharedMinute(ask, part, pageSize)) {
        if (step.kind === "page") for (const id of shownIds(step.page)) ids.add(id);
        yield step;
      }
    isCut = true;
  }
}

/** Ids of the tickets that a page showed; a row without one stands for itself. */
function shownIds({ rows, rejected }: TicketPage): readonly string[] {
  return [
    ...rows.map(({ ticket }) => ticket.ticket_id),
    ...rejected.map(({ ticketId, raw }) => ticketId ?? raw),
  ];
}

async function askOrFail(ask: Ask, request: PageRequest): Promise<TicketPage | FailedRequest> {
  try {
    return await ask(request);
  } catch (error) {
    if (isFailure(error, "InvalidResponse", "TooLarge", "TimedOut", "Unavailable"))
      return { request, failure: error };
    throw error;
  }
}
