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

  constructor({ topic, partition }: TopicPartition, ended: AbortSignal) {
    this.topic = topic;
    this.partition = partition;
    this.signal = AbortSignal.any([this.#lost.signal, ended]);
  }

  get isLost(): boolean {
    return this.#lost.signal.aborted;
  }

  lose(): void {
    this.#lost.abort();
  }
}

/** A partition as a map key. */
export function placeOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
