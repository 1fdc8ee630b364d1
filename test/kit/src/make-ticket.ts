import type { Message, ObservedTicket, Ticket, TicketState } from "@thulium-stream/contracts";

/** A ticket head; a field that a test sets is a field that matters to it. */
export function makeTicket(fields: Partial<Ticket> = {}): Ticket {
  return {
    system: "acme",
    ticket_id: "1001",
    user_login: "akowalski",
    from: "bob@test.pl",
    ticket_queue_id: "32",
    ticket_queue_name: "help@acme.pl",
    subject: "Zamówienie nie dotarło",
    category_id: "2",
    source: "email",
    status_id: "1",
    substatus_id: null,
    full_status_name: "Nowe",
    customer_id: "32122",
    tags: [],
    created_at: "2026-11-23T08:00:00.000Z",
    created_at_raw: "2026-11-23 09:00",
    updated_at: "2026-11-23T08:30:00.000Z",
    updated_at_raw: "2026-11-23 09:30",
    closed_at: null,
    closed_at_raw: null,
    first_agent_responded_at: null,
    first_agent_responded_at_raw: null,
    vendor_close_time_s: null,
    vendor_close_time_raw: null,
    vendor_first_agent_response_time_s: null,
    vendor_first_agent_response_time_raw: null,
    custom_fields: [],
    extra: [],
    ...fields,
  };
}

/** A message of `makeTicket()`; see there. */
export function makeMessage(fields: Partial<Message> = {}): Message {
  return {
    system: "acme",
    ticket_id: "1001",
    message_id: "432",
    user_login: null,
    type: "MAIL",
    body: "Dzień dobry, gdzie jest paczka?",
    comment: null,
    system_comment: null,
    created_at: "2026-11-23T08:00:00.000Z",
    created_at_raw: "2026-11-23 09:00",
    attachments: [],
    ratings: [],
    extra: [],
    ...fields,
  };
}

/** A ticket as a page shows it, with the given messages. */
export function makeObserved(
  fields: Partial<Ticket> = {},
  messages: readonly Message[] = [],
): ObservedTicket {
  return { ticket: makeTicket(fields), messages, updatedAtAmbiguous: false };
}

/** A ticket as the topic `tickets` holds it, without messages. */
export function makeTicketState(fields: Partial<TicketState> = {}): TicketState {
  return {
    ...makeTicket(),
    content_hash: "h".repeat(26),
    hash_version: 1,
    version: 1,
    last_event_id: "e".repeat(26),
    observed_at: "2026-11-23T09:00:00.000Z",
    listed: true,
    messages: [],
    ...fields,
  };
}
