const rowSpan = 2 ** 24;

/** Rows waiting for an instant, earliest first, then by row: a binary heap of packed numbers. */
export class Pending {
  readonly #baseS: number;
  #heap = new Float64Array(1024);
  #size = 0;

  /** `baseS` is below every instant, all in whole seconds. */
  constructor(baseS: number) {
    this.#baseS = baseS;
  }

  /** Instant of the first one; Infinity when none waits. */
  get nextS(): number {
    if (this.#size === 0) return Number.POSITIVE_INFINITY;
    return Math.floor((this.#heap[0] as number) / rowSpan) + this.#baseS;
  }

  push(atS: number, row: number): void {
    if (this.#size === this.#heap.length) {
      const larger = new Float64Array(this.#size * 2);
      larger.set(this.#heap);
      this.#heap = larger;
    }
    const packed = (atS - this.#baseS) * rowSpan + row;
    const heap = this.#heap;
    let slot = this.#size++;
    while (slot > 0) {
      const parent = (slot - 1) >> 1;
      if ((heap[parent] as number) <= packed) break;
      heap[slot] = heap[parent] as number;
      slot = parent;
    }
    heap[slot] = packed;
  }

  /** Takes the first one out and returns its row; −1 when none waits. */
  pop(): number {
    if (this.#size === 0) return -1;
    const heap = this.#heap;
    const first = heap[0] as number;
    const moved = heap[--this.#size] as number;
    let slot = 0;
    for (;;) {
      let child = slot * 2 + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && (heap[child + 1] as number) < (heap[child] as number)) child++;
      if ((heap[child] as number) >= moved) break;
      heap[slot] = heap[child] as number;
      slot = child;
    }
    heap[slot] = moved;
    return first % rowSpan;
  }
}
