/** What a bound of the API says: seconds on the wall clock, and whether it named a day only. */
export interface NaiveTime {
  /** Seconds since 1970-01-01 00:00 on the source's own clock. */
  readonly wallS: number;
  readonly dateOnly: boolean;
}

const form = /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2}))?)?$/;

/** Reads `YYYY-MM-DD`, `YYYY-MM-DD HH:MM` or `YYYY-MM-DD HH:MM:SS`; null for anything else, 30 February included. */
export function parseNaiveTime(text: string): NaiveTime | null {
  const match = form.exec(text.trim());
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1).map((part) => Number(part ?? 0));
  const ms = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
  const date = new Date(ms);
  if (date.getUTCMonth() + 1 !== month || date.getUTCDate() !== day) return null;
  if ((hour ?? 0) > 23 || (minute ?? 0) > 59 || (second ?? 0) > 59) return null;
  return { wallS: ms / 1000, dateOnly: match[4] === undefined };
}

const minuteTexts = new Map<number, string>();

/** `YYYY-MM-DD HH:MM` of a wall clock's seconds. */
export function minuteText(wallS: number): string {
  const day = Math.floor(wallS / 86_400);
  let date = minuteTexts.get(day);
  if (date === undefined) {
    if (minuteTexts.size > 20_000) minuteTexts.clear();
    date = new Date(day * 86_400_000).toISOString().slice(0, 10);
    minuteTexts.set(day, date);
  }
  const minute = Math.floor((wallS - day * 86_400) / 60);
  return `${date} ${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}

/** `YYYY-MM-DD HH:MM:SS` of a wall clock's seconds. */
export function secondText(wallS: number): string {
  return `${minuteText(wallS)}:${two(((wallS % 60) + 60) % 60)}`;
}

/** `HH:MM:SS` with as many hours as it takes. */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return `${two(Math.floor(whole / 3600))}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
