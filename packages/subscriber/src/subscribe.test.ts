import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type EventLog,
  recordOfEvent,
  silentLogger,
  type TicketEvent,
  topics,
} from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { makeTicket, VirtualClock } from "@thulium-stream/kit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type EventContext, type Handlers, subscribe } from "./subscribe.ts";

let folder: string;
let log: EventLog;
let ids = 0;
const clock = new VirtualClock("2026-11-23T09:00:00.000Z");
const newId = () => {
  ids += 1;
  return `member-${ids}`;
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "subscriber-"));
  log = await openEmbeddedLog({ folder, clock, logger: silentLogger, newId });
  await log.ensureTopics(topics);
});
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true });
});

const eventOf = (n: number): TicketEvent => ({
  type: "thulium.ticket.updated",
  id: String(n).padStart(26, "a"),
  system: "acme",
  ticket_id: "7",
  time: "2026-11-23T09:00:00.000Z",
  time_is_observation: false,
  observed_at: "2026-11-23T09:00:00.000Z",
  origin: "live",
  version: n,
  previous_event_id: null,
  source_updated_at: null,
  source_updated_at_ambiguous: false,
  kinds: ["closed"],
  changes: [],
  derived: [],
  ticket: makeTicket({ ticket_id: "7" }),
});

async function append(...values: (TicketEvent | Uint8Array)[]): Promise<void> {
  const writer = await log.openWriter("w");
  await writer.append(
    values.map((value) =>
      value instanceof Uint8Array
        ? { topic: "ticket-events", key: "acme:7", value }
        : recordOfEvent(value, 1),
    ),
  );
  await writer.close();
}

/** Subscribes until `enough` says so. */
async function until(on: Handlers, enough: () => boolean, letters: unknown[] = []): Promise<void> {
  const controller = new AbortController();
  const running = subscribe({
    log,
    group: "g",
    on,
    clock,
    logger: silentLogger,
    signal: controller.signal,
    maxAttempts: 3,
    deadLetter: async (letter) => void letters.push(letter),
  });
  await expect.poll(enough).toBe(true);
  controller.abort();
  await running;
}

describe("subscribe", () => {
  it("hands over every event in order, and goes on behind what was done", async () => {
    await append(eventOf(1), eventOf(2));
    const seen: [number, boolean][] = [];
    const on: Handlers = {
      "ticket.updated": (event, { redelivered }: EventContext) =>
        void seen.push([event.version, redelivered]),
    };
    await until(on, () => seen.length === 2);
    await append(eventOf(3));
    await until(on, () => seen.length === 3);
    expect(seen.map(([version]) => version)).toEqual([1, 2, 3]);
    // What lay on the log when the partition was assigned may have been delivered before.
    expect(seen[0]?.[1]).toBe(true);
  });

  it("repeats an event until it is handled, before the next of its partition", async () => {
    await append(eventOf(1), eventOf(2));
    const tries: string[] = [];
    await until(
      {
        "ticket.updated": (event, { attempt }) => {
          tries.push(`${event.version}/${attempt}`);
          if (event.version === 1 && attempt < 3) throw new Error("not yet");
        },
      },
      () => tries.length === 4,
    );
    expect(tries).toEqual(["1/1", "1/2", "1/3", "2/1"]);
  });

  it("sets aside what cannot be handled or read, with its text, and goes on", async () => {
    await append(
      eventOf(1),
      new TextEncoder().encode("no json"),
      { ...eventOf(2), version: -1 },
      eventOf(3),
    );
    const seen: number[] = [];
    const letters: { reason: string; raw: string; detail: string }[] = [];
    await until(
      {
        "ticket.updated": (event) => {
          if (event.version === 1) throw new Error("never");
          seen.push(event.version);
        },
      },
      () => seen.length === 1,
      letters,
    );
    expect(seen).toEqual([3]);
    expect(letters.map(({ reason }) => reason)).toEqual([
      "Rejected",
      "CorruptRecord",
      "CorruptRecord",
    ]);
    expect(letters[1]?.raw).toBe("no json");
    expect(letters[2]?.detail).toContain("version");
  });

  it("refuses to subscribe to nothing", async () => {
    await expect(until({}, () => true)).rejects.toThrow("has no handler");
  });
});
