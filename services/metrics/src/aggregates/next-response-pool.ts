import { bucketOf } from "./sketch.ts";

const width = 5;
const leastWasteToPack = 4096;

/** All next responses of all tickets, packed: per entry the second it was answered in, both durations (−1 = unknown) and their sketch buckets. */
export class NextResponsePool {
  /** Numbers of one entry. */
  static readonly width = width;
  #starts = new Uint32Array(1024);
  #counts = new Uint16Array(1024);
  #entries = new Int32Array(1024 * width);
  #used = 0;
  #wasted = 0;

  /** Takes over the responses of a row: second of the answer, both durations, and so on. Returns the last bucket among them. */
  set(row: number, responses: readonly number[]): number {
    this.#makeRoomFor(row);
    const held = this.#counts[row] ?? 0;
    const count = Math.min(responses.length / 3, 0xffff);
    if (count > held) {
      this.#wasted += held;
      if (this.#wasted > leastWasteToPack && this.#wasted > this.#used / 2) this.#pack();
      this.#starts[row] = this.#used;
      this.#reserve(count);
    } else this.#wasted += held - count;
    this.#counts[row] = count;
    let at = (this.#starts[row] ?? 0) * width;
    let last = 0;
    for (let from = 0; from < count * 3; from += 3) {
      const [took, worked] = [responses[from + 1] ?? -1, responses[from + 2] ?? -1];
      const buckets = [bucketOf(took), bucketOf(worked)] as const;
      this.#entries[at] = (responses[from] ?? 0) | 0;
      this.#entries[at + 1] = took;
      this.#entries[at + 2] = worked;
      this.#entries[at + 3] = buckets[0];
      this.#entries[at + 4] = buckets[1];
      last = Math.max(last, ...buckets);
      at += width;
    }
    return last;
  }

  /** Where the entries of rows begin, in numbers of {@link entries}, divided by {@link NextResponsePool.width}. */
  get starts(): Uint32Array {
    return this.#starts;
  }

  /** How many entries rows have. */
  get counts(): Uint16Array {
    return this.#counts;
  }

  /** The numbers of all entries: second of the answer, both durations, both buckets. */
  get entries(): Int32Array {
    return this.#entries;
  }

  /** Forgets all. */
  clear(): void {
    this.#counts.fill(0);
    this.#used = 0;
    this.#wasted = 0;
  }

  #makeRoomFor(row: number): void {
    if (row < this.#starts.length) return;
    const capacity = Math.ceil(Math.max(row + 1, this.#starts.length * 1.5));
    const [starts, counts] = [new Uint32Array(capacity), new Uint16Array(capacity)];
    starts.set(this.#starts);
    counts.set(this.#counts);
    [this.#starts, this.#counts] = [starts, counts];
  }

  #reserve(count: number): void {
    this.#used += count;
    if (this.#used * width <= this.#entries.length) return;
    const entries = new Int32Array(Math.ceil(this.#used * width * 1.5));
    entries.set(this.#entries);
    this.#entries = entries;
  }

  /** Moves what is in use together. */
  #pack(): void {
    const entries = new Int32Array(this.#entries.length);
    let used = 0;
    for (const [row, count] of this.#counts.entries()) {
      const start = this.#starts[row] ?? 0;
      entries.set(this.#entries.subarray(start * width, (start + count) * width), used * width);
      this.#starts[row] = used;
      used += count;
    }
    this.#entries = entries;
    this.#used = used;
    this.#wasted = 0;
  }
}
