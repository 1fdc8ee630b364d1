import { Temporal } from "temporal-polyfill";
import type { WeekHours } from "./business-hours.ts";
import { publicHolidays } from "./public-holidays.ts";

/** Counts working time. Instants are milliseconds since 1970-01-01T00:00Z. */
export interface BusinessCalendar {
  /** Working seconds in [fromMs, toMs), right across both clock changes; 0 when the end comes first. */
  secondsBetween(fromMs: number, toMs: number): number;
  /** The first instant by which `seconds` have been worked since `fromMs`; null when the calendar opens too seldom to tell within ten years. */
  instantAfter(fromMs: number, seconds: number): number | null;
}

/** What holds from a day on. */
export interface Schedule {
  /** First local day, `YYYY-MM-DD`; null = always. */
  readonly validFrom: string | null;
  readonly week: WeekHours;
  /** Country code whose public holidays are free, or `none`. */
  readonly holidays: string;
  /** Own free days, local, `YYYY-MM-DD`. */
  readonly closures: ReadonlySet<string>;
}

/** Opening times that begin in one year of UTC: parallel lists, in order, and working time before each since the year began. */
interface YearTable {
  readonly opensMs: number[];
  readonly closesMs: number[];
  readonly workedMs: number[];
  readonly totalMs: number;
}

const longestWaitYears = 10;

/**
 * A business calendar in a zone: on each local day the newest schedule counts whose first day has come, so that yesterday's figures stay what they were. Working hours are
 * those of the wall clock: a range that a clock change cuts is shorter or longer by that hour.
 */
export function createBusinessCalendar(
  zone: string,
  schedules: readonly Schedule[],
): BusinessCalendar {
  const inOrder = [...schedules].sort((a, b) =>
    (a.validFrom ?? "") < (b.validFrom ?? "") ? -1 : 1,
  );
  const tables = new Map<number, YearTable>();
  const tableOf = (year: number): YearTable => {
    const held = tables.get(year);
    if (held !== undefined) return held;
    const made = makeTable(year, zone, inOrder);
    tables.set(year, made);
    return made;
  };

  let last = { year: Number.NaN, fromMs: 0, toMs: 0 };
  /** Most instants lie in the year of the one before. */
  const yearOf = (ms: number): number => {
    if (ms < last.fromMs || ms >= last.toMs) {
      const year = new Date(ms).getUTCFullYear();
      last = { year, fromMs: Date.UTC(year, 0, 1), toMs: Date.UTC(year + 1, 0, 1) };
    }
    return last.year;
  };

  const secondsBetween = (fromMs: number, toMs: number): number => {
    if (toMs <= fromMs) return 0;
    const [firstYear, lastYear] = [yearOf(fromMs), yearOf(toMs)];
    let totalMs = workedUntil(tableOf(lastYear), toMs) - workedUntil(tableOf(firstYear), fromMs);
    for (let year = firstYear; year < lastYear; year += 1) totalMs += tableOf(year).totalMs;
    return totalMs / 1000;
  };

  const instantAfter = (fromMs: number, seconds: number): number | null => {
    const first = yearOf(fromMs);
    let leftMs = seconds * 1000 + workedUntil(tableOf(first), fromMs);
    if (seconds <= 0) return fromMs;
    for (let year = first; year <= first + longestWaitYears; year += 1) {
      const { opensMs, workedMs, totalMs } = tableOf(year);
      if (leftMs > totalMs) {
        leftMs -= totalMs;
        continue;
      }
      const at = lastAtMost(workedMs, leftMs, true);
      return (opensMs[at] ?? 0) + leftMs - (workedMs[at] ?? 0);
    }
    return null;
  };

  return { secondsBetween, instantAfter };
}

/** Working milliseconds of a year's table before an instant. */
function workedUntil({ opensMs, closesMs, workedMs }: YearTable, ms: number): number {
  const at = lastAtMost(opensMs, ms, false);
  if (at < 0) return 0;
  return (workedMs[at] ?? 0) + Math.min(ms, closesMs[at] ?? 0) - (opensMs[at] ?? 0);
}

/** Place of the last entry ≤ value (`strictly`: < value); −1 when there is none. */
function lastAtMost(sorted: readonly number[], value: number, strictly: boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const entry = sorted[middle] ?? 0;
    if (strictly ? entry < value : entry <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function makeTable(year: number, zone: string, schedules: readonly Schedule[]): YearTable {
  const [startMs, endMs] = [Date.UTC(year, 0, 1), Date.UTC(year + 1, 0, 1)];
  const free = holidaysAround(year, schedules);
  const [opensMs, closesMs, workedMs]: [number[], number[], number[]] = [[], [], []];
  let totalMs = 0;
  // A local day of a neighbouring year may reach into this one.
  const last = new Temporal.PlainDate(year + 1, 1, 1);
  let day = new Temporal.PlainDate(year - 1, 12, 31);
  for (; Temporal.PlainDate.compare(day, last) <= 0; day = day.add({ days: 1 })) {
    for (const [opens, closes] of openingsOf(day, zone, schedules, free)) {
      const [from, to] = [Math.max(opens, startMs), Math.min(closes, endMs)];
      if (to <= from) continue;
      opensMs.push(from);
      closesMs.push(to);
      workedMs.push(totalMs);
      totalMs += to - from;
    }
  }
  return { opensMs, closesMs, workedMs, totalMs };
}

function openingsOf(
  day: Temporal.PlainDate,
  zone: string,
  schedules: readonly Schedule[],
  free: ReadonlyMap<string, ReadonlySet<string>>,
): readonly (readonly [number, number])[] {
  const name = day.toString();
  const schedule = schedules.findLast(({ validFrom }) => validFrom === null || validFrom <= name);
  if (schedule === undefined || schedule.closures.has(name)) return [];
  if (free.get(schedule.holidays)?.has(name)) return [];
  const at = (time: string): number =>
    (time === "24:00" ? day.add({ days: 1 }) : day).toZonedDateTime({
      timeZone: zone,
      plainTime: time === "24:00" ? "00:00" : time,
    }).epochMilliseconds;
  return (schedule.week[day.dayOfWeek - 1] ?? []).map(([from, to]) => [at(from), at(to)] as const);
}

/** Holidays by country of a year and the days that touch it. */
function holidaysAround(
  year: number,
  schedules: readonly Schedule[],
): ReadonlyMap<string, ReadonlySet<string>> {
  const countries = [...new Set(schedules.map(({ holidays }) => holidays))];
  const around = [year - 1, year, year + 1];
  return new Map(
    countries.map((country) => [
      country,
      new Set(around.flatMap((one) => [...publicHolidays(country, one)])),
    ]),
  );
}
