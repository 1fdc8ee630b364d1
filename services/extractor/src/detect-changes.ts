import type {
  Change,
  DerivedStep,
  Kind,
  Message,
  MessageEvent,
  ObservedTicket,
  Ticket,
  TicketEvent,
  TicketState,
} from "@thulium-stream/contracts";
import { hashVersion, ticketHash } from "@thulium-stream/thulium-api/pure";
import { type ClosedRule, changesBetween, kindsOf } from "./compare-heads.ts";
import { compareMessages, type NewMessageState } from "./compare-messages.ts";
import { eventId } from "./event-id.ts";
import type { ObservationContext, StepPattern } from "./observation-context.ts";

/** What an observation brings: nothing when `state` is null. */
export interface Detected {
  /** The ticket's new state; null when nothing at all is new. */
  readonly state: TicketState | null;
  readonly ticketEvent: TicketEvent | null;
  readonly messageEvents: readonly MessageEvent[];
  /** Messages whose state is new. */
  readonly messageStates: readonly NewMessageState[];
  /** Messages that are gone. */
  readonly removedMessageIds: readonly string[];
}

const nothing: Detected = {
  state: null,
  ticketEvent: null,
  messageEvents: [],
  messageStates: [],
  removedMessageIds: [],
};

/**
 * Compares an observation with what is held and makes the events (E2): pure, and the same for the same input, ids included. Content decides, not
 * stamps. State hashed by another version of the normaliser is re-based without an event; so is the first appearance of an unknown field.
 */
export function detectChanges(
  held: TicketState | null,
  observed: ObservedTicket,
  context: ObservationContext,
): Detected {
  const headHash = ticketHash(observed.ticket);
  const messages = compareMessages(held, observed, context);
  const isHeadSame = held !== null && held.content_hash === headHash && held.listed;
  if (held !== null && isHeadSame && messages.isSame && held.hash_version === hashVersion)
    return nothing;
  const isRebase = held !== null && held.hash_version !== hashVersion;
  const changes = held === null || isRebase ? [] : changesBetween(held, observed.ticket);
  const kinds =
    held === null
      ? (["created"] as const)
      : isRebase
        ? []
        : ticketKinds(held, observed, changes, messages.added, context);
  const ticketEvent =
    kinds.length === 0
      ? null
      : makeTicketEvent(held, observed, headHash, changes, kinds, messages.added, context);
  const state: TicketState = {
    ...observed.ticket,
    content_hash: headHash,
    hash_version: hashVersion,
    version: ticketEvent?.version ?? held?.version ?? 1,
    last_event_id: ticketEvent?.id ?? held?.last_event_id ?? "",
    observed_at: isHeadSame ? held.observed_at : context.observedAt,
    listed: true,
    messages: messages.refs,
  };
  return {
    state,
    ticketEvent,
    messageEvents: isRebase ? [] : messages.events,
    messageStates: messages.states,
    removedMessageIds: messages.removed,
  };
}

/** The event of a ticket that is gone, confirmed twice. Its messages go without events of their own. */
export function deletionOf(held: TicketState, context: ObservationContext): TicketEvent {
  return { ...silentEvent(held, "thulium.ticket.deleted", ["deleted"], context) };
}

/** The event and state of a ticket that exists but is no longer listed: merged into another. */
export function unlistingOf(
  held: TicketState,
  context: ObservationContext,
): { event: TicketEvent; state: TicketState } {
  const event = silentEvent(held, "thulium.ticket.updated", ["unlisted"], context);
  return {
    event,
    state: {
      ...held,
      listed: false,
      version: event.version,
      last_event_id: event.id,
      observed_at: context.observedAt,
    },
  };
}

function silentEvent(
  held: TicketState,
  type: TicketEvent["type"],
  kinds: Kind[],
  { observedAt, origin }: ObservationContext,
): TicketEvent {
  return {
    type,
    id: eventId(
      held.system,
      held.ticket_id,
      "ticket",
      held.last_event_id,
      `${kinds.join()}:${held.content_hash}`,
    ),
    system: held.system,
    ticket_id: held.ticket_id,
    time: observedAt,
    time_is_observation: true,
    observed_at: observedAt,
    origin,
    version: held.version + 1,
    previous_event_id: held.last_event_id,
    source_updated_at: held.updated_at_raw,
    source_updated_at_ambiguous: false,
    kinds,
    changes: [],
    derived: [],
    ticket: headOf(held),
  };
}

function ticketKinds(
  held: TicketState,
  { ticket }: ObservedTicket,
  changes: readonly Change[],
  added: readonly Message[],
  rule: ClosedRule,
): readonly Kind[] {
  const kinds = new Set<Kind>(kindsOf(changes, held, ticket, rule));
  for (const { type, user_login } of added) {
    if (type === "REPLY") kinds.add("responded");
    else if (type === "MAIL" && user_login === null) kinds.add("customer_replied");
    else kinds.add("commented");
  }
  const isNews = changes.length > 0 || !held.listed;
  if (kinds.size === 0 && isNews) kinds.add("other");
  return [...kinds];
}

function makeTicketEvent(
  held: TicketState | null,
  { ticket, updatedAtAmbiguous }: ObservedTicket,
  headHash: string,
  changes: readonly Change[],
  kinds: readonly Kind[],
  added: readonly Message[],
  context: ObservationContext,
): TicketEvent {
  const { system, ticket_id } = ticket;
  const moved = held === null || changes.some(({ field }) => field === "updated_at");
  const happenedAt = held === null ? ticket.created_at : moved ? ticket.updated_at : null;
  const previous = held?.last_event_id ?? null;
  return {
    type: held === null ? "thulium.ticket.created" : "thulium.ticket.updated",
    id: eventId(system, ticket_id, "ticket", previous ?? context.observedAt, headHash),
    system,
    ticket_id,
    time: happenedAt ?? context.observedAt,
    time_is_observation: happenedAt === null,
    observed_at: context.observedAt,
    origin: context.origin,
    version: (held?.version ?? 0) + 1,
    previous_event_id: previous,
    source_updated_at: ticket.updated_at_raw,
    source_updated_at_ambiguous: updatedAtAmbiguous,
    kinds: [...kinds],
    changes: [...changes],
    derived: derivedSteps(added, context.stepPatterns),
    ticket,
  };
}

function headOf(state: TicketState): Ticket {
  const {
    content_hash: _1,
    hash_version: _2,
    version: _3,
    last_event_id: _4,
    observed_at: _5,
    listed: _6,
    messages: _7,
    ...head
  } = state;
  return head;
}

function derivedSteps(added: readonly Message[], patterns: readonly StepPattern[]): DerivedStep[] {
  return added.flatMap(({ system_comment, created_at, message_id }) =>
    (system_comment ?? "").split(/\r?\n/).flatMap((line) =>
      patterns.flatMap(({ kind, pattern }) => {
        const groups = pattern.exec(line)?.groups;
        return groups === undefined
          ? []
          : [
              {
                kind,
                at: created_at,
                from: groups["from"] ?? null,
                to: groups["to"] ?? null,
                message_id,
              },
            ];
      }),
    ),
  );
}
