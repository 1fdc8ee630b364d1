import { createRequire } from "node:module";

/** A holiday: a local date and time, and how long it lasts. */
interface Holiday {
  readonly date: string;
  readonly type: string;
  readonly start: Date;
  readonly end: Date;
}

/** The calls of date-holidays that are used; its own types need DOM names. */
interface Holidays {
  getCountries(): Record<string, string>;
  getHolidays(year: number): readonly Holiday[];
}

const dayMs = 86_400_000;
const require = createRequire(import.meta.url);
let known: Readonly<Record<string, string>> | undefined;

/** Whether a country code is known, or says `none`. */
export function isHolidayCountry(country: string): boolean {
  known ??= open().getCountries();
  return country === "none" || known[country] !== undefined;
}

/** Public holidays of a country in a year, as local days `YYYY-MM-DD`; none for the country `none`. */
export function publicHolidays(country: string, year: number): ReadonlySet<string> {
  if (country === "none") return new Set();
  const found = open(country).getHolidays(year);
  return new Set(found.filter(({ type }) => type === "public").flatMap(daysOf));
}

/** The days of a holiday: its own, and those after it when it lasts longer. */
function daysOf({ date, start, end }: Holiday): readonly string[] {
  const count = Math.max(1, Math.round((end.getTime() - start.getTime()) / dayMs));
  const firstMs = Date.parse(`${date.slice(0, 10)}T00:00:00.000Z`);
  return Array.from({ length: count }, (_, at) =>
    new Date(firstMs + at * dayMs).toISOString().slice(0, 10),
  );
}

function open(country?: string): Holidays {
  const Calendar = require("date-holidays") as new (country?: string) => Holidays;
  return new Calendar(country);
}
