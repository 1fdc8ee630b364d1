import type { ChangeEvent, Instant, MessageEvent, TicketEvent } from "@thulium-stream/contracts";

/** The head of a ticket as one version showed it: what figures need of it. */
export interface HeadStep {
  readonly version: number;
  /** When it happened at the source, or was observed when the source gave no instant. */
  readonly at: Instant;
  readonly deleted: boolean;
  readonly status_id: string | null;
  readonly status: string | null;
  readonly queue: string | null;
  readonly category: string | null;
  readonly source: string | null;
  readonly agent: string | null;
  readonly subject: string | null;
  readonly created_at: Instant | null;
  readonly closed_at: Instant | null;
  readonly updated_at: Instant | null;
  readonly vendor_first_response_s: number | null;
  readonly vendor_close_s: number | null;
}

/** A message as its newest version showed it. */
export interface MessageStep {
  readonly version: number;
  readonly type: string | null;
  readonly user_login: string | null;
  readonly at: Instant;
  readonly removed: boolean;
}

/** The whole history of one ticket as far as it was observed. */
export interface TicketTimeline {
  readonly ticket_id: string;
  /** By version. */
  readonly heads: Readonly<Record<string, HeadStep>>;
  /** By message id. */
  readonly messages: Readonly<Record<string, MessageStep>>;
}

/** A ticket of which nothing was seen yet. */
export function emptyTimeline(ticketId: string): TicketTimeline {
  return { ticket_id: ticketId, heads: {}, messages: {} };
}

/**
 * Folds one event into a timeline. The order of events does not matter and an event folded twice counts once: heads are kept by their version, messages by
 * their newest version. Pure; returns the same object when nothing is new.
 */
export function foldEvent(timeline: TicketTimeline, event: ChangeEvent): TicketTimeline {
  return "kinds" in event ? foldTicket(timeline, event) : foldMessage(timeline, event);
}

function foldTicket(timeline: TicketTimeline, event: TicketEvent): TicketTimeline {
  const key = String(event.version);
  if (timeline.heads[key] !== undefined) return timeline;
  return { ...timeline, heads: { ...timeline.heads, [key]: headOf(event) } };
}

function headOf({ version, time, type, ticket }: TicketEvent): HeadStep {
  return {
    version,
    at: time,
    deleted: type === "thulium.ticket.deleted",
    status_id: ticket.status_id,
    status: ticket.full_status_name,
    queue: ticket.ticket_queue_name ?? ticket.ticket_queue_id,
    category: ticket.category_id,
    source: ticket.source,
    agent: ticket.user_login,
    subject: ticket.subject,
    created_at: ticket.created_at,
    closed_at: ticket.closed_at,
    updated_at: ticket.updated_at,
    vendor_first_response_s: ticket.vendor_first_agent_response_time_s,
    vendor_close_s: ticket.vendor_close_time_s,
  };
}

function foldMessage(timeline: TicketTimeline, event: MessageEvent): TicketTimeline {
  const held = timeline.messages[event.message_id];
  if (held !== undefined && held.version >= event.version) return timeline;
  const { message, version, time } = event;
  const step: MessageStep =
    message === null
      ? { version, type: null, user_login: null, at: time, removed: true }
      : {
          version,
          type: message.type,
          user_login: message.user_login,
          at: message.created_at ?? time,
          removed: false,
        };
  return { ...timeline, messages: { ...timeline.messages, [event.message_id]: step } };
}
