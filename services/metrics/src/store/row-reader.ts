import { mostNames } from "./row-writer.ts";

const minuteMs = 60_000;

/** Reads a row that {@link RowWriter} wrote, field by field. */
export class RowReader {
  readonly #row: Buffer;
  #at = 0;
  readonly #names: string[] = [];
  #lastMs = 0;

  constructor(row: Buffer) {
    this.#row = row;
  }

  /** A whole number ≥ 0. */
  count(): number {
    let [value, weight] = [0, 1];
    for (;;) {
      const byte = this.#row[this.#at++] ?? 0;
      if (byte < 0x80) return value + byte * weight;
      value += (byte - 0x80) * weight;
      weight *= 0x80;
    }
  }

  /** Any whole number. */
  number(): number {
    return unfolded(this.count());
  }

  /** Milliseconds since 1970-01-01T00:00Z; null = none. */
  instant(): number | null {
    const code = this.count();
    if (code === 0) return null;
    const isMinutes = (code - 1) % 2 === 0;
    const steps = unfolded(Math.floor((code - 1) / 2));
    this.#lastMs += isMinutes ? steps * minuteMs : steps;
    return this.#lastMs;
  }

  /** A text that the row may hold several times; null = none. */
  name(): string | null {
    const code = this.count();
    if (code === 0) return null;
    if (code > 1) return this.#names[code - 2] ?? null;
    const name = this.text();
    if (this.#names.length < mostNames) this.#names.push(name);
    return name;
  }

  /** Any other text. */
  text(): string {
    const code = this.count();
    const end = this.#at + Math.floor(code / 2);
    const text = this.#row.toString(code % 2 === 0 ? "utf8" : "utf16le", this.#at, end);
    this.#at = end;
    return text;
  }
}

/** The number that the writer folded. */
function unfolded(value: number): number {
  return value % 2 === 0 ? value / 2 : (value + 1) / -2;
}
