/** Largest relative error of a quantile. */
const accuracy = 0.01;
const gamma = (1 + accuracy) / (1 - accuracy);
const logGamma = Math.log(gamma);

/**
 * Quantiles of non-negative numbers with a relative error of at most 1 %, in memory that does not grow with their count (DDSketch, Masson et al. 2019). Two
 * sketches merge into what one over all numbers would be.
 */
export class Sketch {
  readonly #buckets = new Map<number, number>();
  #zeros = 0;
  #count = 0;
  #sum = 0;

  get count(): number {
    return this.#count;
  }

  /** Mean of what was added, exact; null for an empty sketch. */
  get mean(): number | null {
    return this.#count === 0 ? null : this.#sum / this.#count;
  }

  /** Adds a number ≥ 0. */
  add(value: number): void {
    this.#count += 1;
    this.#sum += value;
    if (value <= 0) {
      this.#zeros += 1;
      return;
    }
    const bucket = Math.ceil(Math.log(value) / logGamma);
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1);
  }

  /** Takes over all that another sketch holds. */
  merge(other: Sketch): void {
    for (const [bucket, count] of other.#buckets)
      this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + count);
    this.#zeros += other.#zeros;
    this.#count += other.#count;
    this.#sum += other.#sum;
  }

  /** The value below which the share `q` (0–1) lies; null for an empty sketch. */
  quantile(q: number): number | null {
    if (this.#count === 0) return null;
    let left = Math.floor(q * (this.#count - 1)) + 1 - this.#zeros;
    if (left <= 0) return 0;
    for (const bucket of [...this.#buckets.keys()].sort((a, b) => a - b)) {
      left -= this.#buckets.get(bucket) ?? 0;
      if (left <= 0) return (2 * gamma ** bucket) / (gamma + 1);
    }
    return null;
  }
}
