/** Where the headers of a record begin in the bytes of its batch: their count, then the name and the value of each, with the length of each before it. */
export interface RawHeaders {
  readonly buffer: Buffer;
  readonly headersAt: number;
}

/** The texts of one kind (names or values) that the record before had, by their place in its headers. */
interface Seen {
  readonly starts: number[];
  readonly texts: string[];
  readonly lengths: number[];
}

const nothingSeen = (): Seen => ({ starts: [], texts: [], lengths: [] });

/**
 * Reads headers as texts, those of records of one batch; of a name that occurs more than once the last counts, and null is the empty text. Records of a topic carry
 * the same names in the same order, and many of the same values: a text whose bytes are those of the record before is taken from there.
 */
export class HeaderTexts {
  #names = nothingSeen();
  #values = nothingSeen();
  #buffer: Buffer = Buffer.alloc(0);
  #at = 0;

  /** The headers of one record. */
  read({ buffer, headersAt }: RawHeaders): Record<string, string> {
    if (buffer !== this.#buffer) {
      this.#names = nothingSeen();
      this.#values = nothingSeen();
    }
    this.#buffer = buffer;
    this.#at = headersAt;
    const texts: Record<string, string> = {};
    const count = this.#varInt();
    for (let nth = 0; nth < count && this.#at < buffer.length; nth += 1) {
      const name = this.#text(this.#names, nth);
      const value = this.#text(this.#values, nth);
      if (name !== "__proto__") texts[name] = value;
    }
    return texts;
  }

  #text({ starts, lengths, texts }: Seen, nth: number): string {
    const length = this.#varInt();
    if (length <= 0) return "";
    const start = this.#at;
    this.#at += length;
    const [before, text] = [starts[nth], texts[nth]];
    if (text !== undefined && before !== undefined && lengths[nth] === length)
      if (this.#areEqual(before, start, length)) return text;
    const fresh = this.#buffer.toString("utf8", start, start + length);
    starts[nth] = start;
    lengths[nth] = length;
    texts[nth] = fresh;
    return fresh;
  }

  #areEqual(one: number, other: number, length: number): boolean {
    const buffer = this.#buffer;
    for (let at = length - 1; at >= 0; at -= 1)
      if (buffer[one + at] !== buffer[other + at]) return false;
    return true;
  }

  /** A zigzag number of variable length. */
  #varInt(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#buffer[this.#at] ?? 0;
      this.#at += 1;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
    }
  }
}
