import { type Instant, instantOf } from "@thulium-stream/contracts";
import { Sketch } from "./sketch.ts";

/** What a summary can be grouped by. */
export const groups = ["queue", "category", "source", "agent", "status"] as const;
/** One of {@link groups}. */
export type Group = (typeof groups)[number];

/** Durations that aggregates distribute. */
export const durations = [
  "first_response",
  "first_response_business",
  "next_response",
  "next_response_business",
  "resolution",
  "resolution_business",
] as const;
/** One of {@link durations}. */
export type DurationName = (typeof durations)[number];

/** Clocks of the service level. */
export const slaClocks = ["first_response", "next_response", "resolution"] as const;
/** One of {@link slaClocks}. */
export type SlaName = (typeof slaClocks)[number];

/** Upper bounds of a {@link Distribution}'s histogram, in seconds: 15 min, 1 h, 4 h, 8 h, 1 d, 3 d, 7 d; the last count has none. */
export const histogramBoundsS = [900, 3600, 14_400, 28_800, 86_400, 259_200, 604_800] as const;

/** Distribution of one duration, in seconds; null where there is nothing to measure. */
export interface Distribution {
  readonly count: number;
  /** Exact. */
  readonly mean_s: number | null;
  /** Percentiles are within 1 % of the exact ones. */
  readonly p50_s: number | null;
  readonly p90_s: number | null;
  readonly p95_s: number | null;
  readonly p99_s: number | null;
  /** Counts by {@link histogramBoundsS}, each up to its bound, the last above all. */
  readonly histogram: readonly number[];
}

/** How clocks ended. */
export interface SlaShare {
  readonly met: number;
  readonly breached: number;
  /** Share that was met, 0–1; null when none ended. */
  readonly share: number | null;
}

/** Aggregates of a stretch of time. A duration belongs to the stretch in which it ended, a breach without an end to that in which the clock ran out. */
export interface Aggregate {
  /** Tickets created in the stretch. */
  readonly created: number;
  /** Tickets whose last close lies in it. */
  readonly closed: number;
  /** Tickets open at its end. */
  readonly backlog: number;
  /** Reopenings among the tickets closed in it. */
  readonly reopened: number;
  /** Share of the tickets closed in it that had been reopened, 0–1; null when none was closed. */
  readonly reopen_rate: number | null;
  readonly first_response: Distribution;
  readonly first_response_business: Distribution;
  readonly next_response: Distribution;
  readonly next_response_business: Distribution;
  readonly resolution: Distribution;
  readonly resolution_business: Distribution;
  readonly sla: Readonly<Record<SlaName, SlaShare>>;
  /** 1, and one more for every fact of the stretch that came to be known only after its end: another version is a correction. */
  readonly version: number;
  /** When the newest such fact came to be known; null = never. */
  readonly corrected_at: Instant | null;
}

/** What an aggregate is made from, summed up. Lists are in the order of {@link durations} and {@link slaClocks}. */
export interface Sums {
  created: number;
  closed: number;
  backlog: number;
  reopened: number;
  closedReopened: number;
  /** Facts that came to be known only after the end of the stretch, and when the newest did, in seconds since 1970-01-01T00:00Z. */
  late: number;
  latestS: number;
  readonly met: number[];
  readonly breached: number[];
  readonly sketches: readonly Sketch[];
}

/** Sums of a stretch of time, to which those of other tickets can be added. */
export class Totals {
  readonly #sums: Sums;

  /** Begins with nothing, or with sums, which it then owns. */
  constructor(sums?: Sums) {
    this.#sums = sums ?? {
      created: 0,
      closed: 0,
      backlog: 0,
      reopened: 0,
      closedReopened: 0,
      late: 0,
      latestS: 0,
      met: slaClocks.map(() => 0),
      breached: slaClocks.map(() => 0),
      sketches: durations.map(() => new Sketch()),
    };
  }

  /** Adds tickets that are open at the end, and of which nothing lies in the stretch. */
  addOpen(tickets: number): void {
    this.#sums.backlog += tickets;
  }

  /** Takes over what other totals of the same stretch hold. */
  merge(other: Totals): void {
    const theirs = other.#sums;
    const ours = this.#sums;
    for (const [at, sketch] of theirs.sketches.entries()) ours.sketches[at]?.merge(sketch);
    for (const at of slaClocks.keys()) {
      ours.met[at] = (ours.met[at] ?? 0) + (theirs.met[at] ?? 0);
      ours.breached[at] = (ours.breached[at] ?? 0) + (theirs.breached[at] ?? 0);
    }
    ours.created += theirs.created;
    ours.closed += theirs.closed;
    ours.backlog += theirs.backlog;
    ours.reopened += theirs.reopened;
    ours.closedReopened += theirs.closedReopened;
    ours.late += theirs.late;
    ours.latestS = Math.max(ours.latestS, theirs.latestS);
  }

  /** The aggregate of what was summed up so far. */
  result(): Aggregate {
    const sums = this.#sums;
    const distribution = (name: DurationName) =>
      distributionOf(sums.sketches[durations.indexOf(name)] ?? new Sketch());
    const share = (clock: number): SlaShare => {
      const [met, breached] = [sums.met[clock] ?? 0, sums.breached[clock] ?? 0];
      return { met, breached, share: met + breached === 0 ? null : met / (met + breached) };
    };
    return {
      created: sums.created,
      closed: sums.closed,
      backlog: sums.backlog,
      reopened: sums.reopened,
      reopen_rate: sums.closed === 0 ? null : sums.closedReopened / sums.closed,
      first_response: distribution("first_response"),
      first_response_business: distribution("first_response_business"),
      next_response: distribution("next_response"),
      next_response_business: distribution("next_response_business"),
      resolution: distribution("resolution"),
      resolution_business: distribution("resolution_business"),
      sla: { first_response: share(0), next_response: share(1), resolution: share(2) },
      version: 1 + sums.late,
      corrected_at: sums.late === 0 ? null : instantOf(sums.latestS * 1000),
    };
  }
}

function distributionOf(sketch: Sketch): Distribution {
  const rounded = (value: number | null) => (value === null ? null : Math.round(value));
  const at = (q: number) => rounded(sketch.quantile(q));
  return {
    count: sketch.count,
    mean_s: rounded(sketch.mean),
    p50_s: at(0.5),
    p90_s: at(0.9),
    p95_s: at(0.95),
    p99_s: at(0.99),
    histogram: sketch.histogram(histogramBoundsS),
  };
}
