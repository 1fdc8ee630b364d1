/** Rows are many and small, and a buffer of its own for each costs more than its bytes: they share slabs of this size. */
const slabBytes = 256 * 1024;
const minuteMs = 60_000;
/** Names of a row that later ones can refer to: looking for one must stay cheap however much happened to a ticket. */
export const mostNames = 64;

/**
 * Writes one row after the other, each a buffer that is never written to again. Most fields of a ticket repeat, or lie minutes apart: a name that the row had before and an
 * instant near the one before take a byte or two. {@link RowReader} reads the same calls in the same order.
 */
export class RowWriter {
  #slab = Buffer.allocUnsafeSlow(slabBytes);
  #start = 0;
  #at = 0;
  readonly #names: string[] = [];
  #lastMs = 0;

  /** Ends the row: what was written since the one before. */
  end(): Buffer {
    const row = this.#slab.subarray(this.#start, this.#at);
    this.#start = this.#at;
    this.#names.length = 0;
    this.#lastMs = 0;
    return row;
  }

  /** A whole number ≥ 0. */
  count(value: number): void {
    this.#reserve(8);
    let left = value;
    while (left >= 0x80) {
      // Beyond 31 bits JavaScript's bit operations would cut the number.
      this.#slab[this.#at++] = (left % 0x80) + 0x80;
      left = Math.floor(left / 0x80);
    }
    this.#slab[this.#at++] = left;
  }

  /** Any whole number. */
  number(value: number): void {
    this.count(folded(value));
  }

  /** Milliseconds since 1970-01-01T00:00Z; null = none. */
  instant(ms: number | null): void {
    if (ms === null || !Number.isFinite(ms)) {
      this.count(0);
      return;
    }
    const sinceMs = ms - this.#lastMs;
    this.#lastMs = ms;
    const isMinutes = sinceMs % minuteMs === 0;
    const steps = isMinutes ? sinceMs / minuteMs : sinceMs;
    this.count(1 + folded(steps) * 2 + (isMinutes ? 0 : 1));
  }

  /** A text that the row may hold several times; null = none. */
  name(value: string | null): void {
    const held = value === null ? -1 : this.#names.indexOf(value);
    if (value === null) this.count(0);
    else if (held >= 0) this.count(2 + held);
    else {
      if (this.#names.length < mostNames) this.#names.push(value);
      this.count(1);
      this.text(value);
    }
  }

  /** Any other text. */
  text(value: string): void {
    // UTF-8 cannot carry half of a surrogate pair, which a text cut by the source may end with.
    const encoding = value.isWellFormed() ? "utf8" : "utf16le";
    const bytes = Buffer.byteLength(value, encoding);
    this.count(bytes * 2 + (encoding === "utf8" ? 0 : 1));
    this.#reserve(bytes);
    this.#at += this.#slab.write(value, this.#at, encoding);
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#slab.length) return;
    const written = this.#slab.subarray(this.#start, this.#at);
    const slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, 2 * (written.length + bytes)));
    slab.set(written);
    this.#at = written.length;
    this.#start = 0;
    this.#slab = slab;
  }
}

/** A whole number as one ≥ 0, small where the number is near 0. */
function folded(value: number): number {
  return value < 0 ? value * -2 - 1 : value * 2;
}
