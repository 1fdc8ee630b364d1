import type {
  Change,
  Instant,
  Message,
  MessageEvent,
  MessageRef,
  ObservedContent,
  ObservedTicket,
  Ticket,
  TicketState,
} from "@thulium-stream/contracts";
import { hashVersion, messageHash } from "@thulium-stream/thulium-api/pure";
import { eventId } from "./event-id.ts";
import type { ObservationContext } from "./observation-context.ts";

/** The new state of a message, in its parts: bodies are large, and put together only as bytes. */
export interface NewMessageState {
  readonly message: Message;
  readonly observed: ObservedContent;
}

/** How the messages of an observation differ from those that are held. */
export interface MessageComparison {
  readonly isSame: boolean;
  readonly refs: MessageRef[];
  readonly added: readonly Message[];
  readonly events: readonly MessageEvent[];
  readonly states: readonly NewMessageState[];
  readonly removed: readonly string[];
}

/** Compares the messages of an observation with the references that are held, and makes their events, in chains of their own. Pure. */
export function compareMessages(
  held: TicketState | null,
  observed: ObservedTicket,
  context: ObservationContext,
): MessageComparison {
  const old = new Map((held?.messages ?? []).map((ref) => [ref.message_id, ref]));
  const refs: MessageRef[] = [];
  const added: Message[] = [];
  const events: MessageEvent[] = [];
  const states: NewMessageState[] = [];
  for (const message of observed.messages) {
    const ref = old.get(message.message_id);
    old.delete(message.message_id);
    const hash = messageHash(message);
    const steps = messageSteps(ref, message, hash);
    if (ref === undefined) added.push(message);
    let [version, last] = [ref?.version ?? 0, ref?.last_event_id ?? null];
    for (const { type, changes, content } of steps) {
      const event = messageEvent(
        type,
        observed,
        message,
        changes,
        { version: version + 1, previous: last, content },
        context,
      );
      events.push(event);
      [version, last] = [event.version, event.id];
    }
    const next = refOf(message, hash, version, last ?? "");
    refs.push(next);
    if (steps.length > 0 || (held !== null && held.hash_version !== hashVersion))
      states.push({ message, observed: observedContent(next, context.observedAt) });
  }
  for (const ref of old.values()) events.push(removalOf(ref, observed, context));
  const removed = [...old.keys()];
  return { isSame: events.length === 0, refs, added, events, states, removed };
}

/** Which steps lead from a reference to a message: added, edited, rated, or an edit and a rating. */
function messageSteps(ref: MessageRef | undefined, message: Message, hash: string) {
  if (ref === undefined)
    return [{ type: "thulium.message.added", changes: [], content: hash }] as const;
  const ratings = JSON.stringify(message.ratings);
  const isRated = ratings !== JSON.stringify(ref.ratings);
  return [
    ...(ref.content_hash === hash
      ? []
      : [
          {
            type: "thulium.message.edited",
            changes: [{ field: "content_hash", before: ref.content_hash, after: hash }],
            content: hash,
          } as const,
        ]),
    ...(isRated
      ? [
          {
            type: "thulium.message.rated",
            changes: [{ field: "ratings", before: ref.ratings, after: message.ratings }],
            content: ratings,
          } as const,
        ]
      : []),
  ];
}

function messageEvent(
  type: MessageEvent["type"],
  observed: ObservedTicket,
  message: Message,
  changes: readonly Change[],
  step: { readonly version: number; readonly previous: string | null; readonly content: string },
  context: ObservationContext,
): MessageEvent {
  const { system, ticket_id, message_id } = message;
  const happenedAt = type === "thulium.message.added" ? message.created_at : null;
  return {
    type,
    id: eventId(
      system,
      ticket_id,
      `message:${message_id}`,
      step.previous ?? context.observedAt,
      step.content,
    ),
    system,
    ticket_id,
    time: happenedAt ?? context.observedAt,
    time_is_observation: happenedAt === null,
    observed_at: context.observedAt,
    origin: context.origin,
    version: step.version,
    previous_event_id: step.previous,
    source_updated_at: observed.ticket.updated_at_raw,
    source_updated_at_ambiguous: observed.updatedAtAmbiguous,
    message_id,
    changes: [...changes],
    message,
    ticket: headIdsOf(observed.ticket),
  };
}

function removalOf(
  ref: MessageRef,
  observed: ObservedTicket,
  context: ObservationContext,
): MessageEvent {
  const { system, ticket_id, updated_at_raw } = observed.ticket;
  return {
    type: "thulium.message.removed",
    id: eventId(system, ticket_id, `message:${ref.message_id}`, ref.last_event_id, "removed"),
    system,
    ticket_id,
    time: context.observedAt,
    time_is_observation: true,
    observed_at: context.observedAt,
    origin: context.origin,
    version: ref.version + 1,
    previous_event_id: ref.last_event_id,
    source_updated_at: updated_at_raw,
    source_updated_at_ambiguous: observed.updatedAtAmbiguous,
    message_id: ref.message_id,
    changes: [],
    message: null,
    ticket: headIdsOf(observed.ticket),
  };
}

function refOf(
  { message_id, ratings, type, user_login, created_at }: Message,
  hash: string,
  version: number,
  last: string,
): MessageRef {
  return {
    message_id,
    content_hash: hash,
    ratings,
    type,
    user_login,
    created_at,
    version,
    last_event_id: last,
  };
}

function observedContent(
  { content_hash, version, last_event_id }: MessageRef,
  observedAt: Instant,
): ObservedContent {
  return {
    content_hash,
    hash_version: hashVersion,
    version,
    last_event_id,
    observed_at: observedAt,
  };
}

function headIdsOf(ticket: Ticket): MessageEvent["ticket"] {
  const {
    user_login,
    ticket_queue_id,
    ticket_queue_name,
    category_id,
    source,
    status_id,
    substatus_id,
    full_status_name,
    customer_id,
  } = ticket;
  return {
    user_login,
    ticket_queue_id,
    ticket_queue_name,
    category_id,
    source,
    status_id,
    substatus_id,
    full_status_name,
    customer_id,
  };
}
