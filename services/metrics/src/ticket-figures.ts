import { epochMsOf, type Instant } from "@thulium-stream/contracts";
import type { BusinessCalendar } from "./business-calendar.ts";
import type { HeadStep, MessageStep, TicketTimeline } from "./ticket-timeline.ts";

/** What counts as closed and as an agent. */
export interface FigureRules {
  /** Statuses by id, or by the name that the full status name begins with. */
  readonly closedStatuses: readonly string[];
  /** Logins whose replies are automatic. */
  readonly automaticLogins: readonly string[];
  readonly calendar: BusinessCalendar;
}

/** Figures of one ticket. `_s` are calendar seconds, `_business_s` working seconds; null = not known or not reached yet, never 0. */
export interface TicketFigures {
  readonly ticket_id: string;
  readonly subject: string | null;
  readonly queue: string | null;
  readonly category: string | null;
  readonly source: string | null;
  readonly agent: string | null;
  readonly status: string | null;
  readonly created_at: Instant;
  readonly deleted: boolean;
  readonly is_open: boolean;
  /** Stretches during which the ticket was open; the last has no end while it is. Instants. */
  readonly open: readonly { readonly from: Instant; readonly to: Instant | null }[];
  /** When the first reply of an agent was sent. */
  readonly first_response_at: Instant | null;
  readonly first_response_s: number | null;
  readonly first_response_business_s: number | null;
  /** Each customer message that waited → the agent's next reply; consecutive customer messages count from the first. */
  readonly next_response_s: readonly number[];
  readonly first_resolution_s: number | null;
  /** Creation to the last close; null while open, so also after a reopening. */
  readonly resolution_s: number | null;
  readonly resolution_business_s: number | null;
  readonly resolved_at: Instant | null;
  readonly reopen_count: number;
  /** Closed with exactly one agent reply and never reopened. */
  readonly one_touch: boolean;
  readonly replies: number;
  readonly customer_messages: number;
  readonly comments: number;
  readonly agents_involved: number;
  /** The vendor's own figures, beside ours and never mixed with them. */
  readonly vendor_first_response_s: number | null;
  readonly vendor_close_s: number | null;
}

/** The figures of a timeline (metrics.md, 1); null while no head was seen. Pure. */
export function ticketFigures(timeline: TicketTimeline, rules: FigureRules): TicketFigures | null {
  const heads = Object.values(timeline.heads).sort((a, b) => a.version - b.version);
  const last = heads.at(-1);
  const first = heads[0];
  if (first === undefined || last === undefined) return null;
  const createdAt = last.created_at ?? first.at;
  const messages = Object.values(timeline.messages)
    .filter(({ removed }) => !removed)
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const open = openStretches(heads, createdAt, rules);
  const end = open.at(-1)?.to ?? null;
  const isClosed = end !== null && !last.deleted;
  const response = firstResponse(messages, createdAt, rules);
  const replies = messages.filter((message) => isAgentReply(message, rules));
  const reopenCount = open.length - 1;
  return {
    ticket_id: timeline.ticket_id,
    subject: last.subject,
    queue: last.queue,
    category: last.category,
    source: last.source,
    agent: last.agent,
    status: last.status,
    created_at: createdAt,
    deleted: last.deleted,
    is_open: end === null,
    open,
    ...response,
    first_response_business_s:
      response.first_response_at === null
        ? null
        : rules.calendar.secondsBetween(
            epochMsOf(response.from),
            epochMsOf(response.first_response_at),
          ),
    next_response_s: nextResponses(messages, rules),
    first_resolution_s: secondsBetween(
      createdAt,
      open[0]?.to ?? null,
      last.deleted && open.length === 1,
    ),
    resolution_s: isClosed ? secondsBetween(createdAt, end, false) : null,
    resolution_business_s: isClosed
      ? rules.calendar.secondsBetween(epochMsOf(createdAt), epochMsOf(end))
      : null,
    resolved_at: isClosed ? end : null,
    reopen_count: reopenCount,
    one_touch: isClosed && reopenCount === 0 && replies.length === 1,
    replies: replies.length,
    customer_messages: messages.filter(isFromCustomer).length,
    comments: messages.filter(({ type }) => type === "COMMENT").length,
    agents_involved: new Set(replies.map(({ user_login }) => user_login)).size,
    vendor_first_response_s: last.vendor_first_response_s,
    vendor_close_s: last.vendor_close_s,
  };
}

/** Whether a head's status counts as closed. */
export function isClosedHead(
  { status_id, status }: Pick<HeadStep, "status_id" | "status">,
  { closedStatuses }: Pick<FigureRules, "closedStatuses">,
): boolean {
  return closedStatuses.some(
    (wanted) =>
      wanted === status_id || wanted === status || status?.startsWith(`${wanted} - `) === true,
  );
}

/**
 * When the ticket was open. A close counts at `closed_at` when the source gives one that lies in this stretch, else when its change was told. A reopening is a
 * step from a closed status to another; what `closed_at` says then does not matter, since it may survive.
 */
function openStretches(
  heads: readonly HeadStep[],
  createdAt: Instant,
  rules: FigureRules,
): { from: Instant; to: Instant | null }[] {
  const stretches: { from: Instant; to: Instant | null }[] = [{ from: createdAt, to: null }];
  for (const head of heads) {
    const current = stretches.at(-1);
    if (current === undefined) continue;
    const closed = head.deleted || isClosedHead(head, rules);
    if (closed && current.to === null) current.to = closeInstant(head, current.from);
    else if (!closed && current.to !== null)
      stretches.push({ from: head.at < current.to ? current.to : head.at, to: null });
  }
  return stretches;
}

function closeInstant(head: HeadStep, from: Instant): Instant {
  if (!head.deleted && head.closed_at !== null && head.closed_at >= from) return head.closed_at;
  // A ticket first seen when it was closed long ago: its last change is closer than our observation.
  const told = head.version === 1 && head.updated_at !== null ? head.updated_at : head.at;
  return told < from ? from : told;
}

function firstResponse(messages: readonly MessageStep[], createdAt: Instant, rules: FigureRules) {
  const from = messages.find(isFromCustomer)?.at ?? createdAt;
  const reply = messages.find((message) => isAgentReply(message, rules) && message.at >= from);
  return {
    from,
    first_response_at: reply?.at ?? null,
    first_response_s: secondsBetween(from, reply?.at ?? null, false),
  };
}

function nextResponses(messages: readonly MessageStep[], rules: FigureRules): readonly number[] {
  const seconds: number[] = [];
  let waitingSince: Instant | null = null;
  for (const message of messages) {
    if (isFromCustomer(message)) waitingSince ??= message.at;
    else if (waitingSince !== null && isAgentReply(message, rules)) {
      seconds.push(secondsBetween(waitingSince, message.at, false) ?? 0);
      waitingSince = null;
    }
  }
  return seconds;
}

function isFromCustomer({ type, user_login }: MessageStep): boolean {
  return type === "MAIL" && user_login === null;
}

function isAgentReply(
  { type, user_login }: MessageStep,
  { automaticLogins }: Pick<FigureRules, "automaticLogins">,
): boolean {
  return type === "REPLY" && user_login !== null && !automaticLogins.includes(user_login);
}

function secondsBetween(from: Instant, to: Instant | null, unknown: boolean): number | null {
  return to === null || unknown ? null : Math.max(0, (epochMsOf(to) - epochMsOf(from)) / 1000);
}
