import {
  type ErasureState,
  type EventLog,
  erasurePartRecord,
  instantOf,
} from "@thulium-stream/contracts";
import type { ErasureFollower } from "@thulium-stream/runtime";
import type { MetricsStore } from "../store/metrics-store.ts";

/** What a {@link MetricsEraser} works with. */
export interface MetricsEraserDeps {
  readonly log: EventLog;
  readonly store: MetricsStore;
  readonly erasures: ErasureFollower;
  readonly system: string;
  readonly now: () => number;
  readonly newId: () => string;
}

/** An erasure whose part in a partition is still to be done. */
export interface ErasureTodo {
  readonly partition: number;
  readonly erasures: readonly ErasureState[];
  /** Tickets of it that the partition holds. */
  readonly ticketIds: readonly string[];
}

/** Tickets that are looked at between two turns of the event loop. */
const ticketsAtOnce = 500;

/** Finds what folds of this member hold of what was erased, and tells when it is gone. */
export class MetricsEraser {
  readonly #deps: MetricsEraserDeps;

  constructor(deps: MetricsEraserDeps) {
    this.#deps = deps;
  }

  /** What is left to do in these partitions, as of the log's end. @throws Failure of the log. */
  async todo(partitions: Iterable<number>, signal: AbortSignal): Promise<readonly ErasureTodo[]> {
    const { erasures: follower } = this.#deps;
    await follower.refresh(signal);
    const { records } = follower;
    const done = records.list.erasures.filter(({ state }) => state === "erased");
    const todo: ErasureTodo[] = [];
    for (const partition of partitions) {
      const erasures = done.filter((erasure) => !records.isDoneIn("metrics", partition, erasure));
      if (erasures.length > 0)
        todo.push({ partition, erasures, ticketIds: await this.#held(partition) });
    }
    return todo;
  }

  /** Tells that parts are done; to be called when the tombstones are durable. */
  async tell(done: readonly ErasureTodo[]): Promise<void> {
    const { log, system, now, newId } = this.#deps;
    const done_at = instantOf(now());
    const records = done.flatMap(({ partition, erasures, ticketIds }) =>
      erasures.map(({ erasure_id, revision }) => {
        const counts = { tickets: ticketIds.length };
        const part = { system, erasure_id, revision, done_at, counts };
        return erasurePartRecord("metrics", partition, part);
      }),
    );
    if (records.length === 0) return;
    // What the tombstones superseded goes as soon as the log can (L15).
    const ends = await log.ends("ticket-metrics");
    await log.purge(
      ends.map(({ topic, partition, end: position }) => ({ topic, partition, position })),
    );
    const writer = await log.openWriter(`erasure-metrics.${newId()}`);
    try {
      await writer.append(records);
    } finally {
      await writer.close();
    }
  }

  async #held(partition: number): Promise<readonly string[]> {
    const { store, erasures: follower } = this.#deps;
    const { list } = follower.records;
    const found: string[] = [];
    for (const [at, ticketId] of store.table.idsOf(partition).entries()) {
      if (at % ticketsAtOnce === 0) await new Promise(setImmediate);
      const isErased =
        list.erasureOf({ ticketId }) !== null ||
        list.erasureOf({ ticketId, customerId: store.customerOf(ticketId) }) !== null;
      if (isErased) found.push(ticketId);
    }
    return found;
  }
}
