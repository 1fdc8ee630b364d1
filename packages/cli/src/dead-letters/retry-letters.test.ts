import {
  type DeadLetter,
  decodeJson,
  type LogRecord,
  type NewRecord,
} from "@thulium-stream/contracts";
import { makeTicket } from "@thulium-stream/kit";
import { describe, expect, it } from "vitest";
import { retryOf } from "./retry-letters.ts";

const context = {
  nowMs: Date.parse("2026-11-25T12:00:00.000Z"),
  system: "acme",
  newId: () => "x-123456",
};
const letterOf = (fields: Partial<DeadLetter>): DeadLetter => ({
  system: "acme",
  letter_id: "abcdefgh".padEnd(26, "x"),
  reason: "Rejected",
  detail: "no",
  stage: "subscriber",
  key: "acme:7",
  attempts: 3,
  first_at: "2026-11-25T10:00:00.000Z",
  last_at: "2026-11-25T10:00:00.000Z",
  raw: "{}",
  position: { topic: "ticket-events", partition: 1, position: 5 },
  ...fields,
});
const event = {
  ...{ type: "thulium.ticket.deleted", id: "e".repeat(26), system: "acme", ticket_id: "7" },
  ...{ time: "2026-11-23T09:00:00.000Z", observed_at: "2026-11-23T09:00:00.000Z" },
  ...{ time_is_observation: false, origin: "live", version: 2, previous_event_id: null },
  ...{ source_updated_at: null, source_updated_at_ambiguous: false, kinds: ["deleted"] },
  ...{ changes: [], derived: [], ticket: makeTicket({ ticket_id: "7" }) },
};
const contentOf = (record: NewRecord | undefined) =>
  decodeJson({ headers: {}, ...record } as unknown as LogRecord);

describe("retrying a dead letter", () => {
  it("of a subscription gives it to that subscription again, repaired when a value is given", () => {
    const given = retryOf(letterOf({ group: "mailer" }), null, context);
    expect(given.records).toHaveLength(1);
    expect(contentOf(given.records[0])).toMatchObject({
      state: "retry",
      group: "mailer",
      raw: "{}",
    });
    expect(given.records[0]?.headers).toMatchObject({
      ts_letter_state: "retry",
      ts_letter_group: "mailer",
    });
    expect(given.told).toBe("abcdefgh: given to mailer again");
    const repaired = retryOf(letterOf({ group: "mailer" }), event, context);
    const { raw } = contentOf(repaired.records[0]) as DeadLetter;
    expect(JSON.parse(raw)).toEqual(event);
  });

  it("of a broken record publishes the repaired event at the end of its ticket, together with the letter's end", () => {
    const { records } = retryOf(letterOf({ stage: "log-record" }), event, context);
    expect(records.map(({ topic, key }) => `${topic} ${key}`)).toEqual([
      "ticket-events acme:7",
      "dead-letters acme:7",
    ]);
    expect(records[0]?.headers).toMatchObject({
      ce_type: "thulium.ticket.deleted",
      ce_id: event.id,
    });
    expect(contentOf(records[1])).toMatchObject({ state: "retried" });
  });

  it("of a row of the source has the extractor read its minute again", () => {
    const raw = '{"ticket_id":"7","created_at":"2026-11-23 09:00:11"';
    const { records, told } = retryOf(letterOf({ stage: "source-row", raw }), null, context);
    expect(contentOf(records[0])).toMatchObject({
      command: "start",
      request: { kind: "repair", created_minutes: ["2026-11-23 09:00"] },
    });
    expect(told).toContain("created at 2026-11-23 09:00");
  });

  it.each([
    ["a broken record without its repair", { stage: "log-record" }, null, "--value FILE"],
    ["a value that is no event", { stage: "log-record" }, { ...event, version: 0 }, "version"],
    [
      "an event of another ticket",
      { stage: "log-record", key: "acme:8" },
      event,
      "the letter is about acme:8",
    ],
    [
      "a state record",
      { stage: "log-record", position: { topic: "tickets", partition: 0, position: 1 } },
      event,
      "verify --repair",
    ],
    ["a page, which is tried again anyway", { stage: "source-page" }, null, "by itself"],
    ["a row without its date", { stage: "source-row", raw: "[]" }, null, "backfill --from"],
    ["a letter of no subscription", { stage: "subscriber" }, null, "verify --repair"],
  ] as [string, Partial<DeadLetter>, unknown, string][])(
    "refuses %s, saying what to do",
    (_what, fields, value, advice) => {
      expect(() => retryOf(letterOf(fields), value, context)).toThrow(advice);
    },
  );
});
