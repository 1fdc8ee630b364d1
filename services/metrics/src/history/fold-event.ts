import type {
  ChangeEvent,
  DerivedStep,
  HeadRun,
  MessageEvent,
  MessageMark,
  TicketEvent,
  TicketHistory,
} from "@thulium-stream/contracts";

/** What the fold takes from an event beside its fixed fields. */
export interface FoldOptions {
  /** Custom field with the priority; null = there is none. */
  readonly priorityField: string | null;
}

/** A ticket of which nothing was seen yet. */
export const emptyHistory: TicketHistory = { heads: [], messages: [] };

/**
 * Folds one event into a history. The order of events does not matter and an event folded twice counts once: heads are told apart by when they were read and by their
 * version, of a message the newest version is kept. Neighbouring versions that do not differ in what figures need become one run, so that a history grows with what
 * happened and not with how often the ticket was touched. Pure; returns the same object when nothing is new.
 */
export function foldEvent(
  history: TicketHistory,
  event: ChangeEvent,
  options: FoldOptions,
): TicketHistory {
  if ("kinds" in event) {
    const heads = withHead(history.heads, headOf(event, options));
    return heads === history.heads ? history : { ...history, heads };
  }
  const messages = withMessage(history.messages, markOf(event));
  return messages === history.messages ? history : { ...history, messages };
}

function withHead(heads: readonly HeadRun[], head: HeadRun): HeadRun[] {
  let at = heads.length;
  while (at > 0 && isBefore(head, heads[at - 1])) at -= 1;
  const before = heads[at - 1];
  if (before !== undefined && holds(before, head)) return heads as HeadRun[];
  const after = heads[at];
  const next = heads.slice(0, at);
  let run = head;
  if (before !== undefined && continues(before, run)) {
    next.pop();
    run = joined(before, run);
  }
  if (after !== undefined && continues(run, after)) {
    next.push(joined(run, after));
    next.push(...heads.slice(at + 1));
    return next;
  }
  next.push(run, ...heads.slice(at));
  return next;
}

function isBefore(head: HeadRun, other: HeadRun | undefined): boolean {
  if (other === undefined) return false;
  if (head.observed_at !== other.observed_at) return head.observed_at < other.observed_at;
  return head.version < other.version;
}

/** Whether a version is part of a run already. */
function holds(run: HeadRun, { version, observed_at }: HeadRun): boolean {
  return version >= run.version && version <= run.through && observed_at <= run.last_observed_at;
}

/** What a figure may depend on: two neighbours that agree in it are one run. */
const told = [
  "deleted",
  "unlisted",
  "status_id",
  "status",
  "queue_id",
  "queue",
  "category",
  "source",
  "agent",
  "priority",
  "subject",
  "customer_id",
  "created_at",
  "closed_at",
  "vendor_responded_at",
  "vendor_first_response_s",
  "vendor_close_s",
] as const satisfies readonly (keyof HeadRun)[];

function continues(run: HeadRun, next: HeadRun): boolean {
  return (
    run.through + 1 === next.version &&
    next.steps.length === 0 &&
    told.every((field) => run[field] === next[field])
  );
}

function joined(run: HeadRun, next: HeadRun): HeadRun {
  return { ...run, through: next.through, last_observed_at: next.last_observed_at };
}

function headOf(event: TicketEvent, { priorityField }: FoldOptions): HeadRun {
  const { version, ticket, observed_at } = event;
  return {
    version,
    through: version,
    at: event.time,
    is_observation: event.time_is_observation,
    observed_at,
    last_observed_at: observed_at,
    deleted: event.type === "thulium.ticket.deleted",
    unlisted: event.kinds.includes("unlisted"),
    status_id: ticket.status_id,
    status: ticket.full_status_name,
    queue_id: ticket.ticket_queue_id,
    queue: ticket.ticket_queue_name ?? ticket.ticket_queue_id,
    category: ticket.category_id,
    source: ticket.source,
    agent: ticket.user_login,
    priority:
      priorityField === null
        ? null
        : (ticket.custom_fields.find(({ name }) => name === priorityField)?.value ?? null),
    subject: ticket.subject,
    customer_id: ticket.customer_id,
    created_at: ticket.created_at,
    closed_at: ticket.closed_at,
    updated_at: version === 1 ? ticket.updated_at : null,
    vendor_responded_at: ticket.first_agent_responded_at,
    vendor_first_response_s: ticket.vendor_first_agent_response_time_s,
    vendor_close_s: ticket.vendor_close_time_s,
    steps: event.derived.filter(isStatusStep),
  };
}

function isStatusStep({ kind, at }: DerivedStep): boolean {
  return at !== null && (kind === "status_changed" || kind === "closed" || kind === "reopened");
}

function withMessage(messages: readonly MessageMark[], mark: MessageMark): MessageMark[] {
  const at = placeOf(messages, mark.message_id);
  const held = messages[at];
  const next = messages as MessageMark[];
  if (held === undefined || held.message_id !== mark.message_id)
    return [...next.slice(0, at), mark, ...next.slice(at)];
  const first =
    held.first_observed_at < mark.first_observed_at
      ? held.first_observed_at
      : mark.first_observed_at;
  const newest = isNewer(mark, held) ? mark : held;
  if (newest === held && first === held.first_observed_at) return next;
  return next.with(at, { ...newest, first_observed_at: first });
}

/** Where a message is, or belongs: ids are in text order. */
function placeOf(messages: readonly MessageMark[], id: string): number {
  if ((messages.at(-1)?.message_id ?? "") < id) return messages.length;
  let [low, high] = [0, messages.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((messages[middle]?.message_id ?? "") < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isNewer(mark: MessageMark, held: MessageMark): boolean {
  if (mark.observed_at !== held.observed_at) return mark.observed_at > held.observed_at;
  return mark.version > held.version;
}

function markOf(event: MessageEvent): MessageMark {
  const { message_id, version, observed_at, message, time } = event;
  return {
    message_id,
    version,
    observed_at,
    first_observed_at: observed_at,
    at: message?.created_at ?? time,
    type: message?.type ?? null,
    user_login: message?.user_login ?? null,
    rating: message?.ratings.at(-1) ?? null,
    removed: message === null,
  };
}
