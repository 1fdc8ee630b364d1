import { describe, expect, it } from "vitest";
import type { ErasureState } from "./erasure.ts";
import { ErasureList, erasedHash } from "./erasure-list.ts";

const key = "k".repeat(64);
const erasure = (id: string, fields: Partial<ErasureState>): ErasureState => ({
  system: "acme",
  erasure_id: id,
  subject: "ticket",
  subject_hash: "",
  ticket_hashes: [],
  state: "erased",
  revision: 1,
  requested_at: "2026-11-23T12:00:00.000Z",
  erased_at: null,
  log_ends: null,
  tickets: 0,
  messages: 0,
  dead_letters: 0,
  dead_letters_left: null,
  ...fields,
});
const list = new ErasureList(
  "acme",
  key,
  new Map([
    ["a", erasure("a", { subject_hash: erasedHash(key, "ticket", "12") })],
    [
      "b",
      erasure("b", {
        subject: "customer",
        subject_hash: erasedHash(key, "customer", "77"),
        ticket_hashes: [erasedHash(key, "ticket", "30")],
      }),
    ],
  ]),
);
const record = (fields: object) => ({ key: null, value: null, headers: {}, ...fields });
const bytes = (text: string) => Buffer.from(text);

describe("the list of what was erased", () => {
  it("knows tickets by their id and by their customer's, and never one for the other", () => {
    expect(list.erasureOf({ ticketId: "12" })).toBe("a");
    expect(list.erasureOf({ ticketId: "30", customerId: null })).toBe("b");
    expect(list.erasureOf({ ticketId: "1", customerId: "77" })).toBe("b");
    expect(list.erasureOf({ ticketId: "77", customerId: "12" })).toBe(null);
    expect(list.erasureOf({ ticketId: null, customerId: null })).toBe(null);
  });

  it.each([
    ['{"ticket_id":"12"}', "a"],
    ['{"x":[{"ticket_id": 12 }', "a"],
    ['{"raw":"{\\"customer_id\\":\\"77\\",\\"broken"}', "b"],
    ['{"raw":"{\\\\\\"customer_id\\\\\\": 77}"}', "b"],
    ['{"dataref":"claims/acme/30/abc"}', "b"],
    ['{"ticket_id":"120","message_id":"12","customer_id":null}', null],
    ['{"ticket_id":"1","note":"ticket_id 12"}', null],
    ["", null],
  ])("finds ids in %s: %s", (text, found) => {
    expect(list.erasureOfText(text)).toBe(found);
  });

  it("finds records by key, headers and text, those of other systems left alone", () => {
    expect(list.erasureOfRecord(record({ key: "acme:12" }))).toBe("a");
    expect(list.erasureOfRecord(record({ key: "acme:30:5" }))).toBe("b");
    expect(list.erasureOfRecord(record({ key: "12" }))).toBe("a");
    expect(list.erasureOfRecord(record({ headers: { ce_subject: "12" } }))).toBe("a");
    const other = { key: "acme:1", value: bytes('{"ticket":{"customer_id":"77"}}') };
    expect(list.erasureOfRecord(record(other))).toBe("b");
    expect(list.erasureOfRecord(record({ ...other, key: "umbrella:1" }))).toBe(null);
    expect(list.erasureOfRecord(record({ key: "umbrella:12" }))).toBe(null);
    const bare = bytes('{"system":"umbrella","raw":"{\\"ticket_id\\":12}"}');
    expect(list.erasureOfRecord(record({ key: "x", value: bare }))).toBe(null);
  });

  it("of a log where nothing was erased needs no key", () => {
    const empty = new ErasureList("acme", null, new Map());
    expect(empty.isEmpty).toBe(true);
    expect(empty.erasureOf({ ticketId: "12" })).toBe(null);
    expect(() => empty.hashOf("ticket", "12")).toThrow("no key");
  });

  it("hashes with the key: another key, another hash", () => {
    expect(erasedHash(key, "ticket", "12")).toMatch(/^[a-z2-7]{26}$/);
    expect(erasedHash("other", "ticket", "12")).not.toBe(erasedHash(key, "ticket", "12"));
  });
});
