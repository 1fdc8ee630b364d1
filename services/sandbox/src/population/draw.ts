/** Mixes two 32-bit numbers into one; every input bit reaches every output bit (murmur3's finaliser). */
export function mix(a: number, b: number): number {
  let h = Math.imul(a ^ Math.imul(b | 0, 0x9e3779b1), 0x85ebca6b) ^ b;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** 32-bit number of a text seed, the same on every machine (FNV-1a). */
export function seedOf(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return mix(h, text.length);
}

/**
 * A stream of numbers that depends on nothing but what it was reset to: the sandbox's only source of
 * chance. Reused between tickets, since a million of them would be a million objects.
 */
export class Draw {
  #state = 0;

  /** Starts the stream that belongs to (seed, number, purpose). */
  reset(seed: number, number: number, purpose: number): this {
    this.#state = mix(mix(seed, number), purpose);
    return this;
  }

  /** Next number in 0..2^32-1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** Next number in [0, 1). */
  unit(): number {
    return this.next() / 4294967296;
  }

  /** Next whole number in 0..n-1. */
  below(n: number): number {
    return Math.floor(this.unit() * n);
  }

  /** Whether a thing of this probability happens. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** Exponentially distributed waiting time with this mean, cut at eight means. */
  wait(mean: number): number {
    return Math.min(8 * mean, -mean * Math.log(1 - this.unit()));
  }

  /** Poisson distributed count with this mean (Knuth below 30, a rounded normal above). */
  count(mean: number): number {
    if (mean > 30) {
      const normal = Math.sqrt(-2 * Math.log(1 - this.unit())) * Math.cos(6.2831853 * this.unit());
      return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
    }
    const limit = Math.exp(-mean);
    let product = this.unit();
    let count = 0;
    while (product > limit) {
      product *= this.unit();
      count++;
    }
    return count;
  }

  /** One element of a list that is not empty. */
  pick<T>(list: readonly [T, ...T[]] | readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}
