import {
  type ChangeEvent,
  type Checkpoint,
  type ExtractorHeartbeat,
  encodeJson,
  encodeMessageState,
  type HoleState,
  headerNames,
  type Instant,
  messageKey,
  type NewRecord,
  type ObservedTicket,
  recordOfEvent,
  type SliceState,
  type TaskState,
  type TicketState,
  ticketKey,
} from "@thulium-stream/contracts";
import {
  deletionOf,
  detectChanges,
  type ObservationContext,
  unlistingOf,
} from "./detect-changes.ts";
import { stateRecord } from "./extractor-state.ts";
import type { Job, JobResult, PublisherOptions } from "./publisher.ts";

/** The checkpoint of a system that was never read. */
export function firstCheckpoint(system: string, now: Instant): Checkpoint {
  return {
    system,
    append: 0,
    sealed: null,
    backfill_done_at: null,
    agreed_as_of: null,
    commands_position: 0,
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
  /** Tasks, slices and holes that the append changes or (null) removes. */
  readonly tasks = new Map<string, TaskState | null>();
  readonly slices = new Map<string, SliceState | null>();
  readonly holes = new Map<string, HoleState | null>();
  heartbeat: ExtractorHeartbeat | null = null;
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
    for (const [id, task] of job.tasks ?? []) this.tasks.set(id, task);
    for (const [id, slice] of job.slices ?? []) this.slices.set(id, slice);
    for (const [id, hole] of job.holes ?? []) this.holes.set(id, hole);
    this.heartbeat = job.heartbeat ?? this.heartbeat;
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
    const parts = [this.#events, this.#others].map(({ length }) => length);
    const maps = [this.#changed, this.tasks, this.slices, this.holes].map(({ size }) => size);
    return [...parts, ...maps].some(Boolean) || this.heartbeat !== null || this.#movesCheckpoint;
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
    const others = [...states, ...this.#others, ...this.#progress()].map((record) => ({
      ...record,
      headers,
    }));
    return [
      ...this.#events.map((event) => recordOfEvent(event, this.checkpoint.append)),
      ...others,
    ];
  }

  /** How far the extractor is, with this append. */
  #progress(): readonly NewRecord[] {
    const { system } = this.#options;
    const parts = { task: this.tasks, slice: this.slices, hole: this.holes } as const;
    const heartbeat =
      this.heartbeat === null ? [] : [stateRecord(system, "status", null, this.heartbeat)];
    return [
      ...(Object.keys(parts) as (keyof typeof parts)[]).flatMap((part) =>
        [...parts[part]].map(([id, value]) => stateRecord(system, part, id, value)),
      ),
      ...heartbeat,
      stateRecord(system, "checkpoint", null, this.checkpoint),
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
    for (const { message, observed } of found.messageStates)
      this.#addMessage(
        row.ticket.ticket_id,
        message.message_id,
        encodeMessageState(message, observed),
      );
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

  #addMessage(ticketId: string, messageId: string, value: Uint8Array | null): void {
    const { system } = this.#options;
    this.#others.push({
      topic: "messages",
      key: messageKey(system, ticketId, messageId),
      partitionKey: ticketKey(system, ticketId),
      value,
    });
  }
}
