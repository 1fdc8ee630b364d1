/** Numbers for texts, so that a column of them takes four bytes a row. 0 is null. */
export class Dictionary {
  readonly #codes = new Map<string | null, number>([[null, 0]]);
  readonly #texts: (string | null)[] = [null];

  /** How many codes there are. */
  get size(): number {
    return this.#texts.length;
  }

  /** The code of a text, given out at its first use. */
  codeOf(text: string | null): number {
    const held = this.#codes.get(text);
    if (held !== undefined) return held;
    this.#codes.set(text, this.#texts.length);
    return this.#texts.push(text) - 1;
  }

  /** The code of a text; undefined when no row ever had it. */
  find(text: string | null): number | undefined {
    return this.#codes.get(text);
  }

  /** The text of a code. */
  textOf(code: number): string | null {
    return this.#texts[code] ?? null;
  }
}
