/** Largest relative error of a quantile. */
const accuracy = 0.01;
const gamma = (1 + accuracy) / (1 - accuracy);
const logGamma = Math.log(gamma);
/** Room that a sketch takes at once when its window grows. */
const growth = 64;

/** The bucket of a whole number ≥ 0: 0 for zero, then one per relative step of two per cent. Fits 16 bits for every number of seconds that a ticket can take. */
export function bucketOf(value: number): number {
  return value < 1 ? 0 : 1 + Math.ceil(Math.log(value) / logGamma);
}

/** The number that stands for all of a bucket. */
export function middleOf(bucket: number): number {
  return bucket === 0 ? 0 : (2 * gamma ** (bucket - 1)) / (gamma + 1);
}

/**
 * Quantiles of whole numbers ≥ 0 with a relative error of at most 1 %, in memory that does not grow with their count (DDSketch, Masson et al. 2019). Two sketches merge into
 * what one over all numbers would be. Sum and mean are exact.
 */
export class Sketch {
  /** Counts of the buckets from {@link #first} on. */
  #counts = new Uint32Array(0);
  #first = 0;
  #count = 0;
  #sum = 0;

  /** The sketch of numbers that were counted by bucket. `counts` is copied. */
  static of(counts: Uint32Array, count: number, sum: number): Sketch {
    const sketch = new Sketch();
    let [first, end] = [0, counts.length];
    while (first < end && counts[first] === 0) first += 1;
    while (end > first && counts[end - 1] === 0) end -= 1;
    sketch.#first = first;
    sketch.#counts = counts.slice(first, end);
    sketch.#count = count;
    sketch.#sum = sum;
    return sketch;
  }

  get count(): number {
    return this.#count;
  }

  /** Mean of what was added; null for an empty sketch. */
  get mean(): number | null {
    return this.#count === 0 ? null : this.#sum / this.#count;
  }

  /** Adds a whole number ≥ 0. */
  add(value: number): void {
    this.#count += 1;
    this.#sum += value;
    this.#bump(bucketOf(value), 1);
  }

  /** Takes over all that another sketch holds. */
  merge(other: Sketch): void {
    const counts = other.#counts;
    for (let at = 0; at < counts.length; at += 1) {
      const count = counts[at] ?? 0;
      if (count > 0) this.#bump(other.#first + at, count);
    }
    this.#count += other.#count;
    this.#sum += other.#sum;
  }

  /** The value below which the share `q` (0–1) lies; null for an empty sketch. */
  quantile(q: number): number | null {
    if (this.#count === 0) return null;
    let left = Math.floor(q * (this.#count - 1)) + 1;
    const counts = this.#counts;
    for (let at = 0; at < counts.length; at += 1) {
      left -= counts[at] ?? 0;
      if (left <= 0) return middleOf(this.#first + at);
    }
    return null;
  }

  /** How many numbers lie at or below each bound, and above the bound before it; the last count is of those above all bounds. Numbers within 1 % of a bound may count on its other side. */
  histogram(bounds: readonly number[]): readonly number[] {
    const counts = new Array<number>(bounds.length + 1).fill(0);
    if (this.#count === 0) return counts;
    const lasts = bounds.map(bucketOf);
    let slot = 0;
    for (let at = 0; at < this.#counts.length; at += 1) {
      while (slot < lasts.length && this.#first + at > (lasts[slot] ?? 0)) slot += 1;
      counts[slot] = (counts[slot] ?? 0) + (this.#counts[at] ?? 0);
    }
    return counts;
  }

  #bump(bucket: number, by: number): void {
    const at = bucket - this.#first;
    if (at < 0 || at >= this.#counts.length) {
      this.#widen(bucket);
      this.#bump(bucket, by);
    } else this.#counts[at] = (this.#counts[at] ?? 0) + by;
  }

  #widen(bucket: number): void {
    if (this.#counts.length === 0) {
      this.#first = bucket;
      this.#counts = new Uint32Array(growth);
      return;
    }
    const first = bucket < this.#first ? Math.max(0, bucket - growth) : this.#first;
    const end = Math.max(this.#first + this.#counts.length, bucket + growth);
    const counts = new Uint32Array(end - first);
    counts.set(this.#counts, this.#first - first);
    this.#first = first;
    this.#counts = counts;
  }
}
