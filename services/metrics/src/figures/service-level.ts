import { instantOf, type SlaStanding } from "@thulium-stream/contracts";
import type { BusinessCalendar } from "../calendar/business-calendar.ts";
import type { FigureRules, SlaClock, SlaSubject, SlaTarget } from "../rules/figure-rules.ts";

type Calendar = Pick<BusinessCalendar, "secondsBetween" | "instantAfter">;

/** One run of a service-level clock. */
export interface ClockRun {
  readonly startedMs: number;
  /** When what was owed was done; null = it is not. */
  readonly doneMs: number | null;
  /** When nothing was owed any more though it was not done: the ticket was closed or deleted. */
  readonly droppedMs: number | null;
}

/** What the clocks are judged by. */
export interface SlaJudge {
  readonly rules: FigureRules;
  readonly calendar: Calendar;
  /** Queue and priority of the ticket now. */
  readonly subject: Omit<SlaSubject, "startedMs">;
  readonly asOfMs: number;
}

/**
 * How a ticket stands by one clock: `breached` when any run of it took longer than its target, else `running` while one is owed, else `met`. A run that was dropped in time
 * counts nowhere. null when there is no target or nothing was ever owed.
 */
export function slaStanding(
  clock: SlaClock,
  runs: readonly ClockRun[],
  judge: SlaJudge,
): SlaStanding | null {
  let standing: SlaStanding | null = null;
  for (const run of runs) {
    const target = judge.rules.targetOf(clock, { ...judge.subject, startedMs: run.startedMs });
    const next = target === null ? null : standingOf(run, target, judge);
    if (next !== null && standing?.state !== "breached") standing = next;
  }
  return standing;
}

function standingOf(
  { startedMs, doneMs, droppedMs }: ClockRun,
  { seconds, isBusiness }: SlaTarget,
  { calendar, asOfMs }: SlaJudge,
): SlaStanding | null {
  const count = (toMs: number) =>
    isBusiness ? calendar.secondsBetween(startedMs, toMs) : (toMs - startedMs) / 1000;
  const dueMs = isBusiness ? calendar.instantAfter(startedMs, seconds) : startedMs + seconds * 1000;
  const taken = count(doneMs ?? droppedMs ?? asOfMs);
  const standing = {
    target_s: seconds,
    is_business: isBusiness,
    due_at: dueMs === null ? null : instantOf(dueMs),
    left_s: null,
  };
  if (taken > seconds) return { ...standing, state: "breached" };
  if (doneMs !== null) return { ...standing, state: "met" };
  if (droppedMs !== null) return null;
  return { ...standing, state: "running", left_s: Math.round(seconds - taken) };
}
