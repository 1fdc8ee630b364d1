import { Failure } from "@thulium-stream/contracts";

const weekS = 7 * 86_400;

/**
 * Offsets of one time zone over a span of years, as a table: asked millions of times at start.
 * It is computed from `Intl` here rather than taken from the client's codec, so that a fault in that
 * codec cannot hide behind a sandbox that makes the same one. Times are whole seconds since 1970.
 */
export class Zone {
  readonly name: string;
  readonly #starts: number[] = [];
  readonly #offsets: number[] = [];
  #segment = 0;

  /** @throws Failure `InvalidSettings` when `name` is no IANA zone. */
  constructor(name: string, fromS: number, toS: number) {
    this.name = name;
    const offset = offsetReader(name);
    const push = (atS: number, value: number) => {
      this.#starts.push(atS);
      this.#offsets.push(value);
    };
    push(Number.NEGATIVE_INFINITY, offset(fromS));
    for (let atS = fromS; atS < toS; atS += weekS) {
      const after = offset(atS + weekS);
      if (after !== this.#offsets.at(-1)) push(firstSecondWith(offset, atS, atS + weekS), after);
    }
  }

  /** Seconds that the wall clock is ahead of UTC at this instant. */
  offsetAt(epochS: number): number {
    const starts = this.#starts;
    let segment = this.#segment;
    while (segment > 0 && epochS < (starts[segment] as number)) segment--;
    while (segment + 1 < starts.length && epochS >= (starts[segment + 1] as number)) segment++;
    this.#segment = segment;
    return this.#offsets[segment] as number;
  }

  /** What the wall clock shows, as seconds since 1970-01-01 00:00 on that same clock. */
  wallOf(epochS: number): number {
    return epochS + this.offsetAt(epochS);
  }
}

/** First second of (fromS, toS] whose offset differs from that of `fromS`. */
function firstSecondWith(offset: (atS: number) => number, fromS: number, toS: number): number {
  const before = offset(fromS);
  let low = fromS;
  let high = toS;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offset(middle) === before) low = middle;
    else high = middle;
  }
  return high;
}

function offsetReader(name: string): (atS: number) => number {
  const format = formatOf(name);
  return (atS) => {
    const part: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(atS * 1000)) part[type] = Number(value);
    const wallMs = Date.UTC(
      part["year"] ?? 0,
      (part["month"] ?? 1) - 1,
      part["day"],
      part["hour"],
      part["minute"],
      part["second"],
    );
    return wallMs / 1000 - atS;
  };
}

function formatOf(name: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat("en-GB", {
      timeZone: name,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
  } catch (cause) {
    throw new Failure("InvalidSettings", `tz must be an IANA time zone, not "${name}"`, { cause });
  }
}
