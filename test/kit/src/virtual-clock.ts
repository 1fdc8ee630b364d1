import { ManualClock } from "./manual-clock.ts";

/** A manual clock that moves by itself: whenever somebody sleeps, it jumps to the earliest deadline as soon as other work has had its turn. Days pass in milliseconds. */
export class VirtualClock extends ManualClock {
  #pumping = false;

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const sleeping = super.sleep(ms, signal);
    if (!this.#pumping) {
      this.#pumping = true;
      void this.#pump();
    }
    return sleeping;
  }

  async #pump(): Promise<void> {
    // Two turns of the event loop: answers that are ready are handled before time moves on.
    while (this.sleeping > 0) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      const next = this.nextDeadlineMs;
      if (next !== null) await this.advance(Math.max(0, next - this.now()));
    }
    this.#pumping = false;
  }
}
