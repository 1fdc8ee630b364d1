/** Work that goes on while its owner does something else: at most one at a time. */
export class Flight {
  #work: Promise<boolean> | null = null;
  #isOver = false;

  /** Whether work has ended, well or not, and {@link landed} was not asked yet. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Starts work; what it meets is told by {@link landed}. The work before must have landed. */
  start(work: () => Promise<boolean>): void {
    this.#isOver = false;
    const over = () => {
      this.#isOver = true;
    };
    this.#work = work();
    this.#work.then(over, over);
  }

  /** Waits for the work, if there is any. Returns what it returned, true for none. @throws what it threw. */
  async landed(): Promise<boolean> {
    const work = this.#work;
    if (work === null) return true;
    try {
      return await work;
    } finally {
      if (this.#work === work) {
        this.#work = null;
        this.#isOver = false;
      }
    }
  }

  /** Forgets what came of the work that ended. */
  forget(): void {
    this.#work = null;
    this.#isOver = false;
  }

  /** Waits until nothing goes on, whatever came of it. */
  async settled(): Promise<void> {
    await this.#work?.catch(() => undefined);
  }
}
