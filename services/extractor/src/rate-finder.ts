/** How close the search comes to the limit: the rate stays within this share below the lowest one that was refused. */
const precision = 0.03;
/** Answers at a rate that make it a safe one: at least these, and those of two seconds. */
const fewestAnswers = 10;
const provenSeconds = 2;
/** Answers at the safe rate after which a little more is tried: a limit may have been raised, or misjudged after a hiccup. */
const answersPerProbe = 3000;
const probe = 1.02;
/** Share by which a safe rate that is refused is lowered at first. */
const setback = 0.03;
const slowest = 0.05;

/**
 * Finds the rate that a source allows, below a ceiling (E6): halves when refused, then narrows the range between the highest rate that went
 * well and the lowest that was refused, stays just below, and after many answers carefully tries more. A decision only; who paces asks for {@link rate}.
 */
export class RateFinder {
  readonly #ceiling: number;
  #rate: number;
  /** Highest rate that went well; 0 = none is known. */
  #safe = 0;
  /** Lowest rate that was refused; infinite = none was. */
  #refused = Number.POSITIVE_INFINITY;
  #answers = 0;
  #setbacks = 0;

  /** `knownLimit` is a {@link foundLimit} of an earlier process: the search goes on from it instead of from the ceiling. */
  constructor(ceiling: number, knownLimit: number | null = null) {
    this.#ceiling = ceiling;
    this.#rate = ceiling;
    if (knownLimit === null || knownLimit >= ceiling) return;
    this.#safe = knownLimit;
    this.#refused = knownLimit / (1 - precision);
    this.#set(knownLimit);
  }

  /** The highest rate that is known to go well below one that was refused; null while none was refused. */
  get foundLimit(): number | null {
    return Number.isFinite(this.#refused) && this.#safe > 0 ? this.#safe : null;
  }

  /** Requests a second. */
  get rate(): number {
    return this.#rate;
  }

  /** A request that was started at this rate was answered. */
  answered(startedAtRate: number): void {
    if (startedAtRate !== this.#rate || !Number.isFinite(this.#refused)) return;
    this.#answers += 1;
    if (this.#answers < Math.max(fewestAnswers, this.#rate * provenSeconds)) return;
    this.#safe = Math.max(this.#safe, this.#rate);
    this.#setbacks = 0;
    const isClose = this.#isClose();
    if (isClose && this.#answers < answersPerProbe) return;
    if (isClose) this.#refused = this.#refused * probe;
    this.#set((this.#safe + this.#refused) / 2);
  }

  /** A request that was started at this rate was refused. Those that were in flight together count once. */
  refused(startedAtRate: number): void {
    if (startedAtRate !== this.#rate) return;
    this.#refused = this.#rate;
    // What was safe is no more: a little less, and soon much less when that is refused, too.
    if (this.#safe >= this.#rate) {
      this.#safe = this.#rate * (1 - setback * 2 ** this.#setbacks);
      this.#setbacks = Math.min(this.#setbacks + 1, 4);
    }
    // Between two known ends the search goes on at once: the safe rate need not be proven again.
    if (this.#safe > 0 && this.#isClose()) this.#set(this.#safe);
    else this.#set((this.#safe + this.#refused) / 2);
  }

  #isClose(): boolean {
    return (this.#refused - this.#safe) / this.#refused <= precision;
  }

  #set(rate: number): void {
    this.#answers = 0;
    if (rate >= this.#ceiling)
      [this.#rate, this.#refused] = [this.#ceiling, Number.POSITIVE_INFINITY];
    else this.#rate = Math.max(slowest, rate);
  }
}
