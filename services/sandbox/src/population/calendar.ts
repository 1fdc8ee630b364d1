import { Draw } from "./draw.ts";
import type { Zone } from "./zone.ts";

const hourS = 3600;
const hourShares = [
  0.15, 0.1, 0.1, 0.1, 0.12, 0.2, 0.45, 0.9, 1.6, 2.1, 2.2, 2.1, 1.9, 1.9, 1.9, 1.7, 1.5, 1.2, 1.0,
  0.95, 0.9, 0.7, 0.45, 0.25,
];
const dayShares = [0.4, 1.35, 1.2, 1.15, 1.1, 1.05, 0.5];
const mean =
  (hourShares.reduce((sum, share) => sum + share, 0) / 24) *
  (dayShares.reduce((sum, share) => sum + share, 0) / 7);

/** How busy the hour of this instant is on the wall clock; the mean over a week is 1. */
export function busyness(zone: Zone, epochS: number): number {
  const wallS = zone.wallOf(epochS);
  const weekday = (Math.floor(wallS / 86_400) + 4) % 7;
  const hour = Math.floor(wallS / hourS) % 24;
  return ((hourShares[hour] as number) * (dayShares[weekday] as number)) / mean;
}

/**
 * Creation instants of exactly `count` tickets over [fromS, toS), ascending: a ticket's number is its place.
 * One in forty comes in the same minute as the one before it, so that minutes are shared.
 */
export function historicArrivals(
  seed: number,
  zone: Zone,
  span: { readonly fromS: number; readonly toS: number; readonly count: number },
): Float64Array {
  const draw = new Draw().reset(seed, 0, 11);
  const arrivals = new Float64Array(span.count);
  const hours = Math.max(1, Math.ceil((span.toS - span.fromS) / hourS));
  let total = 0;
  for (let i = 0; i < hours; i++) total += busyness(zone, span.fromS + i * hourS);
  let passed = 0;
  let placed = 0;
  for (let i = 0; i < hours && placed < span.count; i++) {
    const share = busyness(zone, span.fromS + i * hourS);
    const until = i === hours - 1 ? span.count : ((passed + share) / total) * span.count;
    const first = placed;
    while (placed < span.count && placed + 0.5 < until) {
      const within = draw.unit() * Math.min(hourS, span.toS - span.fromS - i * hourS);
      arrivals[placed++] = Math.floor(span.fromS + i * hourS + within);
    }
    clump(draw, arrivals, first, placed);
    arrivals.subarray(first, placed).sort();
    passed += share;
  }
  while (placed < span.count) arrivals[placed++] = Math.floor(span.toS) - 1;
  return arrivals;
}

function clump(draw: Draw, arrivals: Float64Array, first: number, end: number): void {
  for (let i = first + 1; i < end; i++) {
    if (draw.chance(0.025)) arrivals[i] = arrivals[i - 1] as number;
  }
}

/** What one stream of chance makes happen in each hour: instants, ascending, a pure function of (seed, hour, purpose). */
export class HourlyStream {
  readonly #seed: number;
  readonly #zone: Zone;
  readonly #perHour: number;
  readonly #purpose: number;
  readonly #draw = new Draw();
  #hour: number;
  #instants: number[] = [];
  #taken = 0;
  /** How many of this hour's instants lie before the next one. */
  index = 0;

  /** Begins after `fromS`; `perHour` is the mean over a week. */
  constructor(seed: number, zone: Zone, perHour: number, purpose: number, fromS: number) {
    this.#seed = seed;
    this.#zone = zone;
    this.#perHour = perHour;
    this.#purpose = purpose;
    this.#hour = Math.floor(fromS / hourS) - 1;
    while (this.#perHour > 0 && this.nextS <= fromS) this.take();
  }

  /** Number of the hour (since 1970) in which the next instant lies. */
  get hour(): number {
    return this.#hour;
  }

  /** The next instant in whole seconds; Infinity when the stream is off. */
  get nextS(): number {
    if (this.#perHour <= 0) return Number.POSITIVE_INFINITY;
    while (this.#taken >= this.#instants.length) this.#fill();
    return this.#instants[this.#taken] as number;
  }

  /** Passes over the next instant. */
  take(): void {
    this.#taken++;
    this.index++;
  }

  #fill(): void {
    const hour = ++this.#hour;
    const draw = this.#draw.reset(this.#seed, hour, this.#purpose);
    const count = draw.count(this.#perHour * busyness(this.#zone, hour * hourS));
    this.#instants = Array.from({ length: count }, () => hour * hourS + draw.below(hourS));
    this.#instants.sort((a, b) => a - b);
    this.#taken = this.index = 0;
  }
}
