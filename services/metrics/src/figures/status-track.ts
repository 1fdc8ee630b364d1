import { epochMsOf, type HeadRun } from "@thulium-stream/contracts";
import type { FigureRules } from "../rules/figure-rules.ts";
import { secondMsOf } from "./second-of.ts";

/** A stretch of a ticket's life under one status. It lasts until the next one begins. Instants are milliseconds. */
export interface StatusSpan {
  readonly fromMs: number;
  /** It may have begun this much earlier. */
  readonly precisionMs: number;
  readonly status: string | null;
  readonly status_id: string | null;
  /** Whether the ticket was not open in it: closed, merged away, or deleted. */
  readonly isClosed: boolean;
  readonly isDeleted: boolean;
  /** `vendor`: told by the source's own stamps, not by a change that was seen. */
  readonly basis: "status history observed" | "derived from system comment" | "vendor";
  /** When it was first known. */
  readonly knownMs: number;
}

/** Runs without the times at which a ticket only seemed to be gone. */
export function lastingRuns(heads: readonly HeadRun[]): readonly HeadRun[] {
  return heads.some(({ deleted }) => deleted)
    ? heads.filter(({ deleted }, at) => !deleted || at === heads.length - 1)
    : heads;
}

/**
 * The statuses of a ticket in order. A step that a system comment tells has its own minute. A close counts at the source's `closed_at` when that lies in the open stretch
 * and was due to be seen, else when its change happened, else when it was seen, and may then lie as far back as the observation before it.
 */
export function statusTrack(
  runs: readonly HeadRun[],
  createdMs: number,
  rules: FigureRules,
): readonly StatusSpan[] {
  const track: StatusSpan[] = [];
  let seenMs = createdMs;
  for (const [at, run] of runs.entries()) {
    pushSteps(track, run, at === 0, createdMs, rules);
    pushRun(track, run, { isFirst: at === 0, seenMs, createdMs }, rules);
    seenMs = secondMsOf(run.last_observed_at);
  }
  return track;
}

function pushSteps(
  track: StatusSpan[],
  run: HeadRun,
  isFirst: boolean,
  createdMs: number,
  rules: FigureRules,
): void {
  if (run.steps.length === 0) return;
  const knownMs = epochMsOf(run.observed_at);
  const steps = run.steps
    .flatMap(({ at, from, to }) => (at === null ? [] : [{ ms: secondMsOf(at), from, to }]))
    .filter(({ ms }) => ms <= knownMs)
    .sort((a, b) => a.ms - b.ms);
  const push = (ms: number, status: string | null) => {
    const head = { status, status_id: null };
    track.push({
      ...head,
      fromMs: Math.max(ms, track.at(-1)?.fromMs ?? createdMs),
      precisionMs: 0,
      isClosed: rules.isClosed(head),
      isDeleted: false,
      basis: "derived from system comment",
      knownMs,
    });
  };
  const [first] = steps;
  if (isFirst && first?.from != null) push(createdMs, first.from);
  for (const { ms, to } of steps) push(ms, to);
}

function pushRun(
  track: StatusSpan[],
  run: HeadRun,
  place: { readonly isFirst: boolean; readonly seenMs: number; readonly createdMs: number },
  rules: FigureRules,
): void {
  const { status, status_id, deleted } = run;
  const isClosed = deleted || run.unlisted || rules.isClosed(run);
  const previous = track.at(-1);
  if (
    previous?.basis === "derived from system comment" &&
    !deleted &&
    previous.isClosed === isClosed &&
    isNamed(status, previous.status)
  ) {
    // The comment told the very step that led here; the head knows its full name and id.
    track[track.length - 1] = { ...previous, status, status_id };
    return;
  }
  const isClose = isClosed && previous?.isClosed !== true;
  const begin = isClose ? closeOf(run, place, previous) : beginOf(run, place);
  // Written out: spreading the two parts into one takes a tenth of the time of all figures.
  track.push({
    fromMs: Math.max(begin.fromMs, previous?.fromMs ?? place.createdMs),
    precisionMs: begin.precisionMs,
    status,
    status_id,
    isClosed,
    isDeleted: deleted,
    basis: begin.basis,
    knownMs: epochMsOf(run.observed_at),
  });
}

type Begin = Pick<StatusSpan, "fromMs" | "precisionMs" | "basis">;

function beginOf(run: HeadRun, { isFirst, seenMs }: { isFirst: boolean; seenMs: number }): Begin {
  // A first observation tells what was so since the ticket's last change, not since its creation.
  const firstAt = run.updated_at ?? run.observed_at;
  return {
    fromMs: secondMsOf(isFirst ? firstAt : run.at),
    precisionMs: run.is_observation && !isFirst ? spanMs(seenMs, run) : 0,
    basis: "status history observed",
  };
}

function closeOf(
  run: HeadRun,
  place: { readonly isFirst: boolean; readonly seenMs: number; readonly createdMs: number },
  previous: StatusSpan | undefined,
): Begin {
  const openedMs = previous?.fromMs ?? place.createdMs;
  const closedMs = run.closed_at === null || run.deleted ? null : secondMsOf(run.closed_at);
  if (closedMs !== null && closedMs >= openedMs && closedMs <= secondMsOf(run.observed_at))
    return {
      fromMs: closedMs,
      precisionMs: 0,
      basis: place.isFirst ? "vendor" : "status history observed",
    };
  const begin = beginOf(run, place);
  if (!place.isFirst) return begin;
  return {
    fromMs: begin.fromMs,
    precisionMs: Math.max(0, begin.fromMs - place.createdMs),
    basis: "vendor",
  };
}

function spanMs(seenMs: number, { observed_at }: HeadRun): number {
  return Math.max(0, secondMsOf(observed_at) - seenMs);
}

/** Whether a full status name is the one that a comment names: `A` names `A` and `A - sub`. */
function isNamed(status: string | null, named: string | null): boolean {
  return status === named || (named !== null && status?.startsWith(`${named} - `) === true);
}
