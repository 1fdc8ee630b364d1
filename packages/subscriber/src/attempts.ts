import {
  type ChangeEvent,
  type Clock,
  type DeadLetter,
  type DeadLetterReason,
  deadLetter,
  deadLetterOf,
  decodeJson,
  headerNames,
  isFailure,
  type Logger,
  type LogRecord,
  recordInLetter,
} from "@thulium-stream/contracts";
import { backoffMs } from "@thulium-stream/runtime";
import { type Handler, type Handlers, type HandlersByType, handlersByType } from "./handlers.ts";
import type { Outcome } from "./lane.ts";
import type { Ownership } from "./ownership.ts";
import { readEvent } from "./read-event.ts";
import type { SubscriberMetrics } from "./subscriber-metrics.ts";

/** What attempts are made with. */
export interface AttemptsDeps {
  readonly on: Handlers;
  readonly group: string;
  readonly maxAttempts: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Resolves when the letter is durable. */
  readonly deadLetter: (letter: DeadLetter) => Promise<void>;
  readonly metrics: SubscriberMetrics | null;
}

/** One attempt at handling an event. */
interface Attempt {
  readonly record: LogRecord;
  readonly attempt: number;
  readonly ownership: Ownership;
  /** The letter that is tried again. */
  readonly letter: DeadLetter | null;
}

/** Decides what one attempt at a record is, makes it, and sets aside what cannot be handled. */
export class Attempts {
  readonly #deps: AttemptsDeps;
  readonly #handlers: HandlersByType;

  constructor(deps: AttemptsDeps) {
    this.#deps = deps;
    this.#handlers = handlersByType(deps.on);
  }

  /** Tries a record of the log; of `dead-letters` only what was given back to this group. */
  make(record: LogRecord, attempt: number, ownership: Ownership): Outcome | Promise<Outcome> {
    if (record.topic !== "dead-letters")
      return this.#try({ record, attempt, ownership, letter: null });
    const { headers } = record;
    const isOurs =
      headers[headerNames.letterGroup] === this.#deps.group &&
      headers[headerNames.letterState] === "retry";
    const letter = isOurs ? letterOf(record) : null;
    if (letter === null) return undefined;
    return this.#try({ record: recordInLetter(letter), attempt, ownership, letter });
  }

  #try(attempt: Attempt): Outcome | Promise<Outcome> {
    const { record } = attempt;
    try {
      const readable = readEvent(record, this.#handlers);
      if (readable !== null) return this.#handle(attempt, readable.event, readable.handler);
      this.#deps.metrics?.count("passed_over");
      return undefined;
    } catch (failure) {
      return this.#setAside(attempt, { failure, attempts: 1 });
    }
  }

  #handle(
    attempt: Attempt,
    event: ChangeEvent,
    handler: Handler<ChangeEvent>,
  ): Outcome | Promise<Outcome> {
    const { record, ownership, letter } = attempt;
    const { topic, partition, position } = record;
    // The clock costs as much as the rest of this, and only the metrics want to know.
    const startedMs = this.#deps.metrics === null ? 0 : this.#deps.clock.now();
    const context = {
      redelivered: attempt.attempt > 1 || letter !== null || position < ownership.endAtAssignment,
      attempt: attempt.attempt,
      topic,
      partition,
      position,
      signal: ownership.signal,
    };
    try {
      const handled = handler(event, context);
      if (handled === undefined) return this.#handled(attempt, startedMs);
      return handled.then(
        () => this.#handled(attempt, startedMs),
        (failure: unknown) => this.#failed(attempt, event, failure),
      );
    } catch (failure) {
      return this.#failed(attempt, event, failure);
    }
  }

  #handled({ letter }: Attempt, startedMs: number): Outcome | Promise<Outcome> {
    const { metrics, clock } = this.#deps;
    if (metrics !== null) {
      metrics.count("handled");
      metrics.took((clock.now() - startedMs) / 1000);
    }
    if (letter === null) return undefined;
    const last_at = new Date(clock.now()).toISOString();
    return this.#deps.deadLetter({ ...letter, state: "retried", last_at }).then(() => undefined);
  }

  #failed(attempt: Attempt, event: ChangeEvent, failure: unknown): Outcome | Promise<Outcome> {
    const { logger, maxAttempts, metrics } = this.#deps;
    const { attempt: attempts, ownership } = attempt;
    // Cut short by the end or the loss of the partition: it will be delivered again.
    if (ownership.signal.aborted) return { retryAfterMs: 0 };
    if (attempts >= maxAttempts || isFailure(failure, "Rejected"))
      return this.#setAside(attempt, { failure, attempts });
    metrics?.count("retried");
    const { type, id } = event;
    logger.warn(
      { type, id, attempt: attempts, reason: String(failure) },
      "a handler failed; trying again",
    );
    return { retryAfterMs: backoffMs(attempts, {}) };
  }

  async #setAside(
    { record, letter: before }: Attempt,
    why: Omit<DeadLetterReason, "group">,
  ): Promise<undefined> {
    const { group, clock, logger, metrics } = this.#deps;
    const made = deadLetterOf(record, { ...why, group }, clock.now());
    const letter =
      before === null
        ? made
        : {
            ...made,
            letter_id: before.letter_id,
            first_at: before.first_at,
            attempts: before.attempts + why.attempts,
            group,
          };
    const { key, reason, position, letter_id } = letter;
    logger.error({ letter_id, key, reason, position }, "set aside as a dead letter");
    await this.#deps.deadLetter(letter);
    metrics?.count("dead_letter");
    return undefined;
  }
}

/** The letter in a record; null for one that is none of ours. */
function letterOf(record: LogRecord): DeadLetter | null {
  try {
    return deadLetter.parse(decodeJson(record));
  } catch {
    return null;
  }
}
