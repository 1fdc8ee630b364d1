import type { Delivery, Failure, LogBatch, TopicPartition } from "@thulium-stream/contracts";
import { placeOf } from "./start-positions.ts";

/** What waits to be pulled: at most one batch with records, and what costs nothing beside it (L5). */
interface Waiting {
  readonly delivery: Exclude<Delivery, { kind: "idle" }>;
  /** Called once, when it is pulled. */
  readonly taken: () => void;
}

/**
 * Between the consumer that pushes and the reader that is pulled. Holds deliveries in order, wakes the one who
 * waits, and after a failure gives nothing but that failure.
 */
export class DeliveryQueue {
  #waiting: Waiting[] = [];
  #failure: Failure | null = null;
  #wake: () => void = () => {};

  /** The failure that ended it, or null. */
  get failure(): Failure | null {
    return this.#failure;
  }

  /**
   * Adds a delivery and returns how to take it back while it waits. An empty batch that follows an empty batch
   * of its partition replaces it (L6).
   */
  push(delivery: Waiting["delivery"], taken: () => void = () => {}): () => void {
    const added = { delivery, taken };
    const last = this.#waiting.findLast((each) => isBatchOf(each, delivery));
    if (last !== undefined && isEmpty(last.delivery) && isEmpty(delivery)) {
      this.#waiting[this.#waiting.indexOf(last)] = added;
    } else {
      this.#waiting.push(added);
    }
    this.#wake();
    return () => {
      this.#waiting = this.#waiting.filter((each) => each !== added);
    };
  }

  /** Forgets what waits: after a change of ownership it may belong to another member. */
  clear(): void {
    this.#waiting = [];
  }

  /** Ends it. The first failure counts. */
  fail(failure: Failure): void {
    this.#failure ??= failure;
    this.clear();
    this.#wake();
  }

  /** The next delivery, or null when none waits. @throws Failure that ended it. */
  take(): Waiting["delivery"] | null {
    if (this.#failure !== null) throw this.#failure;
    const next = this.#waiting.shift();
    if (next === undefined) return null;
    next.taken();
    return next.delivery;
  }

  /** Resolves when there may be something to take. One waiter at a time. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

function isEmpty(delivery: Delivery): boolean {
  return delivery.kind === "batch" && delivery.records.length === 0;
}

function isBatchOf({ delivery }: Waiting, other: Delivery): boolean {
  if (delivery.kind !== "batch" || other.kind !== "batch") return false;
  return placeOf(delivery as LogBatch & TopicPartition) === placeOf(other);
}
