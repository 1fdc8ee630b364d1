import {
  type Clock,
  type DateBounds,
  Failure,
  instantOf,
  type Message,
  type ObservedTicket,
  type PageRequest,
  type Ticket,
  type TicketPage,
  type TicketSource,
} from "@thulium-stream/contracts";
import { makeMessage, makeTicket } from "./make-ticket.ts";

/** A `TicketSource` over a list that a test changes while it is read: ties shuffled anew for every request, bounds inclusive by the minute, offsets that shift. */
export class ScriptedSource implements TicketSource {
  readonly tickets = new Map<string, ObservedTicket>();
  /** Runs after each request has been answered from the list, before the answer arrives: the moment to change things. */
  afterEach: (request: PageRequest, requests: number) => void = () => {};
  /** Thrown instead of an answer when it returns a failure. */
  failWith: (request: PageRequest) => Failure | null = () => null;
  requests = 0;
  /** Whether answers hold the minutes beside their bounds, too, as those of the real client do (S2). */
  showsNeighbours = false;
  readonly #clock: Clock;
  readonly #random: () => number;
  #sequence = 0;

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Puts a ticket; `raw` stamps decide, instants are derived by the given function. */
  put(
    fields: Partial<Ticket> & { ticket_id: string },
    messages: readonly Partial<Message>[] = [],
  ): void {
    const before = this.tickets.get(fields.ticket_id);
    const ticket = makeTicket({ ...before?.ticket, ...fields });
    const own = messages.map((message) => makeMessage({ ticket_id: ticket.ticket_id, ...message }));
    this.tickets.set(fields.ticket_id, {
      ticket,
      messages: [...(before?.messages ?? []), ...own],
      updatedAtAmbiguous: false,
    });
  }

  async listTickets(request: PageRequest, signal?: AbortSignal): Promise<TicketPage> {
    if (signal?.aborted) throw new Failure("Cancelled", "cancelled");
    this.#sequence += 1;
    const sequence = this.#sequence;
    this.requests += 1;
    const failure = this.failWith(request);
    if (failure !== null) throw failure;
    const requestedAt = instantOf(this.#clock.now());
    const matching = this.#matching(request);
    const rows = matching.slice(request.offset, request.offset + request.limit);
    this.afterEach(request, this.requests);
    await new Promise((resolve) => setImmediate(resolve));
    return {
      request,
      sequence,
      answeredBefore: this.#sequence + 1,
      rows,
      rejected: [],
      received: rows.length,
      lastOrderMinute: rows.length === 0 ? null : minuteOf(rows.at(-1), request.orderBy),
      count: matching.length,
      sourceDate: requestedAt,
      requestedAt,
      bytes: 0,
      unknownFields: [],
    };
  }

  /** Ids of the tickets that an answer to this request would hold now. */
  wouldShow(request: PageRequest): string[] {
    return this.#matching(request)
      .slice(request.offset, request.offset + request.limit)
      .map(({ ticket }) => ticket.ticket_id);
  }

  async ticketExists(ticketId: string): Promise<boolean> {
    this.requests += 1;
    return this.tickets.has(ticketId);
  }

  async close(): Promise<void> {}

  #isWithin(bounds: DateBounds | undefined, minute: string): boolean {
    const { from, to } = { from: bounds?.from ?? null, to: bounds?.to ?? null };
    const by = this.showsNeighbours ? 1 : 0;
    return (
      (from === null || minuteBeside(from, -by) <= minute) &&
      (to === null || minute <= minuteBeside(to, by))
    );
  }

  #matching({ created, updated, filter = {}, orderBy }: PageRequest): ObservedTicket[] {
    const ordered = [...this.tickets.values()]
      .filter(
        (row) =>
          this.#isWithin(created, minuteOf(row, "create_date")) &&
          this.#isWithin(updated, minuteOf(row, "update_date")),
      )
      .filter(
        ({ ticket }) =>
          (filter.statusIds === undefined || filter.statusIds.includes(ticket.status_id ?? "")) &&
          (filter.queueId === undefined || filter.queueId === ticket.ticket_queue_id) &&
          (filter.source === undefined || filter.source === ticket.source),
      )
      .map((row) => ({ row, tie: this.#random() }));
    const other = orderBy === "create_date" ? "update_date" : "create_date";
    const key = (row: ObservedTicket) => `${minuteOf(row, orderBy)} ${minuteOf(row, other)}`;
    return ordered
      .sort((a, b) => (key(a.row) < key(b.row) ? -1 : key(a.row) > key(b.row) ? 1 : a.tie - b.tie))
      .map(({ row }) => row);
  }
}

function minuteOf(row: ObservedTicket | undefined, date: PageRequest["orderBy"]): string {
  const raw = date === "create_date" ? row?.ticket.created_at_raw : row?.ticket.updated_at_raw;
  return (raw ?? "").slice(0, 16);
}

function minuteBeside(minute: string, by: number): string {
  const ms = Date.parse(`${minute.replace(" ", "T")}:00Z`) + by * 60_000;
  return new Date(ms).toISOString().slice(0, 16).replace("T", " ");
}

/** A small reproducible generator of numbers in [0, 1) (mulberry32): a failing test names its seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
