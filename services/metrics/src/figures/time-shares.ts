import type { HeadRun, TimeShare } from "@thulium-stream/contracts";
import type { BusinessCalendar } from "../calendar/business-calendar.ts";
import type { Ball, Span } from "./open-life.ts";
import { secondMsOf } from "./second-of.ts";

type Calendar = Pick<BusinessCalendar, "secondsBetween">;

/** A duration in both measures. */
export interface Duration {
  readonly s: number;
  readonly business_s: number;
}

/** Something that holds from an instant until the next entry. */
export interface Step<T> {
  readonly fromMs: number;
  readonly value: T;
}

/** Time between two whole seconds; none when the end comes first. */
export function durationBetween(fromMs: number, toMs: number, calendar: Calendar): Duration {
  if (toMs <= fromMs) return { s: 0, business_s: 0 };
  return { s: (toMs - fromMs) / 1000, business_s: calendar.secondsBetween(fromMs, toMs) };
}

/** Sum of spans of time. */
export function durationOf(spans: readonly Span[], calendar: Calendar): Duration {
  let [s, business_s] = [0, 0];
  for (const { fromMs, toMs } of spans) {
    const span = durationBetween(fromMs, toMs, calendar);
    s += span.s;
    business_s += span.business_s;
  }
  return { s, business_s };
}

/** Time within spans by the value that held, in order of its first occurrence. Steps and spans are in order of time, spans apart. */
export function timeBy<T>(
  steps: readonly Step<T>[],
  spans: readonly Span[],
  calendar: Calendar,
): ReadonlyMap<T, Duration> {
  const found = new Map<T, { s: number; business_s: number }>();
  for (const [at, { fromMs, value }] of steps.entries()) {
    const toMs = steps[at + 1]?.fromMs ?? Number.POSITIVE_INFINITY;
    for (const span of spans) {
      const [beginMs, endMs] = [Math.max(span.fromMs, fromMs), Math.min(span.toMs, toMs)];
      if (endMs <= beginMs) continue;
      let time = found.get(value);
      if (time === undefined) {
        time = { s: 0, business_s: 0 };
        found.set(value, time);
      }
      const part = durationBetween(beginMs, endMs, calendar);
      time.s += part.s;
      time.business_s += part.business_s;
    }
  }
  return found;
}

/** The same as records carry it, by name, null first. */
export function sharesOf(
  steps: readonly Step<string | null>[],
  spans: readonly Span[],
  calendar: Calendar,
): TimeShare[] {
  return [...timeBy(steps, spans, calendar)]
    .map(([name, { s, business_s }]) => ({ name, time_s: s, time_business_s: business_s }))
    .sort(({ name: a }, { name: b }) => ((a ?? "") < (b ?? "") ? -1 : 1));
}

/** When each head of a ticket held, by one of its fields: what queue or agent it had. A first head is known from the ticket's last change before it was read. */
export function headSteps(
  runs: readonly HeadRun[],
  field: "queue" | "agent",
): readonly Step<string | null>[] {
  const steps: Step<string | null>[] = [];
  for (const [at, run] of runs.entries()) {
    const fromMs = secondMsOf(at === 0 ? (run.updated_at ?? run.observed_at) : run.at);
    if (at === 0 || steps.at(-1)?.value !== run[field])
      steps.push({ fromMs: Math.max(fromMs, steps.at(-1)?.fromMs ?? fromMs), value: run[field] });
  }
  return steps;
}

/** How open time divides by who is waited for. */
export function ballTimes(
  moves: readonly { readonly ms: number; readonly ball: Ball }[],
  open: readonly Span[],
  calendar: Calendar,
): Readonly<Record<Ball, Duration>> {
  const found = timeBy(
    moves.map(({ ms, ball }) => ({ fromMs: ms, value: ball })),
    open,
    calendar,
  );
  const none = { s: 0, business_s: 0 };
  return {
    ours: found.get("ours") ?? none,
    theirs: found.get("theirs") ?? none,
    hold: found.get("hold") ?? none,
  };
}
