import { randomBytes } from "node:crypto";
import {
  type DeadLetter,
  deadLetter,
  decodeJson,
  type EventLog,
  type LogReader,
  laterLetter,
  type NewRecord,
  recordOfEvent,
  recordOfLetter,
  type TicketEvent,
  topics,
} from "@thulium-stream/contracts";
import { makeTicket } from "@thulium-stream/kit";
import type { EventLogUnderTest } from "@thulium-stream/kit/conformance";
import { batchesToEnd, Registry, systemClock } from "@thulium-stream/runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Handlers } from "./handlers.ts";
import { type SubscribeOptions, subscribe } from "./subscribe.ts";

const patient = { timeout: 60_000, interval: 20 };
const limits = { timeout: 120_000 };

/** An event of a ticket; versions of one ticket are its order. */
function eventOf(ticketId: string, version: number, over: Partial<TicketEvent> = {}): TicketEvent {
  return {
    type: "thulium.ticket.updated",
    id: `${ticketId}x${version}`.padEnd(26, "a"),
    system: "acme",
    ticket_id: ticketId,
    time: "2026-11-23T09:00:00.000Z",
    time_is_observation: false,
    observed_at: "2026-11-23T09:00:00.000Z",
    origin: "live",
    version,
    previous_event_id: null,
    source_updated_at: null,
    source_updated_at_ambiguous: false,
    kinds: ["closed"],
    changes: [],
    derived: [],
    ticket: makeTicket({ ticket_id: ticketId }),
    ...over,
  } as TicketEvent;
}

/** A log that counts the bytes which its readers deliver; `most` is what was delivered and not handled at one time. */
function countBytes(log: EventLog) {
  const counts = { delivered: 0, handled: 0, most: 0, largest: 0, log };
  const counting = (reader: LogReader): LogReader => ({
    pause: (partitions) => reader.pause(partitions),
    commit: (positions) => reader.commit(positions),
    close: () => reader.close(),
    next: async (how) => {
      const delivery = await reader.next(how);
      if (delivery.kind !== "batch") return delivery;
      const bytes = delivery.records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
      counts.delivered += bytes;
      counts.largest = Math.max(counts.largest, bytes);
      counts.most = Math.max(counts.most, counts.delivered - counts.handled);
      return delivery;
    },
  });
  counts.log = {
    ensureTopics: (specs) => log.ensureTopics(specs),
    openWriter: (id) => log.openWriter(id),
    openReader: async (options) => counting(await log.openReader(options)),
    ends: (topic) => log.ends(topic),
    positionsAt: (topic, atMs) => log.positionsAt(topic, atMs),
    purge: (before) => log.purge(before),
    close: () => log.close(),
  };
  return counts;
}

