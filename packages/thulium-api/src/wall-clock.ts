import { type Instant, instantOf } from "@thulium-stream/contracts";
import { Temporal } from "temporal-polyfill";

/** What a wall-clock text can mean. */
export interface WallClockReading {
  /** The stretches of time that show this text: one, or two in the hour that the autumn change repeats. In order; ends are exclusive. */
  readonly intervals: readonly { readonly startMs: number; readonly endMs: number }[];
  /** The start of the first of them. */
  readonly first: Instant;
  /** Whether the text is shown twice. */
  readonly ambiguous: boolean;
  /** Whether the spring change skips this text; the interval is then the one an hour later on the clock, as PHP reads it. */
  readonly gap: boolean;
}

/** Translates between naive wall-clock text of one zone and instants (milliseconds since 1970-01-01T00:00Z). */
export interface WallClock {
  readonly zone: string;
  /** What `YYYY-MM-DD HH:MM` or `YYYY-MM-DD HH:MM:SS` means; null when it is neither, or no day of the calendar. */
  toInstants(text: string): WallClockReading | null;
  /** The minute that the zone's clocks show at an instant: `YYYY-MM-DD HH:MM`. */
  toText(instantMs: number): string;
  /** The smallest minute text shown at any instant in [fromMs, toMs]: in the autumn night smaller than both ends' texts. */
  earliestText(fromMs: number, toMs: number): string;
  /** The largest minute text shown at any instant in [fromMs, toMs]. */
  latestText(fromMs: number, toMs: number): string;
}

const dayMs = 86_400_000;
const minuteMs = 60_000;
/** Hours that are remembered, since a page's stamps share few: two years. */
const mostRemembered = 20_000;
/** What follows an hour: minutes and, maybe, seconds. */
const restForm = /^:[0-5]\d(?::[0-5]\d)?$/;
const form = /^(\d{4})-(\d{2})-(\d{2}) (\d{2}):(\d{2})(?::(\d{2}))?$/;

/** From an instant on, local time is UTC plus this offset. */
interface Segment {
  readonly fromMs: number;
  readonly offsetMs: number;
}

/** An hour of the wall clock in which nothing changes. */
interface PlainHour {
  readonly startMs: number;
  /** The beginning of its instants, up to the minutes: `YYYY-MM-DDTHH`. */
  readonly instantHour: string;
}

/**
 * The wall clock of an IANA zone. Transitions are looked up once a year and zone, and what an hour means once; after that, a reading costs neither a library
 * call nor any arithmetic of dates.
 */
export function createWallClock(zone: string): WallClock {
  const years = new Map<number, readonly Segment[]>();
  const hours = new Map<string, PlainHour | null>();

  const segmentsOf = (year: number): readonly Segment[] => {
    const known = years.get(year);
    if (known !== undefined) return known;
    const segments = findSegments(zone, year);
    years.set(year, segments);
    return segments;
  };

  const offsetAt = (instantMs: number): number => {
    const segments = segmentsOf(new Date(instantMs).getUTCFullYear());
    let offsetMs = 0;
    for (const segment of segments) {
      if (segment.fromMs > instantMs) break;
      offsetMs = segment.offsetMs;
    }
    return offsetMs;
  };

  const textAt = (instantMs: number) => minuteText(instantMs + offsetAt(instantMs));

  /** Texts around each change of offset inside the range, and at both ends: an extreme is always among them. */
  const extremeTexts = (fromMs: number, toMs: number): string[] => {
    const texts = [textAt(fromMs), textAt(Math.max(fromMs, toMs))];
    const [firstYear, lastYear] = [fromMs, toMs].map((ms) => new Date(ms).getUTCFullYear());
    for (let year = firstYear ?? 0; year <= (lastYear ?? 0); year += 1) {
      for (const { fromMs: changeMs } of segmentsOf(year)) {
        if (changeMs > fromMs && changeMs <= toMs)
          texts.push(textAt(changeMs), textAt(changeMs - 1));
      }
    }
    return texts.sort();
  };

  const read = (text: string): WallClockReading | null => {
    const parsed = parse(text);
    if (parsed === null) return null;
    const { localMs, widthMs } = parsed;
    const offsets = new Set([offsetAt(localMs - dayMs), offsetAt(localMs + dayMs)]);
    const starts = [...offsets]
      .map((offsetMs) => localMs - offsetMs)
      .filter((ms) => ms + offsetAt(ms) === localMs);
    starts.sort((a, b) => a - b);
    const gap = starts.length === 0;
    if (gap) starts.push(localMs - offsetAt(localMs - dayMs));
    const intervals = starts.map((startMs) => ({ startMs, endMs: startMs + widthMs }));
    const first = instantOf(intervals[0]?.startMs ?? localMs);
    return { intervals, first, ambiguous: intervals.length > 1, gap };
  };

  /** null for an hour near a change of the clock, of an offset that is not whole hours, and for what is no hour at all: each of its texts is read for itself. */
  const findHour = (text: string): PlainHour | null => {
    const [first, last] = [read(`${text}:00`), read(`${text}:59`)];
    const startMs = first?.intervals[0]?.startMs;
    const isPlain = (reading: WallClockReading | null, ms: number) =>
      reading?.intervals[0]?.startMs === ms && !reading.ambiguous && !reading.gap;
    if (first === null || startMs === undefined || !first.first.endsWith(":00:00.000Z"))
      return null;
    return isPlain(first, startMs) && isPlain(last, startMs + 59 * minuteMs)
      ? { startMs, instantHour: first.first.slice(0, 13) }
      : null;
  };

  const hourOf = (text: string): PlainHour | null => {
    const known = hours.get(text);
    if (known !== undefined) return known;
    const hour = findHour(text);
    if (hours.size >= mostRemembered) hours.clear();
    hours.set(text, hour);
    return hour;
  };

  return {
    zone,
    toInstants(text) {
      const hour = hourOf(text.slice(0, 13));
      const rest = text.slice(13);
      return hour === null || !restForm.test(rest) ? read(text) : readingIn(hour, rest);
    },
    toText: textAt,
    earliestText: (fromMs, toMs) => extremeTexts(fromMs, toMs)[0] ?? textAt(fromMs),
    latestText: (fromMs, toMs) => extremeTexts(fromMs, toMs).at(-1) ?? textAt(toMs),
  };
}

