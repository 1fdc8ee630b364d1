import { ManualClock } from "./manual-clock.ts";

/** Turns of the event loop that other work gets before time moves: what is ready is handled first. */
const turns = 3;

/**
 * A manual clock that moves by itself: whenever somebody sleeps, it jumps to the earliest deadline as soon as other work has had its turn. Days pass in
 * milliseconds. Work that really takes time, such as a commit to disk, is told to {@link hold}: the clock stands still meanwhile, so that a run depends on its
 * inputs alone and not on how busy the machine is.
 */
export class VirtualClock extends ManualClock {
  #pumping = false;
  #held = 0;
  #released: () => void = () => {};

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const sleeping = super.sleep(ms, signal);
    if (!this.#pumping) {
      this.#pumping = true;
      void this.#pump();
    }
    return sleeping;
  }

  /** Stands still until the work is done, however it ends. */
  hold<T>(work: Promise<T>): Promise<T> {
    this.#held += 1;
    return work.finally(() => {
      this.#held -= 1;
      if (this.#held === 0) this.#released();
    });
  }

  async #pump(): Promise<void> {
    while (this.sleeping > 0) {
      for (let turn = 0; turn < turns; turn += 1)
        await new Promise((resolve) => setImmediate(resolve));
      if (this.#held > 0) {
        await new Promise<void>((resolve) => {
          this.#released = resolve;
        });
        continue;
      }
      const next = this.nextDeadlineMs;
      if (next !== null) await this.advance(Math.max(0, next - this.now()));
    }
    this.#pumping = false;
  }
}

/** The same object, with the clock standing still while one of its methods, or of what they resolve to, is at work. For things that never wait for time themselves. */
export function holding<T extends object>(target: T, clock: VirtualClock): T {
  return new Proxy(target, {
    get(real, name) {
      const value: unknown = Reflect.get(real, name, real);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        const result: unknown = value.apply(real, args);
        if (!(result instanceof Promise)) return result;
        const resolved = result.then((inner: unknown) =>
          typeof inner === "object" && inner !== null && "close" in inner
            ? holding(inner, clock)
            : inner,
        );
        return clock.hold(resolved);
      };
    },
  });
}
