import {
  type ChangeEvent,
  type Checkpoint,
  encodeJson,
  type HoleState,
  headerNames,
  type Instant,
  type MessageState,
  messageKey,
  type NewRecord,
  type ObservedTicket,
  recordOfEvent,
  type TicketState,
  ticketKey,
} from "@thulium-stream/contracts";
import {
  deletionOf,
  detectChanges,
  type ObservationContext,
  unlistingOf,
} from "./detect-changes.ts";
import { checkpointRecord, holeRecord, sliceRecord } from "./extractor-state.ts";
import type { Job, JobResult, PublisherOptions } from "./publisher.ts";

/** The checkpoint of a system that was never read. */
export function firstCheckpoint(system: string, now: Instant): Checkpoint {
  return {
    system,
    append: 0,
    sealed: null,
    backfill_from: null,
    backfill_to: null,
    backfill_done_at: null,
    observed_at: now,
  };
}

/** One append in the making: jobs are compared with what is held, in order, and their records gathered. Pure but for the look-up it is given. */
export class Batch {
  readonly #options: PublisherOptions;
  readonly #now: Instant;
  readonly #held: (ticketId: string) => TicketState | null;
  readonly #changed = new Map<string, TicketState | null>();
  readonly #events: ChangeEvent[] = [];
  readonly #others: NewRecord[] = [];
  readonly results: JobResult[] = [];
  /** What the checkpoint will be after the append. */
  checkpoint: Checkpoint;
  deadLetters = 0;
  /** Holes that the append opens, tries again or (null) closes. */
  readonly holes = new Map<string, HoleState | null>();
  #movesCheckpoint = false;

  constructor(
    options: PublisherOptions,
    before: Checkpoint,
    now: Instant,
    held: (ticketId: string) => TicketState | null,
  ) {
    this.#options = options;
    this.#now = now;
    this.#held = held;
    this.checkpoint = { ...before, append: before.append + 1, observed_at: now };
  }

  /** Compares the rows of a job and takes over its decisions and progress. */
  add(job: Job, rows: readonly ObservedTicket[], unclear: readonly ObservedTicket[]): void {
    const before = this.#events.length;
    const observedAt = job.page?.requestedAt ?? this.#now;
    const context: ObservationContext = { ...this.#options, observedAt, origin: job.origin };
    for (const row of rows) this.#addObservation(row, context);
    for (const id of job.deletedIds ?? []) this.#addDeletion(id, context);
    for (const id of job.unlistedIds ?? []) this.#addUnlisting(id, context);
    for (const { slice, state } of job.slices ?? [])
      this.#others.push(sliceRecord(this.#options.system, slice, state));
    for (const { holeId, state } of job.holes ?? []) {
      this.holes.set(holeId, state);
      this.#others.push(holeRecord(this.#options.system, holeId, state));
    }
    for (const letter of job.deadLetters ?? [])
      this.#others.push({
        topic: "dead-letters",
        key: letter.key ?? letter.letter_id,
        value: encodeJson(letter),
      });
    this.deadLetters += job.deadLetters?.length ?? 0;
    if (job.checkpoint !== undefined) {
      this.checkpoint = { ...this.checkpoint, ...job.checkpoint };
      this.#movesCheckpoint = true;
    }
    this.results.push({ events: this.#events.length - before, unclear });
  }

  /** Whether there is anything to append: a page without news costs nothing downstream. */
  get isWorthAppending(): boolean {
    return (
      this.#events.length + this.#others.length + this.#changed.size > 0 || this.#movesCheckpoint
    );
  }

  get ticketEvents(): number {
    return this.#events.filter((event) => "kinds" in event).length;
  }

  get messageEvents(): number {
    return this.#events.length - this.ticketEvents;
  }

  /** New states of tickets, deleted ones left out. */
  get states(): TicketState[] {
    return [...this.#changed.values()].filter((state) => state !== null);
  }

  get deletedIds(): string[] {
    return [...this.#changed].filter(([, state]) => state === null).map(([id]) => id);
  }

  /** All records of the append; the checkpoint is always among them. */
  records(): readonly NewRecord[] {
    const headers = { [headerNames.append]: String(this.checkpoint.append) };
    const { system } = this.#options;
    const states = [...this.#changed].map(([id, state]) => ({
      topic: "tickets",
      key: ticketKey(system, id),
      value: state === null ? null : encodeJson(state),
    }));
    const others = [...states, ...this.#others, checkpointRecord(this.checkpoint)].map(
      (record) => ({ ...record, headers }),
    );
    return [
      ...this.#events.map((event) => recordOfEvent(event, this.checkpoint.append)),
      ...others,
    ];
  }

  #current(ticketId: string): TicketState | null {
    return this.#changed.has(ticketId)
      ? (this.#changed.get(ticketId) ?? null)
      : this.#held(ticketId);
  }

  #addObservation(row: ObservedTicket, context: ObservationContext): void {
    const found = detectChanges(this.#current(row.ticket.ticket_id), row, context);
    if (found.state === null) return;
    this.#changed.set(row.ticket.ticket_id, found.state);
    if (found.ticketEvent !== null) this.#events.push(found.ticketEvent);
    this.#events.push(...found.messageEvents);
    for (const state of found.messageStates)
      this.#addMessage(row.ticket.ticket_id, state.message_id, state);
    for (const id of found.removedMessageIds) this.#addMessage(row.ticket.ticket_id, id, null);
  }

  #addDeletion(ticketId: string, context: ObservationContext): void {
    const held = this.#current(ticketId);
    if (held === null) return;
    this.#events.push(deletionOf(held, context));
    this.#changed.set(ticketId, null);
    for (const { message_id } of held.messages) this.#addMessage(ticketId, message_id, null);
  }

  #addUnlisting(ticketId: string, context: ObservationContext): void {
    const held = this.#current(ticketId);
    if (held === null || !held.listed) return;
    const { event, state } = unlistingOf(held, context);
    this.#events.push(event);
    this.#changed.set(ticketId, state);
  }

  #addMessage(ticketId: string, messageId: string, state: MessageState | null): void {
    const { system } = this.#options;
    this.#others.push({
      topic: "messages",
      key: messageKey(system, ticketId, messageId),
      partitionKey: ticketKey(system, ticketId),
      value: state === null ? null : encodeJson(state),
    });
  }
}
