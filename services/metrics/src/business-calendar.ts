import { createRequire } from "node:module";
import { Failure } from "@thulium-stream/contracts";
import { Temporal } from "temporal-polyfill";

/** Counts working time. */
export interface BusinessCalendar {
  /** Working seconds in [fromMs, toMs): working hours of the zone's local days, public holidays left out, right across both clock changes. */
  secondsBetween(fromMs: number, toMs: number): number;
}

/** What makes a calendar. */
export interface CalendarOptions {
  /** IANA zone of local days. */
  readonly zone: string;
  /** `Mon-Fri 08:00-16:00`; several ranges apart by `;`. */
  readonly businessHours: string;
  /** Country code whose public holidays are free, or `none`. */
  readonly holidays: string;
}

/** The one call of date-holidays that is used; its own types need DOM names. */
interface Holidays {
  isHoliday(day: string): false | readonly { readonly type: string }[];
}

const days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const require = createRequire(import.meta.url);

/** A business calendar. @throws Failure `InvalidSettings` naming BUSINESS_HOURS or HOLIDAYS. */
export function createBusinessCalendar({
  zone,
  businessHours,
  holidays,
}: CalendarOptions): BusinessCalendar {
  const week = parseHours(businessHours);
  const isFree = holidayCheck(holidays);
  const cache = new Map<string, readonly (readonly [number, number])[]>();

  const openingsOf = (day: Temporal.PlainDate): readonly (readonly [number, number])[] => {
    const key = day.toString();
    const known = cache.get(key);
    if (known !== undefined) return known;
    const ranges = isFree(key) ? [] : (week[day.dayOfWeek - 1] ?? []);
    const at = (time: string) =>
      (time === "24:00" ? day.add({ days: 1 }) : day).toZonedDateTime({
        timeZone: zone,
        plainTime: time === "24:00" ? "00:00" : time,
      }).epochMilliseconds;
    const openings = ranges.map(([from, to]) => [at(from), at(to)] as const);
    cache.set(key, openings);
    return openings;
  };

  return {
    secondsBetween(fromMs, toMs) {
      let totalMs = 0;
      const last = dayOf(toMs, zone);
      for (
        let day = dayOf(fromMs, zone);
        Temporal.PlainDate.compare(day, last) <= 0;
        day = day.add({ days: 1 })
      ) {
        for (const [openMs, closeMs] of openingsOf(day))
          totalMs += Math.max(0, Math.min(toMs, closeMs) - Math.max(fromMs, openMs));
      }
      return totalMs / 1000;
    },
  };
}

function dayOf(ms: number, zone: string): Temporal.PlainDate {
  return Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone).toPlainDate();
}

type DayRanges = readonly (readonly [string, string])[];

function parseHours(text: string): readonly DayRanges[] {
  const week: [string, string][][] = days.map(() => []);
  for (const part of text.split(";").map((piece) => piece.trim())) {
    const match = /^([A-Z][a-z]{2})(?:-([A-Z][a-z]{2}))? (\d{2}:\d{2})-(\d{2}:\d{2})$/.exec(part);
    const [, first = "", second, from = "", to = ""] = match ?? [];
    const [start, end] = [days.indexOf(first), days.indexOf(second ?? first)];
    if (match === null || start < 0 || end < start || from >= to || to > "24:00")
      throw new Failure(
        "InvalidSettings",
        `BUSINESS_HOURS=${JSON.stringify(text)}: must be ranges such as "Mon-Fri 08:00-16:00; Sat 09:00-13:00"`,
      );
    for (let day = start; day <= end; day += 1) week[day]?.push([from, to]);
  }
  return week;
}

function holidayCheck(country: string): (day: string) => boolean {
  if (country === "none") return () => false;
  const Calendar = require("date-holidays") as new (
    country: string,
  ) => Holidays & { getCountries(): Record<string, string> };
  const calendar = new Calendar(country);
  if (calendar.getCountries()[country] === undefined)
    throw new Failure(
      "InvalidSettings",
      `HOLIDAYS=${JSON.stringify(country)}: must be a country code such as PL, or none`,
    );
  // A day, not an instant: noon keeps the library's own zone out of it.
  return (day) => {
    const found = calendar.isHoliday(`${day} 12:00:00`);
    return found !== false && found.some(({ type }) => type === "public");
  };
}
