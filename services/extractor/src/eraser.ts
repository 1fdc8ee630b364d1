import {
  type Clock,
  type EraseCommand,
  type ErasureState,
  type EventLog,
  instantOf,
  type Logger,
  type TopicName,
} from "@thulium-stream/contracts";
import type { Publisher } from "./publisher.ts";
import { removeDeadLetters } from "./remove-dead-letters.ts";
import type { TicketIndex } from "./ticket-index.ts";

/** What an {@link Eraser} works with. */
export interface EraserDeps {
  readonly system: string;
  readonly log: EventLog;
  readonly index: TicketIndex;
  readonly publisher: Publisher;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Held tickets that are looked at in one go, and removed by one append at most. */
const ticketsAtOnce = 200;
/** Topics whose superseded records may go as soon as the log can. */
const compacted = ["tickets", "messages", "ticket-metrics"] as const satisfies readonly TopicName[];
/** Topics whose ends tell the other services how far they have to look. */
const followed = ["ticket-events", "message-events", ...compacted] as const;

/**
 * Removes what the log holds of a customer or a ticket. The state of it rides in `extractor-state`, and every step may be taken again: whatever moment
 * the process ends in, the next one goes on until nothing current is left.
 */
export class Eraser {
  readonly #deps: EraserDeps;

  constructor(deps: EraserDeps) {
    this.#deps = deps;
  }

  /** Takes a command; from the append that makes it durable on, nothing of what it names is published any more. The same subject again is looked for again. */
  async take(command: EraseCommand, position: number): Promise<void> {
    const { publisher } = this.#deps;
    const known = [...publisher.erasures.states.values()].find(
      ({ subject, subject_hash }) =>
        subject === command.subject && subject_hash === command.subject_hash,
    );
    await publisher.publish({
      origin: "live",
      checkpoint: { commands_position: position },
      erasure:
        known === undefined
          ? { erasureId: command.erasure_id, begun: newErasure(command) }
          : { erasureId: known.erasure_id, change: reopened },
    });
  }

  /** Carries out every erasure that is not done on the log. @throws Failure of the log; `Cancelled`. */
  async carryOut(signal: AbortSignal): Promise<void> {
    const { publisher, logger } = this.#deps;
    const running = () =>
      [...publisher.erasures.states.values()].find(({ state }) => state === "running");
    for (let erasure = running(); erasure !== undefined; erasure = running()) {
      signal.throwIfAborted();
      await this.#erase(erasure.erasure_id, erasure.revision, signal);
      const { tickets, messages, dead_letters } =
        publisher.erasures.states.get(erasure.erasure_id) ?? erasure;
      const { erasure_id: erasureId } = erasure;
      logger.info({ erasureId, tickets, messages, dead_letters }, "erased from the log");
    }
  }

  async #erase(erasureId: string, revision: number, signal: AbortSignal): Promise<void> {
    const { publisher, log, clock } = this.#deps;
    await this.#eraseHeld(erasureId, signal);
    await log.purge(await this.#endsOf(compacted));
    const letters = await removeDeadLetters(this.#deps, publisher.erasures.list, signal);
    const ends = await Promise.all(
      followed.map(async (topic) => [topic, (await log.ends(topic)).map(({ end }) => end)]),
    );
    await publisher.publish({
      origin: "live",
      erasure: {
        erasureId,
        change: (now) => ({
          ...now,
          dead_letters: now.dead_letters + letters.removed,
          dead_letters_left: letters.left,
          // What was met meanwhile has raised the revision: it is gone through once more.
          ...(now.revision === revision
            ? {
                state: "erased" as const,
                erased_at: instantOf(clock.now()),
                log_ends: Object.fromEntries(ends) as Record<string, number[]>,
              }
            : {}),
        }),
      },
    });
  }

  /** The index is gone through in lots, so that live sweeps have their turn in between. */
  async #eraseHeld(erasureId: string, signal: AbortSignal): Promise<void> {
    const { index, publisher } = this.#deps;
    let after = "";
    for (;;) {
      signal.throwIfAborted();
      const lot = index.heldAfter(after, ticketsAtOnce);
      const last = lot.at(-1);
      if (last === undefined) return;
      after = last.ticket_id;
      const { list } = publisher.erasures;
      const ticketIds = lot
        .filter(
          ({ ticket_id: ticketId, customer_id: customerId }) =>
            list.erasureOf({ ticketId, customerId }) === erasureId,
        )
        .map(({ ticket_id }) => ticket_id);
      if (ticketIds.length > 0)
        await publisher.publish({ origin: "live", erasure: { erasureId, ticketIds } });
      else await new Promise(setImmediate);
    }
  }

  async #endsOf(topics: readonly TopicName[]) {
    const ranges = await Promise.all(topics.map((topic) => this.#deps.log.ends(topic)));
    return ranges.flat().map(({ topic, partition, end: position }) => ({
      topic,
      partition,
      position,
    }));
  }
}

function newErasure(command: EraseCommand): ErasureState {
  const { system, erasure_id, subject, subject_hash, requested_at } = command;
  return {
    system,
    erasure_id,
    subject,
    subject_hash,
    ticket_hashes: [],
    state: "running",
    revision: 1,
    requested_at,
    erased_at: null,
    log_ends: null,
    tickets: 0,
    messages: 0,
    dead_letters: 0,
    dead_letters_left: null,
  };
}

function reopened(erasure: ErasureState): ErasureState {
  const revision = erasure.revision + 1;
  return { ...erasure, state: "running", revision, erased_at: null, log_ends: null };
}