function readingIn({ startMs, instantHour }: PlainHour, rest: string): WallClockReading {
  const hasSeconds = rest.length > 3;
  const [minute, second] = [Number(rest.slice(1, 3)), hasSeconds ? Number(rest.slice(4)) : 0];
  const ms = startMs + minute * minuteMs + second * 1000;
  return {
    intervals: [{ startMs: ms, endMs: ms + (hasSeconds ? 1000 : minuteMs) }],
    first: `${instantHour}${hasSeconds ? rest : `${rest}:00`}.000Z`,
    ambiguous: false,
    gap: false,
  };
}

function findSegments(zone: string, year: number): readonly Segment[] {
  const startMs = Date.UTC(year, 0, 1);
  const endMs = Date.UTC(year + 1, 0, 1);
  let at = Temporal.Instant.fromEpochMilliseconds(startMs).toZonedDateTimeISO(zone);
  const segments: Segment[] = [{ fromMs: startMs, offsetMs: at.offsetNanoseconds / 1e6 }];
  for (;;) {
    const next = at.getTimeZoneTransition("next");
    if (next === null || next.epochMilliseconds >= endMs) return segments;
    segments.push({ fromMs: next.epochMilliseconds, offsetMs: next.offsetNanoseconds / 1e6 });
    at = next;
  }
}

function parse(text: string): { localMs: number; widthMs: number } | null {
  const match = form.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour, minute, second] = match;
  const localMs = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second ?? 0),
  );
  // Date.UTC rolls 2026-02-30 over to March: such a text means nothing.
  const shown = new Date(localMs).toISOString();
  const isReal =
    shown.slice(0, 16) === text.slice(0, 16).replace(" ", "T") && Number(second ?? 0) < 60;
  return isReal ? { localMs, widthMs: second === undefined ? minuteMs : 1000 } : null;
}

function minuteText(localMs: number): string {
  return new Date(localMs).toISOString().slice(0, 16).replace("T", " ");
}

/** The minute of a wall-clock text, without seconds. */
export function minuteOf(text: string): string {
  return text.slice(0, 16);
}

/** Adds minutes to a wall-clock minute as text, not as time: no clock change matters. */
export function addMinutes(text: string, minutes: number): string {
  return minuteText(localMsOf(text) + minutes * minuteMs);
}

/** Minutes from one wall-clock minute to another, as text. */
export function minutesBetween(from: string, to: string): number {
  return Math.round((localMsOf(to) - localMsOf(from)) / minuteMs);
}

function localMsOf(text: string): number {
  return Date.parse(`${minuteOf(text).replace(" ", "T")}:00.000Z`);
}
