import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  encodeJson,
  instantOf,
  silentLogger,
  type TicketState,
  topics,
} from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { ManualClock, makeTicket } from "@thulium-stream/kit";
import { newId } from "@thulium-stream/runtime";
import { afterEach, beforeEach, expect, it } from "vitest";
import { TicketIndex } from "./ticket-index.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ticket-index-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const rule = { closedStatuses: ["Zamknięte"] };
const open = () => TicketIndex.open(join(folder, "index"), "acme", rule);
const at = instantOf(0);

function stateOf(id: string, fields: Partial<TicketState> = {}): TicketState {
  return {
    ...makeTicket({ ticket_id: id, created_at_raw: `2026-11-23 09:0${id.length}` }),
    content_hash: "h".repeat(26),
    hash_version: 1,
    version: 1,
    last_event_id: "e".repeat(26),
    observed_at: at,
    listed: true,
    messages: [],
    ...fields,
  };
}

it("holds states over a restart, by id, by creation, and open ones", async () => {
  const index = open();
  index.apply([stateOf("7"), stateOf("88"), stateOf("999", { full_status_name: "Zamknięte" })], []);
  index.apply([stateOf("88", { listed: false })], ["7"]);
  await index.close();
  const again = open();
  expect(again.size).toBe(2);
  expect(again.get("88")).toEqual(stateOf("88", { listed: false }));
  expect(again.get("7")).toBe(null);
  expect([...again.createdBetween("2026-11-23 09:01", "2026-11-23 09:02")]).toEqual([
    { ticketId: "88", created: "2026-11-23 09:02", listed: false },
  ]);
  expect([...again.createdBetween()].map(({ ticketId }) => ticketId)).toEqual(["88", "999"]);
  expect([...again.openTickets()]).toEqual([]);
  await again.close();
});

it("E2: two listings at once do not make each other's tickets look missing", async () => {
  const index = open();
  index.markListed(["a", "b"], 10);
  index.markListed(["b", "c"], 20);
  index.markListed(["b", "d"], 10);
  const shown = (generation: number) =>
    ["a", "b", "c", "d"].filter((id) => index.wasListed(id, generation));
  expect([shown(10), shown(20)]).toEqual([
    ["a", "b", "c", "d"],
    ["b", "c"],
  ]);
  await index.close();
});

it("begins anew with another log, and can be read after that and a restart", async () => {
  const clock = new ManualClock(at);
  const log = await openEmbeddedLog({
    folder: join(folder, "log"),
    clock,
    logger: silentLogger,
    newId,
  });
  await log.ensureTopics(topics);
  const index = open();
  index.apply([stateOf("1"), stateOf("22")], []);
  const writer = await log.openWriter("test");
  await writer.append([{ topic: "tickets", key: "acme:333", value: encodeJson(stateOf("333")) }]);
  await index.follow(log, "another log", at);
  expect([index.size, index.get("1"), index.get("333")]).toEqual([1, null, stateOf("333")]);
  await index.close();
  const again = open();
  expect(again.get("333")).toEqual(stateOf("333"));
  again.apply([stateOf("4444")], []);
  expect(again.size).toBe(2);
  await again.close();
  await log.close();
});
