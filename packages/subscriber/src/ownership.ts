import type { TopicPartition } from "@thulium-stream/contracts";

/** A partition for as long as this member has it. */
export class Ownership implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  /** End of the partition when it was assigned last: below it, another member may have handled events before. */
  endAtAssignment = 0;
  /** Fires when the partition is lost or the subscription ends. */
  readonly signal: AbortSignal;
  readonly #lost = new AbortController();
  // Asked for each record, and a signal's own answer costs several times as much.
  #isLost = false;
  #isOver: boolean;

  constructor({ topic, partition }: TopicPartition, ended: AbortSignal) {
    this.topic = topic;
    this.partition = partition;
    this.signal = AbortSignal.any([this.#lost.signal, ended]);
    this.#isOver = this.signal.aborted;
    const over = () => {
      this.#isOver = true;
    };
    this.signal.addEventListener("abort", over, { once: true });
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  /** Whether the signal has fired. */
  get isOver(): boolean {
    return this.#isOver;
  }

  lose(): void {
    this.#isLost = true;
    this.#lost.abort();
  }
}

/** A partition as a map key. */
export function placeOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
