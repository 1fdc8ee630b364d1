import { type Clock, Failure } from "@thulium-stream/contracts";

/** A clock that moves only when told to. Sleepers wake in the order of their deadlines (C1–C3). */
export class ManualClock implements Clock {
  #nowMs: number;
  #sleepers: { readonly atMs: number; readonly wake: () => void }[] = [];

  /** Starts at `start`: an instant as text, or milliseconds since 1970. */
  constructor(start: string | number = "2026-11-23T09:00:00.000Z") {
    this.#nowMs = typeof start === "number" ? start : Date.parse(start);
  }

  now(): number {
    return this.#nowMs;
  }

  /** How many sleeps are waiting. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  /** The earliest deadline among the sleepers, or null. */
  get nextDeadlineMs(): number | null {
    return this.#sleepers.reduce<number | null>(
      (least, { atMs }) => (least === null || atMs < least ? atMs : least),
      null,
    );
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(new Failure("Cancelled", "sleep was cancelled"));
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(new Failure("Cancelled", "sleep was cancelled"));
      };
      const sleeper = {
        atMs: this.#nowMs + Math.max(0, ms),
        wake: () => {
          signal?.removeEventListener("abort", abort);
          resolve();
        },
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#sleepers.push(sleeper);
    });
  }

  /** Moves time on by `ms`, waking sleepers one by one at their own deadlines and letting each run before the next. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      await settle();
      const due = this.#sleepers
        .filter(({ atMs }) => atMs <= untilMs)
        .sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#sleepers = this.#sleepers.filter((other) => other !== due);
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.wake();
    }
    this.#nowMs = untilMs;
  }
}

/** Lets every promise and immediate that is ready run. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
