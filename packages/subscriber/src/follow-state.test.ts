import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type EventLog,
  encodeJson,
  type NewRecord,
  silentLogger,
  topics,
} from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { makeMessage, makeTicket } from "@thulium-stream/kit";
import { systemClock } from "@thulium-stream/runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { followState } from "./follow-state.ts";

let folder: string;
let log: EventLog;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "state-"));
  log = await openEmbeddedLog({
    folder,
    clock: systemClock,
    logger: silentLogger,
    newId: randomUUID,
  });
  await log.ensureTopics(topics);
});
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true });
});

const observed = {
  content_hash: "h".repeat(26),
  hash_version: 1,
  version: 1,
  last_event_id: "e".repeat(26),
  observed_at: "2026-11-23T09:00:00.000Z",
};
const ticketRecord = (id: string, subject: string): NewRecord => ({
  topic: "tickets",
  key: `acme:${id}`,
  value: encodeJson({
    ...makeTicket({ ticket_id: id, subject }),
    ...observed,
    listed: true,
    messages: [],
  }),
});
const messageRecord = (id: string, message_id: string): NewRecord => ({
  topic: "messages",
  key: `acme:${id}:${message_id}`,
  partitionKey: `acme:${id}`,
  value: encodeJson({ ...makeMessage({ ticket_id: id, message_id }), ...observed }),
});

async function append(...records: NewRecord[]): Promise<void> {
  const writer = await log.openWriter("w");
  await writer.append(records);
  await writer.close();
}

describe("followState", () => {
  it("tells all that is, says when that is complete, and goes on with what changes", async () => {
    await append(
      ticketRecord("1", "a"),
      ticketRecord("2", "b"),
      ticketRecord("2", "b2"),
      messageRecord("1", "10"),
    );
    await append({ topic: "tickets", key: "acme:1", value: null });
    const tickets = new Map<string, string | null>();
    const messages: string[] = [];
    const ending = new AbortController();
    let complete = 0;
    const following = followState({
      log,
      signal: ending.signal,
      onTicket: ({ ticketId }, state) => {
        if (state === null) tickets.delete(ticketId);
        else tickets.set(ticketId, state.subject);
      },
      onMessage: ({ ticketId, messageId }, state) =>
        void messages.push(`${ticketId}/${messageId} ${state?.type ?? "gone"}`),
      onCaughtUp: () => {
        complete += 1;
        expect([...tickets]).toEqual([["2", "b2"]]);
        expect(messages).toEqual(["1/10 MAIL"]);
      },
    });
    await expect.poll(() => complete, { timeout: 30_000 }).toBe(1);
    await append(ticketRecord("3", "c"), {
      topic: "messages",
      key: "acme:1:10",
      partitionKey: "acme:1",
      value: null,
    });
    await expect
      .poll(() => [...tickets.keys(), ...messages], { timeout: 30_000 })
      .toEqual(["2", "3", "1/10 MAIL", "1/10 gone"]);
    ending.abort();
    await following;
    expect(complete).toBe(1);
  });

  it("of an empty log is complete at once", async () => {
    const ending = new AbortController();
    await followState({
      log,
      signal: ending.signal,
      onTicket: () => {},
      onCaughtUp: () => ending.abort(),
    });
  });

  it("passes over what is broken, foreign or of a newer major, and says so", async () => {
    const fine = ticketRecord("4", "d");
    await append(
      { topic: "tickets", key: "acme:1", value: Buffer.from("no json") },
      { topic: "tickets", key: "nobody", value: Buffer.from("{}") },
      { topic: "tickets", key: "acme:2", value: encodeJson({ subject: 1 }) },
      {
        ...ticketRecord("3", "c"),
        headers: { ce_dataschema: "urn:thulium-stream:schema:2:ticket-state" },
      },
      fine,
    );
    const told: string[] = [];
    const errors: string[] = [];
    const ending = new AbortController();
    await followState({
      log,
      signal: ending.signal,
      onTicket: ({ ticketId }) => void told.push(ticketId),
      onCaughtUp: () => ending.abort(),
      logger: { ...silentLogger, error: (fields) => void errors.push(JSON.stringify(fields)) },
    });
    expect(told).toEqual(["4"]);
    expect(errors).toHaveLength(4);
    expect(errors.join()).toMatch(/UTF-8 JSON.*|version 2 of the contract/);
  });

  it("ends with the error of a handler", async () => {
    await append(ticketRecord("1", "a"));
    const broken = followState({
      log,
      signal: new AbortController().signal,
      onTicket: () => {
        throw new Error("the view is broken");
      },
    });
    await expect(broken).rejects.toThrow("the view is broken");
  });
});
