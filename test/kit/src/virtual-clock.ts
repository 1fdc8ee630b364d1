import { ManualClock } from "./manual-clock.ts";

/** Turns of the event loop that other work gets before time moves: what is ready is handled first. */
const turns = 3;

/** Work that really takes time, and what lets its outcome be known. */
interface Held {
  readonly settled: Promise<unknown>;
  readonly deliver: () => void;
}

/**
 * A manual clock that moves by itself: whenever somebody sleeps, it jumps to the earliest deadline as soon as other work has had its turn. Days pass in
 * milliseconds. Work that really takes time, such as a commit to disk, is told to {@link hold}: the clock stands still meanwhile, and outcomes become known one
 * at a time, in the order in which the works began. So a run depends on its inputs alone, and not on how busy the machine is.
 */
export class VirtualClock extends ManualClock {
  #pumping = false;
  readonly #held: Held[] = [];

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const sleeping = super.sleep(ms, signal);
    this.#startPump();
    return sleeping;
  }

  /** Stands still until the work is done, however it ends. Work that waits for other held work would wait for ever: hold the innermost. */
  async hold<T>(work: Promise<T>): Promise<T> {
    const settled = work.catch(() => {});
    await new Promise<void>((deliver) => {
      this.#held.push({ settled, deliver });
      this.#startPump();
    });
    return work;
  }

  #startPump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    void this.#pump();
  }

  async #pump(): Promise<void> {
    while (this.sleeping > 0 || this.#held.length > 0) {
      for (let turn = 0; turn < turns; turn += 1)
        await new Promise((resolve) => setImmediate(resolve));
      const oldest = this.#held.shift();
      if (oldest !== undefined) {
        await oldest.settled;
        oldest.deliver();
        continue;
      }
      const next = this.nextDeadlineMs;
      if (next !== null) await this.advance(Math.max(0, next - this.now()));
    }
    this.#pumping = false;
  }
}

/**
 * The same object, with the clock standing still while one of its methods, or of what they resolve to, is at work. For things that never wait for time themselves.
 * `only` names the methods that are held, where others call held things in turn.
 */
export function holding<T extends object>(
  target: T,
  clock: VirtualClock,
  only?: readonly string[],
): T {
  return new Proxy(target, {
    get(real, name) {
      const value: unknown = Reflect.get(real, name, real);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        const result: unknown = value.apply(real, args);
        if (!(result instanceof Promise)) return result;
        if (only !== undefined && !only.includes(String(name))) return result;
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
