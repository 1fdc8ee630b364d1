import type { ChangeEvent } from "../events.ts";
import type { MessageState, TicketState } from "../state.ts";
import type { Message, Ticket } from "../ticket.ts";

/** One ticket and one message of it, told from its creation to its end: what the documents show. */
const ids = {
  created: "p3mvq6zt4wd5sx2yfhk7nra4be",
  updated: "k5uq2zc7hsy4xn6drwb3mtae2f",
  deleted: "w7hd4ktz2qs5nxfy3ubm6rca4e",
  added: "c4tr7vfx2kn5wqhs3bzy6mda2e",
  edited: "h2yb6wsq4znd7kxt3fcu5mra2e",
  rated: "q6kf2mzx5shw4bty7ndr3cua2e",
  removed: "t3nw5xhq7kzs2fdy4mbu6rca2e",
  closedHead: "d7xw4bqz2mtk5hsf3nuy6rca2e",
  text: "z2hk6fwq4sxt7nbd3myu5rca2e",
  editedText: "f4sq7kzx2hwt5mnb3dyu6rca2e",
};

const ticket: Ticket = {
  system: "acme",
  ticket_id: "1001",
  user_login: "akowalska",
  from: "Jan Nowak <jan@example.com>",
  ticket_queue_id: "32",
  ticket_queue_name: "help@acme.example",
  subject: "Paczka nie dotarła",
  category_id: "2",
  source: "email",
  status_id: "3",
  substatus_id: null,
  full_status_name: "Zamknięte",
  customer_id: "32122",
  tags: ["reklamacja"],
  created_at: "2026-11-23T08:00:00.000Z",
  created_at_raw: "2026-11-23 09:00",
  updated_at: "2026-11-23T10:31:00.000Z",
  updated_at_raw: "2026-11-23 11:31",
  closed_at: "2026-11-23T10:31:00.000Z",
  closed_at_raw: "2026-11-23 11:31",
  first_agent_responded_at: "2026-11-23T08:20:00.000Z",
  first_agent_responded_at_raw: "2026-11-23 09:20",
  vendor_close_time_s: 9060,
  vendor_close_time_raw: "2:31:00",
  vendor_first_agent_response_time_s: 1200,
  vendor_first_agent_response_time_raw: "0:20:00",
  custom_fields: [{ name: "Numer zamówienia", value: "2026/11/1234" }],
  extra: [],
};

const message: Message = {
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
  attachments: ["a1b2c3"],
  ratings: [],
  extra: [],
};

const openTicket: Ticket = {
  ...ticket,
  user_login: null,
  status_id: "1",
  full_status_name: "Nowe",
  updated_at: ticket.created_at,
  updated_at_raw: ticket.created_at_raw,
  closed_at: null,
  closed_at_raw: null,
  first_agent_responded_at: null,
  first_agent_responded_at_raw: null,
  vendor_close_time_s: null,
  vendor_close_time_raw: null,
  vendor_first_agent_response_time_s: null,
  vendor_first_agent_response_time_raw: null,
};

const { user_login, ticket_queue_id, ticket_queue_name, category_id, source } = openTicket;
const { status_id, substatus_id, full_status_name, customer_id } = openTicket;
const headIds = {
  ...{ user_login, ticket_queue_id, ticket_queue_name, category_id, source },
  ...{ status_id, substatus_id, full_status_name, customer_id },
};

const observed = (time: string, observed_at: string) => ({
  system: "acme",
  ticket_id: "1001",
  time,
  time_is_observation: false,
  observed_at,
  origin: "live" as const,
  source_updated_at: `${time.slice(0, 10)} ${String(Number(time.slice(11, 13)) + 1).padStart(2, "0")}${time.slice(13, 16)}`,
  source_updated_at_ambiguous: false,
});
const first = observed("2026-11-23T08:00:00.000Z", "2026-11-23T08:00:14.120Z");
const later = observed("2026-11-23T10:31:00.000Z", "2026-11-23T10:31:09.480Z");
const silent = { ...later, time: later.observed_at, time_is_observation: true };

/** An example of every change event, valid by its schema. */
export const exampleEvents: readonly ChangeEvent[] = [
  {
    type: "thulium.ticket.created",
    id: ids.created,
    ...first,
    version: 1,
    previous_event_id: null,
    kinds: ["created"],
    changes: [],
    derived: [],
    ticket: openTicket,
  },
  {
    type: "thulium.ticket.updated",
    id: ids.updated,
    ...later,
    version: 2,
    previous_event_id: ids.created,
    kinds: ["status_changed", "closed", "assigned"],
    changes: [
      { field: "user_login", before: null, after: "akowalska" },
      { field: "status_id", before: "1", after: "3" },
      { field: "full_status_name", before: "Nowe", after: "Zamknięte" },
    ],
    derived: [
      {
        kind: "status_changed",
        at: "2026-11-23T08:21:00.000Z",
        from: "Nowe",
        to: "W toku",
        message_id: "433",
      },
    ],
    ticket,
  },
  {
    type: "thulium.ticket.deleted",
    id: ids.deleted,
    ...silent,
    origin: "census",
    version: 3,
    previous_event_id: ids.updated,
    kinds: ["deleted"],
    changes: [],
    derived: [],
    ticket,
  },
  {
    type: "thulium.message.added",
    id: ids.added,
    ...first,
    version: 1,
    previous_event_id: null,
    message_id: "432",
    changes: [],
    message,
    ticket: headIds,
  },
  {
    type: "thulium.message.edited",
    id: ids.edited,
    ...silent,
    version: 2,
    previous_event_id: ids.added,
    message_id: "432",
    changes: [{ field: "content_hash", before: ids.text, after: ids.editedText }],
    message: { ...message, body: "Dzień dobry, gdzie jest moja paczka?" },
    ticket: headIds,
  },
  {
    type: "thulium.message.rated",
    id: ids.rated,
    ...silent,
    version: 3,
    previous_event_id: ids.edited,
    message_id: "432",
    changes: [{ field: "ratings", before: [], after: ["5"] }],
    message: { ...message, ratings: ["5"] },
    ticket: headIds,
  },
  {
    type: "thulium.message.removed",
    id: ids.removed,
    ...silent,
    version: 4,
    previous_event_id: ids.rated,
    message_id: "432",
    changes: [],
    message: null,
    ticket: headIds,
  },
];

/** An example of the value of `tickets`. */
export const exampleTicketState: TicketState = {
  ...ticket,
  content_hash: ids.closedHead,
  hash_version: 1,
  version: 2,
  last_event_id: ids.updated,
  observed_at: later.observed_at,
  listed: true,
  messages: [
    {
      message_id: "432",
      content_hash: ids.text,
      ratings: [],
      type: "MAIL",
      user_login: null,
      created_at: message.created_at,
      version: 1,
      last_event_id: ids.added,
    },
  ],
};

/** An example of the value of `messages`. */
export const exampleMessageState: MessageState = {
  ...message,
  content_hash: ids.text,
  hash_version: 1,
  version: 1,
  last_event_id: ids.added,
  observed_at: first.observed_at,
};
