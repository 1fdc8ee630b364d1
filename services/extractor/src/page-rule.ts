import type { DateBounds, PageFilter, PageRequest, SourceDate } from "@thulium-stream/contracts";

/** Part of the source to be read completely: closed bounds on both dates, ascending by one of them. */
export interface Window {
  /** The date that is read along. */
  readonly by: SourceDate;
  readonly bounds: DateBounds;
  /** Bounds on the other date. */
  readonly other?: DateBounds | undefined;
  readonly filter?: PageFilter | undefined;
}

/** Where reading a window stands. */
export interface Place {
  /** Everything before this minute has been read; null = from the window's start. */
  readonly from: string | null;
  /** Rows skipped at the start of the request because they could not be read. */
  readonly skip: number;
  /** Rows of the minute before {@link from} that were read already and are left out of the answer, which may begin with them. */
  readonly known: number;
  readonly limit: number;
}

/** What a page was asked for and what came, as far as the rule cares. */
export interface PageFacts {
  readonly received: number;
  /** Minute of the first row that could be read; null when there is none. */
  readonly firstOrderMinute: string | null;
  readonly lastOrderMinute: string | null;
}

/** What to do after a page. */
export type NextStep =
  /** One answer from offset 0 held fewer rows than its limit: the window is read. */
  | { readonly kind: "complete" }
  /** Go on at this minute, offset 0. Everything before it is proven. */
  | { readonly kind: "continue"; readonly from: string }
  /** The page did not get past its first minute: that minute alone must be cut otherwise. */
  | { readonly kind: "hot"; readonly minute: string }
  /** The page's last row has no order date: nothing can be proven. */
  | { readonly kind: "broken" }
  /** Fewer rows came before the place than were left out, so some of the place's own may be among those: ask again without leaving any out. */
  | { readonly kind: "unsure" };

/**
 * The page rule: **a full page proves only the minutes before its last**, since equal stamps may come in another order with every
 * request and rows shift while they are read. The only proof that a window is complete is one short answer from its place on.
 * An answer with rows left out begins at its place only when its first row still lies before: whatever was left out then does, too.
 */
export function nextStep(
  place: Place,
  { received, firstOrderMinute, lastOrderMinute }: PageFacts,
): NextStep {
  const isBefore =
    firstOrderMinute !== null && place.from !== null && firstOrderMinute < place.from;
  if (place.known > 0 && !isBefore) return { kind: "unsure" };
  if (received < place.limit) return { kind: "complete" };
  if (lastOrderMinute === null) return { kind: "broken" };
  if (place.from === null || lastOrderMinute > place.from)
    return { kind: "continue", from: lastOrderMinute };
  return { kind: "hot", minute: place.from };
}

/** The request for a place in a window. */
export function requestOf(window: Window, place: Place): PageRequest {
  const along: DateBounds = { from: place.from ?? window.bounds.from, to: window.bounds.to };
  const [created, updated] =
    window.by === "create_date" ? [along, window.other] : [window.other, along];
  return {
    ...(created === undefined ? {} : { created }),
    ...(updated === undefined ? {} : { updated }),
    ...(window.filter === undefined ? {} : { filter: window.filter }),
    orderBy: window.by,
    offset: place.skip + place.known,
    limit: place.limit,
  };
}

/**
 * How a hot minute is cut: along the other date, unless that is already down to one minute; then only repeated passes by offset help.
 */
export function cutHotMinute(window: Window, minute: string): Window | null {
  const { other } = window;
  if (other !== undefined && other.from !== null && other.from === other.to) return null;
  return {
    by: window.by === "create_date" ? "update_date" : "create_date",
    bounds: other ?? { from: null, to: null },
    other: { from: minute, to: minute },
    filter: window.filter,
  };
}
