import {
  type ChangeEvent,
  type Checkpoint,
  createdMonthHeader,
  type DeadLetter,
  type ErasureRecords,
  type ErasureState,
  type ExtractorHeartbeat,
  encodeJson,
  encodeMessageState,
  erasureRecord,
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
import { deletionOf, detectChanges, unlistingOf } from "./detect-changes.ts";
import { eraseHeld, withTicket } from "./erase-held.ts";
import { stateRecord } from "./extractor-state.ts";
import type { ObservationContext } from "./observation-context.ts";
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

type ErasedTicket = Pick<TicketState, "ticket_id" | "customer_id">;

/** What is known before the append. */
export interface BatchBefore {
  readonly checkpoint: Checkpoint;
  readonly held: (ticketId: string) => TicketState | null;
  readonly erasures: Pick<ErasureRecords, "list" | "states">;
}

/** One append in the making: jobs are compared with what is held, in order, and their records gathered. Pure but for the look-up it is given. */
export class Batch {
  readonly #options: PublisherOptions;
  readonly #now: Instant;
  readonly #before: BatchBefore;
  readonly #changed = new Map<string, TicketState | null>();
  readonly #events: ChangeEvent[] = [];
  readonly #messages: NewRecord[] = [];
  readonly #others: NewRecord[] = [];
  /** On every record of the append. */
  readonly #headers: Readonly<Record<string, string>>;
  readonly results: JobResult[] = [];
  /** What the checkpoint will be after the append. */
  checkpoint: Checkpoint;
  deadLetters = 0;
  /** Tasks, slices and holes that the append changes or (null) removes. */
  readonly tasks = new Map<string, TaskState | null>();
  readonly slices = new Map<string, SliceState | null>();
  readonly holes = new Map<string, HoleState | null>();
  /** Erasures that begin or go on with the append. */
  readonly erasures = new Map<string, ErasureState>();
  heartbeat: ExtractorHeartbeat | null = null;
  /** Observations and dead letters that were left out, since they are of what was erased. */
  dropped = 0;
  #movesCheckpoint = false;

  constructor(options: PublisherOptions, before: BatchBefore, now: Instant) {
    this.#options = options;
    this.#now = now;
    this.#before = before;
    const { checkpoint } = before;
    this.checkpoint = { ...checkpoint, append: checkpoint.append + 1, observed_at: now };
    this.#headers = { [headerNames.append]: String(this.checkpoint.append) };
  }

  /** Compares the rows of a job and takes over its decisions and progress. */
  add(job: Job, rows: readonly ObservedTicket[], unclear: readonly ObservedTicket[]): void {
    const before = this.#events.length;
    const observedAt = job.page?.requestedAt ?? this.#now;
    const context: ObservationContext = { ...this.#options, observedAt, origin: job.origin };
    for (const row of rows) this.#addObservation(row, context);
    for (const id of job.deletedIds ?? []) this.#addDeletion(id, context);
    for (const id of job.unlistedIds ?? []) this.#addUnlisting(id, context);
    if (job.erasure !== undefined) this.#carryOn(job.erasure);
    for (const [id, task] of job.tasks ?? []) this.tasks.set(id, task);
    for (const [id, slice] of job.slices ?? []) this.slices.set(id, slice);
    for (const [id, hole] of job.holes ?? []) this.holes.set(id, hole);
    this.heartbeat = job.heartbeat ?? this.heartbeat;
    for (const letter of job.deadLetters ?? []) this.#addDeadLetter(letter);
    if (job.checkpoint !== undefined) {
      this.checkpoint = { ...this.checkpoint, ...job.checkpoint };
      this.#movesCheckpoint = true;
    }
    this.results.push({ events: this.#events.length - before, unclear });
  }

  /** Whether there is anything to append: a page without news costs nothing downstream. */
  get isWorthAppending(): boolean {
    const parts = [this.#events, this.#messages, this.#others].map(({ length }) => length);
    const { tasks, slices, holes, erasures } = this;
    const maps = [this.#changed, tasks, slices, holes, erasures].map(({ size }) => size);
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
    const { system } = this.#options;
    const states: NewRecord[] = [...this.#changed].map(([id, state]) => ({
      topic: "tickets",
      key: ticketKey(system, id),
      value: state === null ? null : encodeJson(state),
      headers: this.#headersOf(state?.created_at),
    }));
    const others = [...this.#others, ...this.#progress()].map((record) => ({
      ...record,
      headers: { ...record.headers, ...this.#headers },
    }));
    const events = this.#events.map((event) => recordOfEvent(event, this.checkpoint.append));
    return [...events, ...states, ...this.#messages, ...others];
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
      ...[...this.erasures.values()].map(erasureRecord),
      stateRecord(system, "checkpoint", null, this.checkpoint),
    ];
  }

  #current(ticketId: string): TicketState | null {
    return this.#changed.has(ticketId)
      ? (this.#changed.get(ticketId) ?? null)
      : this.#before.held(ticketId);
  }

  #erasure(id: string): ErasureState | undefined {
    return this.erasures.get(id) ?? this.#before.erasures.states.get(id);
  }

  #carryOn({ erasureId, begun, ticketIds = [], change }: NonNullable<Job["erasure"]>): void {
    const erasure = this.#erasure(erasureId) ?? begun;
    if (erasure === undefined) return;
    this.erasures.set(erasureId, change?.(erasure) ?? erasure);
    for (const ticketId of ticketIds) this.#erase(ticketId, erasureId);
  }

  /** Removes what is held of a ticket: tombstones, and the news of it under its hash. */
  #erase(ticketId: string, erasureId: string): void {
    const held = this.#current(ticketId);
    const erasure = this.#erasure(erasureId);
    if (held === null || erasure === undefined) return;
    const hash = this.#before.erasures.list.hashOf("ticket", ticketId);
    this.#changed.set(ticketId, null);
    for (const { message_id } of held.messages) this.#addMessage(ticketId, message_id, null);
    this.#others.push(eraseHeld(held, erasure, hash, this.#now));
    this.erasures.set(erasureId, withTicket(erasure, hash, held.messages.length));
  }

  /** Leaves an observation of what was erased out, and takes away what may be held of it. Whether it does. */
  #drops({ ticket_id: ticketId, customer_id: customerId }: ErasedTicket): boolean {
    const { list } = this.#before.erasures;
    const erasureId = list.erasureOf({ ticketId, customerId });
    const erasure = erasureId === null ? undefined : this.#erasure(erasureId);
    if (erasure === undefined) return false;
    this.dropped += 1;
    const { erasure_id: id } = erasure;
    if (this.#current(ticketId) !== null) {
      // Its events may be newer than what the other services have looked through.
      const reopened = { ...erasure, state: "running", revision: erasure.revision + 1 } as const;
      this.erasures.set(id, { ...reopened, erased_at: null, log_ends: null });
      this.#erase(ticketId, id);
    } else if (list.erasureOf({ ticketId }) === null) {
      // Should the source give it to another customer later: it has been erased.
      const hash = list.hashOf("ticket", ticketId);
      if (!erasure.ticket_hashes.includes(hash))
        this.erasures.set(id, { ...erasure, ticket_hashes: [...erasure.ticket_hashes, hash] });
    }
    return true;
  }

  #addDeadLetter(letter: DeadLetter): void {
    const { list } = this.#before.erasures;
    if ((list.erasureOfKey(letter.key) ?? list.erasureOfText(letter.raw)) !== null) {
      this.dropped += 1;
      return;
    }
    const key = letter.key ?? letter.letter_id;
    this.#others.push({ topic: "dead-letters", key, value: encodeJson(letter) });
    this.deadLetters += 1;
  }

  #addObservation(row: ObservedTicket, context: ObservationContext): void {
    if (this.#drops(row.ticket)) return;
    const found = detectChanges(this.#current(row.ticket.ticket_id), row, context);
    if (found.state === null) return;
    this.#changed.set(row.ticket.ticket_id, found.state);
    if (found.ticketEvent !== null) this.#events.push(found.ticketEvent);
    this.#events.push(...found.messageEvents);
    const headers = this.#headersOf(row.ticket.created_at);
    for (const { message, observed } of found.messageStates) {
      const value = encodeMessageState(message, observed);
      this.#addMessage(row.ticket.ticket_id, message.message_id, value, headers);
    }
    for (const id of found.removedMessageIds) this.#addMessage(row.ticket.ticket_id, id, null);
  }

  #addDeletion(ticketId: string, context: ObservationContext): void {
    const held = this.#current(ticketId);
    if (held === null || this.#drops(held)) return;
    this.#events.push(deletionOf(held, context));
    this.#changed.set(ticketId, null);
    for (const { message_id } of held.messages) this.#addMessage(ticketId, message_id, null);
  }

  #addUnlisting(ticketId: string, context: ObservationContext): void {
    const held = this.#current(ticketId);
    if (held === null || !held.listed || this.#drops(held)) return;
    const { event, state } = unlistingOf(held, context);
    this.#events.push(event);
    this.#changed.set(ticketId, state);
  }

  /** Shared by the records of a ticket. */
  #headersOf(createdAt: Instant | null | undefined): Readonly<Record<string, string>> {
    return { ...createdMonthHeader(createdAt), ...this.#headers };
  }

  #addMessage(
    ticketId: string,
    messageId: string,
    value: Uint8Array | null,
    headers = this.#headers,
  ): void {
    const { system } = this.#options;
    this.#messages.push({
      topic: "messages",
      key: messageKey(system, ticketId, messageId),
      partitionKey: ticketKey(system, ticketId),
      value,
      headers,
    });
  }
}
