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
