import { Temporal } from "temporal-polyfill";

/** Widths of a time series. */
export const intervals = ["hour", "day", "week", "month"] as const;
/** One of {@link intervals}. */
export type Interval = (typeof intervals)[number];

/** A stretch of a time series: instants in milliseconds, the end exclusive. */
export interface Bucket {
  /** Local date, or date and hour, of its start. */
  readonly label: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Start of a local day, in epoch milliseconds. @throws RangeError for text that is no day. */
export function startOfDay(day: string, zone: string): number {
  return Temporal.PlainDate.from(day).toZonedDateTime({ timeZone: zone }).epochMilliseconds;
}

/** The local day of an instant, `YYYY-MM-DD`. */
export function localDay(ms: number, zone: string): string {
  return Temporal.Instant.fromEpochMilliseconds(ms)
    .toZonedDateTimeISO(zone)
    .toPlainDate()
    .toString();
}

/** A local day moved by whole days. */
export function addDays(day: string, count: number): string {
  return Temporal.PlainDate.from(day).add({ days: count }).toString();
}

/** The buckets that cover the local days [from, to], in order; days of 23 and 25 hours are what they are. */
export function bucketsOf(
  from: string,
  to: string,
  interval: Interval,
  zone: string,
): readonly Bucket[] {
  const endMs = startOfDay(addDays(to, 1), zone);
  let start = Temporal.PlainDate.from(from).toZonedDateTime({ timeZone: zone });
  if (interval === "week") start = start.subtract({ days: start.dayOfWeek - 1 });
  if (interval === "month") start = start.with({ day: 1 });
  const buckets: Bucket[] = [];
  while (start.epochMilliseconds < endMs) {
    const next = start.add(
      interval === "hour"
        ? { hours: 1 }
        : interval === "day"
          ? { days: 1 }
          : interval === "week"
            ? { weeks: 1 }
            : { months: 1 },
    );
    const label =
      interval === "hour"
        ? start.toPlainDateTime().toString({ smallestUnit: "minute" })
        : start.toPlainDate().toString();
    buckets.push({ label, fromMs: start.epochMilliseconds, toMs: next.epochMilliseconds });
    start = next;
  }
  return buckets;
}

/** Weekday (0 = Monday) and hour of an instant. */
export function weekdayHour(ms: number, zone: string): readonly [number, number] {
  const local = Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone);
  return [local.dayOfWeek - 1, local.hour];
}

/** Weekdays and hours of instants, fast: the zone's offset is asked once per hour of time. */
export class LocalHours {
  readonly #zone: string;
  readonly #offsetsS = new Map<number, number>();

  constructor(zone: string) {
    this.#zone = zone;
  }

  /** The hour of the local week, 0–167, Monday 00:00 being 0, of an instant in seconds. */
  ofWeek(second: number): number {
    // Every zone's clock changes on a quarter hour.
    const cell = Math.floor(second / 900);
    let offsetS = this.#offsetsS.get(cell);
    if (offsetS === undefined) {
      const local = Temporal.Instant.fromEpochMilliseconds(cell * 900_000);
      offsetS = local.toZonedDateTimeISO(this.#zone).offsetNanoseconds / 1e9;
      this.#offsetsS.set(cell, offsetS);
    }
    // 1970-01-01 was a Thursday.
    return Math.floor((second + offsetS) / 3600 + 72) % 168;
  }
}
