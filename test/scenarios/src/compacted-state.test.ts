import { randomUUID } from "node:crypto";
import type { EventLog, MessageState, NewRecord, TicketState } from "@thulium-stream/contracts";
import { realServers } from "@thulium-stream/kit/real-servers";
import { batchesToEnd } from "@thulium-stream/runtime";
import { followState } from "@thulium-stream/subscriber";
import { type Admin, Kafka, logLevel } from "kafkajs";
import { describe, expect, it } from "vitest";
import { openLogBeside } from "./log-checks.ts";
import { Deployment } from "./pipeline-process.ts";
import {
  type Checksums,
  checksumsOf,
  messageLine,
  openHelpDesk,
  ticketLine,
  truthOf,
} from "./truth.ts";

const { kafkaBrokers } = realServers();
const topics = ["tickets", "messages"];
/** `ConfigResourceTypes.TOPIC`. */
const topicResource = 2;

describe.skipIf(kafkaBrokers === null)("the compacted topics of a real broker", () => {
  it("rebuild what the help desk holds, deletes included, after the broker has compacted them", async () => {
    const brokers = [...(kafkaBrokers ?? [])];
    const prefix = `compacted-${randomUUID().slice(0, 8)}.`;
    const url = `kafka://${brokers.join(",")}`;
    const desk = await openHelpDesk(150);
    const deployment = new Deployment({ ...desk.env, EVENT_LOG_URL: url, TOPIC_PREFIX: prefix });
    await deployment.succeed(["run", "--once"]);
    const ids = [...desk.sandbox.truth().rows()].map((row) => Number(row["ticket_id"]));
    const [gone, ...others] = ids;
    for (const [round, change] of ["first", "second"].entries()) {
      for (const ticketId of others.slice(0, 40)) {
        desk.sandbox.mutate({ kind: "subject", ticketId, subject: `${change} ${ticketId}` });
        desk.sandbox.mutate({ kind: "mail", ticketId, body: `${change} mail` });
      }
      // A new one's state is written, and then removed.
      if (round === 1) desk.sandbox.mutate({ kind: "delete", ticketId: gone ?? 0 });
      await deployment.succeed(["run", "--once"]);
    }
    const log = await openLogBeside(url, prefix);
    const before = await census(log);
    expect(before.superseded).toBeGreaterThan(50);
    expect(before.tombstones).toBeGreaterThan(1);

    const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await compactSoon(admin, prefix);
    const keys = await rollingKeys(log);
    await expect
      .poll(
        async () => {
          // Only closed segments are compacted: what closes them is the next record after their time.
          await append(log, keys);
          const { oldSuperseded, keys: left } = await census(log);
          // A tombstone goes in a later round than what it removes.
          return { oldSuperseded, isGone: !left.has(`tickets acme:${gone}`) };
        },
        { timeout: 180_000, interval: 1_500 },
      )
      .toEqual({ oldSuperseded: 0, isGone: true });
    const after = await census(log);
    expect(after.records).toBeLessThan(before.records);
    await admin.disconnect();

    expect(await rebuilt(log)).toEqual(truthOf(desk));
    await log.close();
    await desk.server.close();
    deployment.dispose();
  });
});

/** Where the topics ended before the compaction was asked for; what lies below must have been compacted. */
const asked = new Map<string, number>();

/** Segments that close at once, a cleaner that does not wait, and tombstones that need not stay. */
async function compactSoon(admin: Admin, prefix: string): Promise<void> {
  const settings = {
    "segment.ms": "500",
    "min.cleanable.dirty.ratio": "0.001",
    "max.compaction.lag.ms": "1000",
    "delete.retention.ms": "1",
  };
  for (const topic of topics)
    for (const { partition, high } of await admin.fetchTopicOffsets(`${prefix}${topic}`))
      asked.set(`${topic}/${partition}`, Number(high));
  await admin.alterConfigs({
    validateOnly: false,
    resources: topics.map((topic) => ({
      type: topicResource,
      name: `${prefix}${topic}`,
      configEntries: [
        { name: "cleanup.policy", value: "compact" },
        ...Object.entries(settings).map(([name, value]) => ({ name, value })),
      ],
    })),
  });
}

/** Counts records, and those below {@link asked} that a newer one of their key supersedes, tombstones among them. */
async function census(log: EventLog) {
  const newest = new Map<string, number>();
  const seen: { key: string; position: number; isOld: boolean; isTombstone: boolean }[] = [];
  for (const topic of topics)
    for await (const { records, partition } of batchesToEnd(log, topic))
      for (const { key, position, value } of records) {
        if (key?.startsWith("roll:")) continue;
        const isOld = position < (asked.get(`${topic}/${partition}`) ?? 0);
        seen.push({ key: `${topic} ${key}`, position, isOld, isTombstone: value === null });
        newest.set(`${topic} ${key}`, position);
      }
  const superseded = seen.filter(({ key, position }) => position < (newest.get(key) ?? 0));
  return {
    records: seen.length,
    superseded: superseded.length,
    tombstones: seen.filter(({ isTombstone }) => isTombstone).length,
    oldSuperseded: superseded.filter(({ isOld }) => isOld).length,
    keys: new Set(seen.map(({ key }) => key)),
  };
}

/** Tombstones of nothing for every partition: they change no state, and close segments. */
async function rollingKeys(log: EventLog): Promise<readonly NewRecord[]> {
  const { length } = await log.ends("tickets");
  return topics.flatMap((topic) =>
    Array.from({ length: length * 6 }, (_, n) => ({ topic, key: `roll:${n}`, value: null })),
  );
}

async function append(log: EventLog, records: readonly NewRecord[]): Promise<void> {
  const writer = await log.openWriter("rolling");
  await writer.append(records);
  await writer.close();
}

/** What a consumer that knows nothing but the two topics ends up with. */
async function rebuilt(log: EventLog): Promise<Checksums> {
  const tickets = new Map<string, TicketState>();
  const messages = new Map<string, MessageState>();
  const ending = new AbortController();
  const keep = <T>(map: Map<string, T>, key: string, state: T | null) =>
    state === null ? map.delete(key) : map.set(key, state);
  await followState({
    log,
    signal: ending.signal,
    onTicket: ({ ticketId }, state) => void keep(tickets, ticketId, state),
    onMessage: ({ ticketId, messageId }, state) =>
      void keep(messages, `${ticketId}:${messageId}`, state),
    onCaughtUp: () => ending.abort(),
  });
  return checksumsOf(
    [...tickets.values()].map(ticketLine),
    [...messages.values()].map(messageLine),
  );
}
