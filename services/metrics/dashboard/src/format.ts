import { currentLanguage, word } from "./words.js";

/** A whole number with the language's own spaces. */
export function count(value: number): string {
  return new Intl.NumberFormat(currentLanguage()).format(value);
}

/** A large number in few letters, for axes. */
export function shortCount(value: number): string {
  return new Intl.NumberFormat(currentLanguage(), {
    notation: value >= 10_000 ? "compact" : "standard",
    maximumFractionDigits: 1,
  }).format(value);
}

/** A share of 0–1 as per cent; – when unknown. */
export function percent(share: number | null): string {
  if (share === null) return "–";
  return new Intl.NumberFormat(currentLanguage(), {
    style: "percent",
    maximumFractionDigits: share > 0 && share < 0.1 ? 1 : 0,
  }).format(share);
}

/** Seconds as people say them; – when unknown. */
export function duration(seconds: number | null): string {
  if (seconds === null) return "–";
  const number = (value: number, digits: number) =>
    new Intl.NumberFormat(currentLanguage(), { maximumFractionDigits: digits }).format(value);
  if (seconds < 60) return `${number(seconds, 0)} s`;
  if (seconds < 5400) return `${number(seconds / 60, 0)} min`;
  if (seconds < 129_600) return `${number(seconds / 3600, seconds < 36_000 ? 1 : 0)} h`;
  return `${number(seconds / 86_400, seconds < 864_000 ? 1 : 0)} ${word("daysShort")}`;
}

/** An instant as local date and time; – when there is none. */
export function moment(instant: string | null): string {
  if (instant === null) return "–";
  const isToday = new Date(instant).toDateString() === new Date().toDateString();
  return new Intl.DateTimeFormat(currentLanguage(), {
    ...(isToday ? {} : { day: "numeric", month: "short", year: "numeric" }),
    hour: "2-digit",
    minute: "2-digit",
    second: isToday ? "2-digit" : undefined,
  }).format(new Date(instant));
}

/** How long ago an instant was, in words; – when there is none. */
export function ago(instant: string | null, nowMs: number): string {
  if (instant === null) return word("never");
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(instant)) / 1000));
  const format = new Intl.RelativeTimeFormat(currentLanguage(), { numeric: "auto" });
  if (seconds < 5) return word("justNow");
  if (seconds < 90) return format.format(-seconds, "second");
  if (seconds < 5400) return format.format(-Math.round(seconds / 60), "minute");
  if (seconds < 129_600) return format.format(-Math.round(seconds / 3600), "hour");
  return format.format(-Math.round(seconds / 86_400), "day");
}

/** The local start of an interval, as axes and tooltips show it. */
export function intervalName(label: string, interval: string, isLong: boolean): string {
  const at = new Date(label.length > 10 ? `${label}:00Z` : `${label}T00:00:00Z`);
  const part = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(currentLanguage(), { timeZone: "UTC", ...options }).format(at);
  if (interval === "month") return part({ month: isLong ? "long" : "short", year: "numeric" });
  const day = part({ day: "numeric", month: "short" });
  if (!isLong) return interval === "hour" ? part({ hour: "2-digit", minute: "2-digit" }) : day;
  if (interval === "week") return `${word("weekOf")} ${day}`;
  const weekday = part({ weekday: "short", day: "numeric", month: "short" });
  return interval === "hour"
    ? `${weekday} ${part({ hour: "2-digit", minute: "2-digit" })}`
    : weekday;
}
