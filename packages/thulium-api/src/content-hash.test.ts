import { encodeMessageState, type Message, type Ticket } from "@thulium-stream/contracts";
import { makeMessage, makeTicket } from "@thulium-stream/kit";
import { describe, expect, it } from "vitest";
import { hashVersion, messageHash, ticketHash } from "./content-hash.ts";

/** Another value of a field's own type. */
function another(value: unknown): unknown {
  if (Array.isArray(value)) return [{ name: "n", value: "1" }];
  return typeof value === "number" ? value + 1 : "2026-11-23 09:59";
}

describe("the content hash", () => {
  /** Read off a raw text that is hashed itself. */
  const derived: readonly (keyof Ticket)[] = [
    "created_at",
    "updated_at",
    "closed_at",
    "first_agent_responded_at",
    "vendor_close_time_s",
    "vendor_first_agent_response_time_s",
  ];
  const heads = Object.keys(makeTicket()) as (keyof Ticket)[];
  it.each(heads)("of a head covers %s, or a raw text that it is read off", (field) => {
    const changed = { ...makeTicket(), [field]: another(makeTicket()[field]) };
    expect(ticketHash(changed) === ticketHash(makeTicket())).toBe(derived.includes(field));
  });

  const messages = Object.keys(makeMessage()) as (keyof Message)[];
  it.each(messages)("of a message covers %s, but not the ratings", (field) => {
    const changed = { ...makeMessage(), [field]: another(makeMessage()[field]) };
    const isLeftOut = field === "created_at" || field === "ratings";
    expect(messageHash(changed) === messageHash(makeMessage())).toBe(isLeftOut);
  });

  it("counts stamps by the minute", () => {
    const seconds = { created_at_raw: "2026-11-23 09:00:41" };
    expect(messageHash(makeMessage(seconds))).toBe(messageHash(makeMessage()));
    expect(ticketHash(makeTicket(seconds))).toBe(ticketHash(makeTicket()));
  });
});

it("a message is put into JSON whole, with what else is known", () => {
  const message = makeMessage({ body: 'lone \ud800 "quoted"', ratings: ["5"], attachments: ["a"] });
  const observed = {
    content_hash: messageHash(message),
    hash_version: hashVersion,
    version: 2,
    last_event_id: "e",
    observed_at: "2026-11-23T08:00:00.000Z",
  };
  const bytes = encodeMessageState(message, observed);
  expect(JSON.parse(Buffer.from(bytes).toString())).toEqual({ ...message, ...observed });
});
