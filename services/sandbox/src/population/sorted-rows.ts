const rowSpan = 2 ** 24;
const chunkSize = 1024;

/** Rows in the order of a key, as a page reads them. */
export interface RowSequence {
  readonly length: number;
  /** How many rows have a key below `key`. */
  rankOf(key: number): number;
  /** Rows of the positions [from, to). */
  slice(from: number, to: number): Int32Array;
}

/**
 * Rows (0..2^24−1) sorted by a key in whole seconds, then by row: an order-statistics list in chunks. A
 * million rows are built in a fraction of a second; insert, remove, rank and slice take microseconds.
 */
export class SortedRows implements RowSequence {
  readonly #baseS: number;
  #chunks: Float64Array[] = [];
  #sizes: number[] = [];
  #length = 0;

  /** `baseS` is below every key, and every key is less than 2^29 (17 years) above it. */
  constructor(baseS: number) {
    this.#baseS = baseS;
  }

  get length(): number {
    return this.#length;
  }

  /** Replaces the content by these rows with their keys. */
  build(rows: number, keyOf: (row: number) => number, includes: (row: number) => boolean): void {
    const all = new Float64Array(rows);
    let count = 0;
    for (let row = 0; row < rows; row++) {
      if (includes(row)) all[count++] = this.#pack(keyOf(row), row);
    }
    const sorted = all.subarray(0, count).sort();
    this.#chunks = [];
    this.#sizes = [];
    const fill = chunkSize / 2;
    for (let from = 0; from < count; from += fill) {
      const part = sorted.subarray(from, Math.min(count, from + fill));
      const chunk = new Float64Array(chunkSize);
      chunk.set(part);
      this.#chunks.push(chunk);
      this.#sizes.push(part.length);
    }
    this.#length = count;
  }

  insert(key: number, row: number): void {
    const packed = this.#pack(key, row);
    if (this.#chunks.length === 0) {
      this.#chunks.push(new Float64Array(chunkSize));
      this.#sizes.push(0);
    }
    let at = Math.min(this.#chunkOf(packed), this.#chunks.length - 1);
    if (this.#sizes[at] === chunkSize) {
      this.#split(at);
      const chunk = this.#chunks[at + 1] as Float64Array;
      if (packed > (chunk[0] as number)) at++;
    }
    const chunk = this.#chunks[at] as Float64Array;
    const size = this.#sizes[at] as number;
    const slot = lowerBound(chunk, size, packed);
    chunk.copyWithin(slot + 1, slot, size);
    chunk[slot] = packed;
    this.#sizes[at] = size + 1;
    this.#length++;
  }

  /** Takes out a row that stands under this key; false when it does not. */
  remove(key: number, row: number): boolean {
    const packed = this.#pack(key, row);
    const at = this.#chunkOf(packed);
    const chunk = this.#chunks[at];
    if (chunk === undefined) return false;
    const size = this.#sizes[at] as number;
    const slot = lowerBound(chunk, size, packed);
    if (slot >= size || chunk[slot] !== packed) return false;
    chunk.copyWithin(slot, slot + 1, size);
    this.#sizes[at] = size - 1;
    this.#length--;
    if (size === 1) {
      this.#chunks.splice(at, 1);
      this.#sizes.splice(at, 1);
    }
    return true;
  }

  rankOf(key: number): number {
    const packed = this.#pack(Math.max(this.#baseS, Math.min(key, this.#baseS + 2 ** 29 - 1)), 0);
    const at = this.#chunkOf(packed);
    let rank = 0;
    for (let i = 0; i < at; i++) rank += this.#sizes[i] as number;
    const chunk = this.#chunks[at];
    return chunk === undefined ? rank : rank + lowerBound(chunk, this.#sizes[at] as number, packed);
  }

  slice(from: number, to: number): Int32Array {
    const rows = new Int32Array(Math.max(0, Math.min(to, this.#length) - from));
    let at = 0;
    let before = 0;
    while (at < this.#chunks.length && before + (this.#sizes[at] as number) <= from) {
      before += this.#sizes[at++] as number;
    }
    for (let i = 0, slot = from - before; i < rows.length; slot++) {
      if (slot === this.#sizes[at]) {
        at++;
        slot = -1;
        continue;
      }
      rows[i++] = ((this.#chunks[at] as Float64Array)[slot] as number) % rowSpan;
    }
    return rows;
  }

  #pack(key: number, row: number): number {
    return (key - this.#baseS) * rowSpan + row;
  }

  /** First chunk whose last entry is not below `packed`. */
  #chunkOf(packed: number): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const last = (this.#chunks[middle] as Float64Array)[(this.#sizes[middle] as number) - 1];
      if ((last as number) < packed) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #split(at: number): void {
    const chunk = this.#chunks[at] as Float64Array;
    const half = chunkSize / 2;
    const upper = new Float64Array(chunkSize);
    upper.set(chunk.subarray(half));
    this.#chunks.splice(at + 1, 0, upper);
    this.#sizes.splice(at, 1, half, chunkSize - half);
  }
}

/** First slot of the sorted `chunk` that is not below `packed`. */
function lowerBound(chunk: Float64Array, size: number, packed: number): number {
  let low = 0;
  let high = size;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((chunk[middle] as number) < packed) low = middle + 1;
    else high = middle;
  }
  return low;
}
