import {
  type Clock,
  type DeadLetter,
  type EventLog,
  Failure,
  type Logger,
  silentLogger,
} from "@thulium-stream/contracts";
import {
  type Registry,
  retrying,
  systemClock,
  newId as systemNewId,
} from "@thulium-stream/runtime";
import { Attempts } from "./attempts.ts";
import { DeadLetterSink } from "./dead-letter-sink.ts";
import { type Handlers, topicsOf } from "./handlers.ts";
import { SubscriberMetrics } from "./subscriber-metrics.ts";
import { Subscription } from "./subscription.ts";

/** What a subscription needs. */
export interface SubscribeOptions {
  readonly log: EventLog;
  /** Members of one group share the partitions. */
  readonly group: string;
  readonly on: Handlers;
  /** Ends it. Default: never. */
  readonly signal?: AbortSignal;
  /** Where a new group starts. Default `earliest`: everything that the log still holds. */
  readonly startAt?: "earliest" | "latest";
  /** Tries before an event becomes a dead letter, about a minute apart in the end. Default 10. */
  readonly maxAttempts?: number;
  /** Bytes of events that wait for handlers at most, beside one batch per partition. Default 4 MiB. */
  readonly maxBufferedBytes?: number;
  /** Takes what could not be handled; resolves when it is durable. Default: appends to `dead-letters`, from where `thulium-stream dlq retry` gives it back. */
  readonly deadLetter?: (letter: DeadLetter) => Promise<void>;
  /** Takes lag and counts; see {@link SubscriberMetrics}. Default: none. */
  readonly registry?: Registry;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: says nothing. */
  readonly logger?: Logger;
  /** Default: random. */
  readonly newId?: () => string;
}

/**
 * Calls the handlers with every change event, at least once, until `signal` fires; then finishes the handlers that run, commits and
 * leaves the group. Handlers of one ticket never overlap and get its events of a topic in order; partitions go side by side, and one
 * that waits for a retry holds up no other. The position of an event is committed only after its handler resolved or its dead letter
 * is durable: a crash repeats events, never skips one. A log that is away is waited for.
 * @throws Failure `InvalidSettings` without handlers; `PositionLost` when the log no longer holds where the group is; `Unauthenticated`, `Forbidden`.
 */
export async function subscribe(options: SubscribeOptions): Promise<void> {
  const { log, group, on, registry, deadLetter } = options;
  const { clock = systemClock, logger = silentLogger, newId = systemNewId } = options;
  const { startAt = "earliest", maxAttempts = 10, maxBufferedBytes = 4 * 1024 * 1024 } = options;
  const signal = options.signal ?? new AbortController().signal;
  const eventTopics = topicsOf(on);
  if (eventTopics.length === 0)
    throw new Failure(
      "InvalidSettings",
      "subscribe({ on }) has no handler: give at least one, such as on['ticket.updated']",
    );
  await using sink = new DeadLetterSink({ log, group, clock, logger, newId, signal });
  let current: Subscription | null = null;
  const metrics =
    registry === undefined
      ? null
      : new SubscriberMetrics(registry, group, () => current?.lags() ?? []);
  const attempts = new Attempts({
    ...{ on, group, maxAttempts, clock, logger, metrics },
    deadLetter: deadLetter ?? ((letter) => sink.append(letter)),
  });
  // Letters that were given back to this group come through their own topic.
  const topics = deadLetter === undefined ? [...eventTopics, "dead-letters"] : eventTopics;
  const once = async () => {
    current = new Subscription({
      ...{ log, group, topics, startAt, attempts, clock, logger, maxBufferedBytes, signal },
    });
    await current.run();
  };
  try {
    await retrying(once, {
      what: `reading as ${group}`,
      ...{ clock, logger, signal, longestDelayMs: 10_000 },
    });
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    metrics?.end();
  }
}
