/** Answers that take longer than this many times the usual, and longer than {@link noticeableMs}, show a source under strain. */
const strain = 4;
const noticeableMs = 2_000;
/** Answers in a row without strain before one request more may be in flight. */
const calm = 20;
/** Weight of a new answer in what is usual: about the last hundred count. */
const weight = 0.01;

/**
 * How many requests may be in flight, by how long answers take: halved when they slow down, one more after some that did not. A help desk that is busy
 * with its own people is thus asked for one thing at a time before it starts to refuse. A decision only.
 */
export class Patience {
  readonly #most: number;
  #inFlight: number;
  #usualMs: number | null = null;
  #calm = 0;

  constructor(mostInFlight: number) {
    this.#most = mostInFlight;
    this.#inFlight = mostInFlight;
  }

  /** Requests that may be in flight at once, from 1. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** A request was answered after so many milliseconds. */
  answered(tookMs: number): void {
    const usualMs = this.#usualMs ?? tookMs;
    if (tookMs > Math.max(noticeableMs, strain * usualMs)) {
      this.#inFlight = Math.max(1, Math.floor(this.#inFlight / 2));
      this.#calm = 0;
    } else {
      this.#calm += 1;
      if (this.#calm >= calm && this.#inFlight < this.#most) {
        this.#inFlight += 1;
        this.#calm = 0;
      }
    }
    this.#usualMs = usualMs + (tookMs - usualMs) * weight;
  }
}
