import { epochMsOf, type HoleState, hashId, instantOf } from "@thulium-stream/contracts";
import { minuteOf, type WallClock } from "@thulium-stream/thulium-api/pure";
import { deadLetter } from "./dead-letter.ts";
import type { Window } from "./page-rule.ts";
import type { Job } from "./publisher.ts";
import type { Hole } from "./read-window.ts";

/** Pause before a hole is tried again: a minute, doubled at every attempt, six hours at most. */
const firstPauseMs = 60_000;
const longestPauseMs = 6 * 3_600_000;

/** A hole with an end: what changes after now is seen by the live sweep, not by another try of this window. */
export function endedHole(hole: Hole, wallClock: WallClock, nowMs: number): Hole {
  const { bounds } = hole.window;
  if (bounds.to !== null) return hole;
  const to = wallClock.latestText(nowMs - 7_200_000, nowMs);
  return { ...hole, window: { ...hole.window, bounds: { ...bounds, to } } };
}

/**
 * The window under which a hole is recorded. One minute of creation that was cut by the other date is recorded whole: a ticket whose stamp moves would leave the part unread, and the hole would
 * be taken for filled; its creation never moves.
 */
function lastingWindow(window: Window): Window {
  const { by, bounds, other } = window;
  const created = by === "create_date" ? bounds : other;
  const isCutMinute = other != null && created?.from != null && created.from === created.to;
  return isCutMinute && created != null ? { by: "create_date", bounds: created } : window;
}

/** What is recorded about a hole that was just met: its state, and at the first time a dead letter with the request and the beginning of the answer. */
export function recordsOfHole(
  open: ReadonlyMap<string, HoleState>,
  system: string,
  { window: met, request, failure }: Hole,
  nowMs: number,
): Pick<Job, "holes" | "deadLetters"> {
  const window = lastingWindow(met);
  const holeId = holeIdOf(system, window);
  const before = open.get(holeId);
  const attempts = (before?.attempts ?? 0) + 1;
  const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** (attempts - 1));
  const state: HoleState = {
    system,
    hole_id: holeId,
    by: window.by,
    bounds: window.bounds,
    other: window.other ?? null,
    reason: failure.code,
    detail: failure.message,
    attempts,
    first_at: before?.first_at ?? instantOf(nowMs),
    last_at: instantOf(nowMs),
    next_at: instantOf(nowMs + pauseMs),
  };
  const raw = JSON.stringify({ request, answer: failure.raw ?? null });
  const letter = deadLetter(
    system,
    { reason: failure.code, detail: failure.message, stage: "source-page", key: null, raw },
    nowMs,
  );
  return { holes: [[holeId, state]], deadLetters: before === undefined ? [letter] : [] };
}

/** The id of a hole's window. */
export function holeIdOf(system: string, window: Window): string {
  const { by, bounds, other } = lastingWindow(window);
  return hashId(JSON.stringify([system, by, bounds.from, bounds.to, other?.from, other?.to]));
}

/** The window of a recorded hole. */
export function windowOfHole({ by, bounds, other }: HoleState): Window {
  return { by, bounds, ...(other === null ? {} : { other }) };
}

/** Holes whose time has come. */
export function dueHoles(open: ReadonlyMap<string, HoleState>, nowMs: number): HoleState[] {
  return [...open.values()].filter(({ next_at }) => epochMsOf(next_at) <= nowMs);
}

/** Whether a ticket created in this minute may be hidden by one of these windows. */
export function mayHide(windows: readonly Window[], createdMinute: string): boolean {
  return windows.some(({ by, bounds, other }) => {
    const created = by === "create_date" ? bounds : other;
    return (
      (created?.from ?? "") <= createdMinute && createdMinute <= minuteOf(created?.to ?? "9999")
    );
  });
}
