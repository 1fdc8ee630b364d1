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

/** Gathers an aggregate. Instants are seconds since 1970-01-01T00:00Z. */
export class Totals {
  readonly #endS: number;
  /** One per duration, in the order of {@link durations}. */
  readonly sketches: readonly Sketch[] = durations.map(() => new Sketch());
  /** Clocks that ended, in the order of {@link slaClocks}. */
  readonly met = [0, 0, 0];
  readonly breached = [0, 0, 0];
  created = 0;
  closed = 0;
  backlog = 0;
  reopened = 0;
  closedReopened = 0;
  #late = 0;
  #latestS = 0;

  /** Totals of a stretch that ends at an instant. */
  constructor(endS: number) {
    this.#endS = endS;
  }

  /** A fact of the stretch that came to be known at an instant. */
  addKnown(knownS: number): void {
    if (knownS < this.#endS) return;
    this.#late += 1;
    if (knownS > this.#latestS) this.#latestS = knownS;
  }

  /** Takes over what other totals of the same stretch hold. */
  merge(other: Totals): void {
    for (const [at, sketch] of this.sketches.entries()) {
      const theirs = other.sketches[at];
      if (theirs !== undefined) sketch.merge(theirs);
    }
    for (const at of slaClocks.keys()) {
      this.met[at] = (this.met[at] ?? 0) + (other.met[at] ?? 0);
      this.breached[at] = (this.breached[at] ?? 0) + (other.breached[at] ?? 0);
    }
    this.created += other.created;
    this.closed += other.closed;
    this.backlog += other.backlog;
    this.reopened += other.reopened;
    this.closedReopened += other.closedReopened;
    this.#late += other.#late;
    this.#latestS = Math.max(this.#latestS, other.#latestS);
  }

  result(): Aggregate {
    const distribution = (name: DurationName) =>
      distributionOf(this.sketches[durations.indexOf(name)] ?? new Sketch());
    const share = (clock: number): SlaShare => {
      const [met, breached] = [this.met[clock] ?? 0, this.breached[clock] ?? 0];
      return { met, breached, share: met + breached === 0 ? null : met / (met + breached) };
    };
    return {
      created: this.created,
      closed: this.closed,
      backlog: this.backlog,
      reopened: this.reopened,
      reopen_rate: this.closed === 0 ? null : this.closedReopened / this.closed,
      first_response: distribution("first_response"),
      first_response_business: distribution("first_response_business"),
      next_response: distribution("next_response"),
      next_response_business: distribution("next_response_business"),
      resolution: distribution("resolution"),
      resolution_business: distribution("resolution_business"),
      sla: { first_response: share(0), next_response: share(1), resolution: share(2) },
      version: 1 + this.#late,
      corrected_at: this.#late === 0 ? null : instantOf(this.#latestS * 1000),
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
