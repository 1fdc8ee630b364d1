import type { Instant } from "../instant.ts";
import type { Message, Ticket } from "../ticket.ts";

/**
 * The help desk's API, page by page. Rules, cited as S1–S4:
 *
 * S1 A page says which window, order and offset it answers, its request's place in the process's sequence, and the source's `Date`.
 * S2 Rows are checked against what was asked (order, bounds, filters); a page that breaks its request is an
 *    `InvalidResponse`, never data. A single row that breaks the ticket's contract is set aside in `rejected`.
 *    An answer holds at least every match in the closed minutes of its bounds, and maybe neighbours: whether the source's
 *    bounds include themselves is undocumented, so they are sent wider.
 * S3 Abort rejects with `Cancelled` and leaves no request running.
 * S4 No adapter retries.
 */
export interface TicketSource {
  /** One page of `GET /api/tickets`, custom fields included. @throws Failure, classified; `raw` holds up to 2 KB of the answer. */
  listTickets(request: PageRequest, signal?: AbortSignal): Promise<TicketPage>;
  /** Whether a ticket exists, by `GET /api/tickets/:id`: false for 404 and 410. */
  ticketExists(ticketId: string, signal?: AbortSignal): Promise<boolean>;
  /** Releases connections. Idempotent. */
  close(): Promise<void>;
}

/** The two dates that the API can sort and filter by. */
export type SourceDate = "create_date" | "update_date";

/** Closed bounds on one date, wall clock of the source as `YYYY-MM-DD HH:MM`; null = open. */
export interface DateBounds {
  readonly from: string | null;
  readonly to: string | null;
}

/** What narrows a listing beside dates. */
export interface PageFilter {
  readonly statusIds?: readonly string[];
  readonly queueId?: string;
  readonly source?: string;
}

/** One list request. */
export interface PageRequest {
  readonly created?: DateBounds;
  readonly updated?: DateBounds;
  readonly filter?: PageFilter;
  /** Ascending by this date, ties by the other. */
  readonly orderBy: SourceDate;
  /** Rows at the answer's beginning that are left out; neighbours of the bounds (S2) count. */
  readonly offset: number;
  /** 1–100. */
  readonly limit: number;
}

/** A ticket as one page showed it. */
export interface ObservedTicket {
  readonly ticket: Ticket;
  /** Sorted by message id. */
  readonly messages: readonly Message[];
  /** Whether `updated_at_raw` lies in the hour that the autumn clock change repeats. */
  readonly updatedAtAmbiguous: boolean;
}

/** A row that breaks the ticket's contract. */
export interface RejectedRow {
  /** Its id when that much could be read. */
  readonly ticketId: string | null;
  /** The field and the rule. */
  readonly detail: string;
  /** The row's JSON text. */
  readonly raw: string;
}

/** One answer. */
export interface TicketPage {
  readonly request: PageRequest;
  /** Place of the request in this process's sequence: larger = started later. */
  readonly sequence: number;
  /** The sequence number that the next request to start would have had when this answer arrived. */
  readonly answeredBefore: number;
  readonly rows: readonly ObservedTicket[];
  readonly rejected: readonly RejectedRow[];
  /** Rows received, rejected ones included: what paging advances by and proofs count. */
  readonly received: number;
  /** created_at / updated_at text (minute) of the last row received by the order date; null on an empty page. */
  readonly lastOrderMinute: string | null;
  /** The source's own count of matches: a progress figure, never a loop bound. */
  readonly count: number;
  /** The source's `Date` header. */
  readonly sourceDate: Instant | null;
  /** Our clock when the request started. */
  readonly requestedAt: Instant;
  /** Size of the answer in bytes. */
  readonly bytes: number;
  /** Names of fields that this version does not know. */
  readonly unknownFields: readonly string[];
}