/** What subscribers can rely on, against one kind of log. Each test gets a fresh log. */
export function subscriberSuite(name: string, open: () => Promise<EventLogUnderTest>): void {
  describe(`${name}: a subscription`, limits, () => {
    let subject: EventLogUnderTest;
    let log: EventLog;
    let running: { readonly ended: Promise<void>; stop(): Promise<void> }[] = [];
    beforeEach(async () => {
      subject = await open();
      log = subject.log;
      await log.ensureTopics(topics);
    });
    afterEach(async () => {
      await Promise.all(running.map(({ stop }) => stop().catch(() => {})));
      running = [];
      await subject.dispose();
    });

    /** Starts a member; `stop` ends it and tells how it ended. */
    function start(on: Handlers, options: Partial<SubscribeOptions> = {}) {
      const controller = new AbortController();
      const ended = subscribe({ log, group: "g", on, signal: controller.signal, ...options });
      ended.catch(() => {});
      const member = {
        ended,
        stop: async () => {
          controller.abort();
          await ended;
        },
      };
      running.push(member);
      return member;
    }

    async function append(...records: (TicketEvent | NewRecord)[]): Promise<void> {
      const writer = await log.openWriter("w");
      await writer.append(records.map((one) => ("topic" in one ? one : recordOfEvent(one, 1))));
      await writer.close();
    }

    async function letters(): Promise<DeadLetter[]> {
      const found = new Map<string, DeadLetter>();
      for await (const { records } of batchesToEnd(log, "dead-letters"))
        for (const record of records) {
          const letter = deadLetter.parse(decodeJson(record));
          found.set(letter.letter_id, laterLetter(found.get(letter.letter_id), letter));
        }
      return [...found.values()];
    }

    it("gets every event in order and typed, and a later member goes on behind what was done", async () => {
      await append(eventOf("7", 1), eventOf("7", 2));
      const seen: [number, boolean][] = [];
      const on: Handlers = {
        "ticket.updated": ({ version }, { redelivered }) => void seen.push([version, redelivered]),
      };
      const first = start(on);
      await expect.poll(() => seen.length, patient).toBe(2);
      await append(eventOf("7", 3));
      await expect.poll(() => seen.length, patient).toBe(3);
      await first.stop();
      await append(eventOf("7", 4));
      start(on);
      await expect.poll(() => seen.length, patient).toBe(4);
      // What lay on the log when the partition was assigned may have been delivered before; what came later not.
      expect(seen).toEqual([
        [1, true],
        [2, true],
        [3, false],
        [4, true],
      ]);
    });

    it("repeats an event until it is handled, before the next of its ticket, and holds up no other partition", async () => {
      const tries: string[] = [];
      const others: string[] = [];
      let isRepaired = false;
      start(
        {
          "ticket.updated": ({ ticket_id, version }, { attempt, redelivered }) => {
            if (ticket_id !== "7") return void others.push(`${ticket_id}/${version}`);
            expect(redelivered || attempt === 1).toBe(true);
            if (version === 1 && !isRepaired) throw new Error("not yet");
            tries.push(`${version}`);
          },
        },
        { maxAttempts: 1_000, startAt: "earliest" },
      );
      await append(eventOf("7", 1), eventOf("7", 2));
      const tickets = Array.from({ length: 40 }, (_, n) => String(100 + n));
      for (let version = 1; version <= 3; version += 1)
        await append(...tickets.map((ticket) => eventOf(ticket, version)));
      const partitionOf = await partitions();
      const free = tickets.filter((ticket) => partitionOf.get(ticket) !== partitionOf.get("7"));
      expect(free.length).toBeGreaterThan(20);
      const wanted = free.flatMap((ticket) => [1, 2, 3].map((version) => `${ticket}/${version}`));
      await expect.poll(() => wanted.filter((one) => !others.includes(one)), patient).toEqual([]);
      expect(tries).toEqual([]);
      isRepaired = true;
      await expect.poll(() => tries, patient).toEqual(["1", "2"]);
    });

    it("goes on in the free partitions also when the blocked one is longer than what may wait", async () => {
      let isRepaired = false;
      const done = new Set<string>();
      const padding = randomBytes(50_000).toString("hex");
      const counted = countBytes(log);
      const large = (ticket: string, version: number) =>
        eventOf(ticket, version, {
          ticket: makeTicket({ ticket_id: ticket, subject: padding }),
        } as Partial<TicketEvent>);
      start(
        {
          "ticket.updated": ({ ticket_id, version }) => {
            if (ticket_id === "7" && !isRepaired) throw new Error("not yet");
            done.add(`${ticket_id}/${version}`);
            counted.handled += 100_000;
          },
        },
        { log: counted.log, maxAttempts: 1_000, maxBufferedBytes: 1_000_000 },
      );
      for (let version = 1; version <= 30; version += 1) await append(large("7", version));
      const tickets = Array.from({ length: 12 }, (_, n) => String(100 + n));
      for (const ticket of tickets) await append(large(ticket, 1));
      const partitionOf = await partitions();
      const free = tickets.filter((ticket) => partitionOf.get(ticket) !== partitionOf.get("7"));
      await expect.poll(() => free.every((ticket) => done.has(`${ticket}/1`)), patient).toBe(true);
      // Longer than it takes to be found slow; all of the blocked ticket would be three times the limit.
      await systemClock.sleep(1_500);
      expect(counted.most).toBeLessThanOrEqual(1_000_000 + 3 * counted.largest);
      expect(counted.most).toBeLessThan(2_000_000);
      isRepaired = true;
      await expect.poll(() => done.size, patient).toBe(30 + tickets.length);
    });

    it("holds no more than it may beside what is in work, however fast events come", async () => {
      const limit = 2_000_000;
      const counted = countBytes(log);
      const padding = randomBytes(25_000).toString("hex");
      const events = Array.from({ length: 200 }, (_, n) =>
        eventOf(String(n), 1, {
          ticket: makeTicket({ ticket_id: String(n), subject: padding }),
        } as Partial<TicketEvent>),
      );
      for (let at = 0; at < events.length; at += 20) await append(...events.slice(at, at + 20));
      let count = 0;
      start(
        {
          "ticket.updated": async (event) => {
            await new Promise((resolve) => setTimeout(resolve, 2));
            counted.handled += JSON.stringify(event).length;
            count += 1;
          },
        },
        { log: counted.log, maxBufferedBytes: limit },
      );
      await expect.poll(() => count, patient).toBe(200);
      expect(counted.delivered).toBeGreaterThan(3 * limit);
      expect(counted.most).toBeLessThanOrEqual(limit + counted.largest);
    });

    it("sets aside what cannot be handled or read, saying why, and goes on", async () => {
      const fine = recordOfEvent(eventOf("7", 9), 1);
      await append(
        eventOf("7", 1),
        {
          topic: "ticket-events",
          key: "acme:7",
          value: Buffer.from("no json"),
          headers: { ...fine.headers },
        },
        { ...fine, value: Buffer.from([0xff, 0xfe, 0x00]) },
        { topic: "ticket-events", key: "acme:7", value: Buffer.from("{}"), headers: {} },
        {
          topic: "ticket-events",
          key: "acme:7",
          value: Buffer.from("{}"),
          headers: { ce_type: "com.other" },
        },
        {
          ...fine,
          headers: { ...fine.headers, ce_dataschema: "urn:thulium-stream:schema:2:ticket.updated" },
        },
        { ...fine, headers: { ...fine.headers, ce_type: "thulium.ticket.merged" } },
        eventOf("7", -1),
        eventOf("7", 3),
      );
      const seen: number[] = [];
      start(
        {
          "ticket.updated": ({ version }) => {
            if (version === 1) throw new Error("never");
            seen.push(version);
          },
        },
        { maxAttempts: 2 },
      );
      await expect.poll(() => seen, patient).toEqual([3]);
      const found = await letters();
      const about = found.map(
        ({ reason, stage, attempts, detail }) => `${reason} ${stage} ${attempts} ${detail}`,
      );
      expect(about).toHaveLength(7);
      expect(about[0]).toBe("Rejected subscriber 2 never");
      expect(about[1]).toMatch(/^CorruptRecord log-record 1 .*is not UTF-8 JSON/);
      expect(about[2]).toMatch(/^CorruptRecord log-record 1 .*is not UTF-8 JSON/);
      expect(about[3]).toMatch(/^CorruptRecord log-record 1 .*has no ce_type/);
      expect(about[4]).toMatch(/^CorruptRecord log-record 1 .*com\.other/);
      expect(about[5]).toMatch(
        /^Rejected subscriber 1 .*version 2 of the contract.*knows version 1/,
      );
      expect(about[6]).toMatch(/^CorruptRecord log-record 1 .*version/);
      expect(found.map(({ key }) => key)).toEqual(Array(7).fill("acme:7"));
      expect(found[1]?.raw).toBe("no json");
      expect(found[2]?.raw).toBe("base64://4A");
      expect(found[0]).toMatchObject({ group: "g", position: { topic: "ticket-events" } });
    });

    it("gives a letter that is retried to its own group again, and tells what became of it", async () => {
      let isRepaired = false;
      const seen: string[] = [];
      const member = (group: string) =>
        start(
          {
            "ticket.updated": ({ version }, { redelivered }) => {
              if (version === 1 && group === "g" && !isRepaired)
                throw new Error("the mail server refuses");
              seen.push(`${group} ${version} ${redelivered}`);
            },
          },
          { group, maxAttempts: 2 },
        );
      await append(eventOf("7", 1), eventOf("7", 2));
      member("g");
      member("other");
      await expect
        .poll(() => seen.toSorted(), patient)
        .toEqual(["g 2 true", "other 1 true", "other 2 true"]);
      const retry = async () => {
        const [letter] = await letters();
        expect(letter).toMatchObject({ group: "g", detail: "the mail server refuses" });
        await append(recordOfLetter({ ...(letter as DeadLetter), state: "retry" }));
      };
      await retry();
      await expect
        .poll(
          async () =>
            (await letters()).map(({ attempts, state }) => `${attempts} ${state ?? "open"}`),
          patient,
        )
        .toEqual(["4 open"]);
      isRepaired = true;
      await retry();
      await expect
        .poll(async () => (await letters()).map(({ state }) => state), patient)
        .toEqual(["retried"]);
      expect(seen).toContain("g 1 true");
      expect(seen).toHaveLength(4);
    });

    it("ends with the handler that runs, and repeats nothing that was done", async () => {
      await append(eventOf("7", 1), eventOf("7", 2));
      let finish = () => {};
      let started = 0;
      const member = start({
        "ticket.updated": () => {
          started += 1;
          return new Promise<void>((resolve) => {
            finish = resolve;
          });
        },
      });
      await expect.poll(() => started, patient).toBe(1);
      const stopping = member.stop();
      finish();
      await stopping;
      const seen: number[] = [];
      start({ "ticket.updated": ({ version }) => void seen.push(version) });
      await expect.poll(() => seen.length, patient).toBe(1);
      expect(seen).toEqual([2]);
    });

    it("of a new group that starts at the end skips what was, and nothing that came while no member was there", async () => {
      await append(eventOf("7", 1));
      const seen: number[] = [];
      const on: Handlers = { "ticket.updated": ({ version }) => void seen.push(version) };
      const registry = new Registry();
      const first = start(on, { startAt: "latest", registry });
      await expect
        .poll(async () => (await registry.metrics()).includes("lag_records{"), patient)
        .toBe(true);
      await first.stop();
      await append(eventOf("7", 2));
      start(on, { startAt: "latest" });
      await expect.poll(() => seen, patient).toEqual([2]);
    });

    it("passes from member to member: nothing lost, order per ticket kept, repeats told", async () => {
      const seen = new Map<string, { version: number; redelivered: boolean }[]>();
      const on: Handlers = {
        "ticket.updated": async ({ ticket_id, version }, { redelivered }) => {
          await new Promise((resolve) => setTimeout(resolve, 1));
          seen.set(ticket_id, [...(seen.get(ticket_id) ?? []), { version, redelivered }]);
        },
      };
      const tickets = Array.from({ length: 20 }, (_, n) => String(100 + n));
      let members = [start(on)];
      for (let version = 1; version <= 40; version += 1) {
        await append(...tickets.map((ticket) => eventOf(ticket, version)));
        if (version % 10 === 5) members = [...members, start(on, { log: await subject.reopen() })];
        if (version % 10 === 0) {
          await members[0]?.stop();
          members = members.slice(1);
        }
      }
      const isAll = () =>
        tickets.every(
          (ticket) => new Set(seen.get(ticket)?.map(({ version }) => version)).size === 40,
        );
      await expect.poll(isAll, patient).toBe(true);
      for (const ticket of tickets) {
        let newest = 0;
        for (const { version, redelivered } of seen.get(ticket) ?? []) {
          // Either the next one, or one that was delivered before and says so.
          expect(
            version <= newest ? redelivered : version === newest + 1,
            `${ticket}/${version} after ${newest}`,
          ).toBe(true);
          newest = Math.max(newest, version);
        }
      }
    });

    it("tells Prometheus its lag, and what became of events", async () => {
      await append(eventOf("7", 1), eventOf("7", 2), eventOf("7", 3));
      const registry = new Registry();
      let isRepaired = false;
      start(
        {
          "ticket.updated": ({ version }) => {
            if (version === 2 && !isRepaired) throw new Error("not yet");
          },
        },
        { registry, maxAttempts: 1_000 },
      );
      const partition = (await partitions()).get("7");
      const lag = async () => {
        const metric = await registry.getSingleMetric("thulium_subscriber_lag_records")?.get();
        return metric?.values.find(
          ({ labels }) =>
            labels["topic"] === "ticket-events" && Number(labels["partition"]) === partition,
        )?.value;
      };
      const text = () => registry.metrics();
      await expect.poll(text, patient).toMatch(/events_total\{group="g",outcome="retried"\} [1-9]/);
      await expect.poll(lag, patient).toBeGreaterThanOrEqual(2);
      isRepaired = true;
      await expect.poll(lag, patient).toBe(0);
      expect(await text()).toContain('events_total{group="g",outcome="handled"} 3');
    });

    it("refuses to subscribe to nothing", async () => {
      await expect(start({}).ended).rejects.toThrow("has no handler");
    });

    async function partitions(): Promise<ReadonlyMap<string, number>> {
      const found = new Map<string, number>();
      for await (const { records, partition } of batchesToEnd(log, "ticket-events"))
        for (const { key } of records) found.set(key?.split(":")[1] ?? "", partition);
      return found;
    }
  });
}
