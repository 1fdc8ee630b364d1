import {
  type Clock,
  hashId,
  type Logger,
  type ObservedTicket,
  type Ticket,
  type TicketSource,
  type TicketState,
} from "@thulium-stream/contracts";
import { messageHash, minuteOf, ticketHash } from "@thulium-stream/thulium-api/pure";
import { Asker } from "./asker.ts";
import { RequestBudget } from "./budget.ts";
import { readWindow } from "./read-window.ts";

/** What a place holds, by ticket: a digest over head, messages and ratings. */
export type Contents = ReadonlyMap<string, TicketContent>;

/** A ticket's content as a digest, and the minute in which it was created. */
export interface TicketContent {
  readonly digest: string;
  /** Source's wall clock, `YYYY-MM-DD HH:MM`; "" when unknown. */
  readonly created: string;
}

/** What listing the source's contents works with. */
export interface SourceContentsDeps {
  readonly source: TicketSource;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly requestsPerSecond: number;
  readonly pageSize: number;
  /** Tickets that are not to be held: they are left out. Default: none. */
  readonly isErased?: (ticket: Ticket) => boolean;
}

/**
 * Lists the whole source and digests what it shows, beside an extractor and without touching anything. `unread` counts the windows that could not be read: what they
 * hold is not compared. @throws Failure that no retry mends.
 */
export async function sourceContents(
  deps: SourceContentsDeps,
  signal: AbortSignal,
): Promise<{ readonly contents: Contents; readonly unread: number; readonly requests: number }> {
  const budget = new RequestBudget(deps);
  const asker = new Asker({ ...deps, budget });
  const contents = new Map<string, TicketContent>();
  let unread = 0;
  const everything = { by: "create_date", bounds: { from: null, to: null } } as const;
  const ask: Parameters<typeof readWindow>[0] = (request) => asker.list(request, "reread", signal);
  for await (const step of readWindow(ask, everything, deps.pageSize)) {
    if (step.kind === "hole") unread += 1;
    if (step.kind !== "page") continue;
    for (const row of step.page.rows)
      if (!deps.isErased?.(row.ticket)) contents.set(row.ticket.ticket_id, contentOfRow(row));
  }
  return { contents, unread, requests: budget.started };
}

function contentOfRow({ ticket, messages }: ObservedTicket): TicketContent {
  const parts = messages.map(
    (message): MessageDigest => [message.message_id, messageHash(message), message.ratings],
  );
  return {
    digest: digestOf(ticketHash(ticket), parts),
    created: minuteOf(ticket.created_at_raw ?? ""),
  };
}

/** The same digest of what is held of a ticket. */
export function contentOfState(state: TicketState): TicketContent {
  const parts = state.messages.map(
    (ref): MessageDigest => [ref.message_id, ref.content_hash, ref.ratings],
  );
  return {
    digest: digestOf(state.content_hash, parts),
    created: minuteOf(state.created_at_raw ?? ""),
  };
}

/** Id, content hash and ratings of a message. */
export type MessageDigest = readonly [
  messageId: string,
  contentHash: string,
  ratings: readonly string[],
];

/** One digest of a ticket's head and its messages, whatever their order. */
export function digestOf(headHash: string, messages: readonly MessageDigest[]): string {
  const sorted = [...messages].sort(([a], [b]) => (a < b ? -1 : 1));
  return hashId(JSON.stringify([headHash, sorted]));
}
