import { randomBytes, randomUUID } from "node:crypto";
import {
  type Delivery,
  type EventLog,
  type LogReader,
  type LogRecord,
  silentLogger,
  topics,
} from "@thulium-stream/contracts";
import { realClock, realServers } from "@thulium-stream/kit/real-servers";
import { type Admin, Kafka, logLevel } from "kafkajs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openKafkaLog } from "./kafka-log.ts";

const brokers = [...(realServers().kafkaBrokers ?? [])];

let topicPrefix: string;
let log: EventLog;
let outside: Kafka;
let admin: Admin;
beforeEach(async () => {
  if (brokers.length === 0) return;
  topicPrefix = `r${randomUUID().slice(0, 8)}.`;
  outside = new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: { initialRetryTime: 20 } });
  admin = outside.admin();
  await admin.connect();
  log = openKafkaLog({
    brokers,
    topicPrefix,
    clock: realClock,
    logger: silentLogger,
    newId: randomUUID,
  });
});
afterEach(async () => {
  if (brokers.length === 0) return;
  await log.close();
  await admin.disconnect();
});

async function makeTopic(topic: string, settings: Record<string, string> = {}, partitions = 1) {
  await admin.createTopics({
    // kafkajs gives up on a topic that a busy broker does not tell of yet.
    waitForLeaders: false,
    topics: [
      {
        topic: `${topicPrefix}${topic}`,
        numPartitions: partitions,
        configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
      },
    ],
  });
  await vi.waitFor(() => log.ends(topic), { timeout: 20_000, interval: 50 });
}

/** A transaction of a producer of its own, left open. */
async function openTransaction() {
  const producer = outside.producer({ transactionalId: randomUUID(), maxInFlightRequests: 1 });
  await producer.connect();
  const transaction = await producer.transaction();
  return {
    send: (key: string) =>
      transaction.send({ topic: `${topicPrefix}t`, messages: [{ key, value: key }] }),
    async end(how: "commit" | "abort") {
      await transaction[how]();
      await producer.disconnect();
    },
  };
}

/** Pulls until `enough` says so; fails when nothing comes. */
async function pull(reader: LogReader, enough: (delivery: Delivery) => boolean) {
  const records: LogRecord[] = [];
  for (;;) {
    const delivery = await reader.next({ timeoutMs: 15_000 });
    if (delivery.kind === "idle") throw new Error("nothing came");
    if (delivery.kind === "batch") records.push(...delivery.records);
    if (enough(delivery)) return records;
  }
}
const reached = (position: number) => (delivery: Delivery) =>
  delivery.kind === "batch" && delivery.nextPosition >= position;

describe.skipIf(brokers.length === 0)("the reader on Kafka", () => {
  it("lets a member finish and commit before its partitions pass to another (L14)", async () => {
    await makeTopic("t", {}, 2);
    const events: string[] = [];
    const partitions = [0, 1].map((partition) => ({ topic: "t", partition, position: 0 }));
    const options = { topics: ["t"], group: "g", startAt: "committed" } as const;
    const first: LogReader = await log.openReader({
      ...options,
      onRevoke: async () => {
        events.push("asked");
        await realClock.sleep(500);
        await first.commit(partitions);
        events.push("committed");
      },
    });
    expect((await first.next({ timeoutMs: 20_000 })).kind).toBe("assignment");
    const joining = log.openReader(options);
    const told = first
      .next({ timeoutMs: 30_000 })
      .then(({ kind }) => events.push(`first: ${kind}`));
    const second = await joining;
    expect((await second.next({ timeoutMs: 20_000 })).kind).toBe("assignment");
    await told;
    expect(events).toEqual(["asked", "committed", "first: assignment"]);
    const owned = await second.next({ timeoutMs: 100 });
    expect(owned.kind).not.toBe("assignment");
    await Promise.all([first.close(), second.close()]);
  });

  it("delivers no assignment of before once the group shares out anew (L14)", async () => {
    await makeTopic("t", {}, 2);
    const options = { topics: ["t"], group: "g", startAt: "committed" } as const;
    const meanwhile: Delivery[] = [];
    const first: LogReader = await log.openReader({
      ...options,
      onRevoke: async () => {
        meanwhile.push(await first.next({ timeoutMs: 300 }));
      },
    });
    const second = await log.openReader(options);
    await expect
      .poll(() => meanwhile, { timeout: 20_000, interval: 20 })
      .toEqual([{ kind: "idle" }]);
    const next = await first.next({ timeoutMs: 20_000 });
    expect(next).toMatchObject({ kind: "assignment", partitions: [{ topic: "t" }] });
    await Promise.all([first.close(), second.close()]);
  });

  it("tells how far it got when nothing but aborted records and markers remain (L6, L7)", async () => {
    await makeTopic("t");
    const committed = await openTransaction();
    await committed.send("kept");
    await committed.end("commit");
    const reader = await log.openReader({ topics: ["t"], startAt: "earliest" });
    const records = await pull(reader, reached(2));
    expect(records.map(({ key }) => key)).toEqual(["kept"]);

    const aborted = await openTransaction();
    await aborted.send("aborted");
    await aborted.end("abort");
    expect(await pull(reader, reached(4))).toEqual([]);
    expect((await log.ends("t"))[0]?.end).toBe(4);
    expect(await reader.next({ timeoutMs: 300 })).toEqual({ kind: "idle" });
  });

  it("delivers no record of several transactions aborted around its start (L7)", async () => {
    await makeTopic("t");
    const [one, two] = [await openTransaction(), await openTransaction()];
    await one.send("one-before");
    await two.send("two-before");
    await two.send("two-after");
    await one.send("one-after");
    await one.end("abort");
    await two.end("abort");
    const last = await openTransaction();
    await last.send("kept");
    await last.end("commit");

    const end = (await log.ends("t"))[0]?.end ?? 0;
    const reader = await log.openReader({
      topics: ["t"],
      startAt: async (partitions) => partitions.map((each) => ({ ...each, position: 2 })),
    });
    const records = await pull(reader, reached(end));
    expect(records.map(({ key }) => key)).toEqual(["kept"]);
  });

  it("that retention passes fails with PositionLost, and its group keeps its position (L12)", async () => {
    await makeTopic("t");
    const writer = await log.openWriter("w");
    const append = () => writer.append([{ topic: "t", key: "k", value: randomBytes(30_000) }]);
    await append();
    const reader = await log.openReader({ topics: ["t"], group: "g", startAt: "committed" });
    await pull(reader, (delivery) => delivery.kind === "batch");
    await reader.commit([{ topic: "t", partition: 0, position: 1 }]);
    // Each record fills a fetch of its own, so that the reader is behind when they go.
    const slow = await log.openReader({
      topics: ["t"],
      group: "g",
      startAt: "committed",
      maxBufferedBytes: 1,
    });
    await reader.close();
    for (let n = 0; n < 6; n += 1) await append();
    await pull(slow, (delivery) => delivery.kind === "batch");
    const end = (await log.ends("t"))[0]?.end ?? 0;
    // kafkajs's admin deletes only in a topic whose metadata it has.
    await admin.fetchTopicOffsets(`${topicPrefix}t`);
    await admin.deleteTopicRecords({
      topic: `${topicPrefix}t`,
      partitions: [{ partition: 0, offset: String(end - 1) }],
    });
    await expect(pull(slow, reached(end))).rejects.toMatchObject({ code: "PositionLost" });
    await slow.close();

    const again = await log.openReader({ topics: ["t"], group: "g", startAt: "committed" });
    await expect(again.next({ timeoutMs: 10_000 })).rejects.toMatchObject({
      code: "PositionLost",
      message: expect.stringMatching(/holds positions \d+ to \d+, not 1$/),
    });
  });

  it("reads past what compaction removed in a few fetches, to the end", async () => {
    await makeTopic("t", {
      "cleanup.policy": "compact",
      "segment.ms": "100",
      "min.cleanable.dirty.ratio": "0.001",
      "max.compaction.lag.ms": "100",
    });
    const records = (keys: number, from = 0) =>
      Array.from({ length: keys }, (_, n) => ({
        topic: "t",
        key: `${from + n}`,
        // Bytes that do not compress, so that each batch is larger than a fetch.
        value: Buffer.concat([Buffer.from(`${from} `), randomBytes(100)]),
      }));
    const writer = await log.openWriter("w");
    await writer.append(records(400));
    await writer.append(records(200, 200));
    await realClock.sleep(150);
    // A key of its own rolls the segment, so that all before it can be cleaned.
    await writer.append([{ topic: "t", key: "last", value: Buffer.from("0") }]);

    const count = async () => {
      const end = (await log.ends("t"))[0]?.end ?? 0;
      const reader = await log.openReader({
        topics: ["t"],
        startAt: "earliest",
        maxBufferedBytes: 1,
      });
      let deliveries = 0;
      const records = await pull(reader, (delivery) => {
        deliveries += 1;
        return reached(end)(delivery);
      });
      await reader.close();
      return { records, deliveries };
    };
    const clean = await vi.waitUntil(
      async () => {
        const seen = await count();
        return seen.records.length === 401 && seen;
      },
      { timeout: 60_000, interval: 500 },
    );
    const newest = new Map(
      clean.records.map(({ key, value }) => [key, String(value).split(" ")[0]]),
    );
    expect(newest.size).toBe(401);
    expect([newest.get("7"), newest.get("201")]).toEqual(["0", "200"]);
    // Without the patch one fetch per removed offset.
    expect(clean.deliveries).toBeLessThan(20);
  });

  it("gives equal partition numbers of all topics to one member, and fences commits of lost ones (L9)", async () => {
    await log.ensureTopics(topics);
    const options = {
      topics: ["ticket-events", "message-events"],
      group: "g",
      startAt: "committed",
    } as const;
    const one = await log.openReader(options);
    const first = await one.next({ timeoutMs: 15_000 });
    expect(first.kind === "assignment" && first.partitions).toHaveLength(12);

    const other = openKafkaLog({
      brokers,
      topicPrefix,
      clock: realClock,
      logger: silentLogger,
      newId: randomUUID,
    });
    const [two, changed] = await Promise.all([
      other.openReader(options),
      one.next({ timeoutMs: 30_000 }),
    ]);
    const joined = await two.next({ timeoutMs: 15_000 });
    if (changed.kind !== "assignment" || joined.kind !== "assignment")
      throw new Error("no assignment");
    const numbers = (topic: string) =>
      changed.partitions.filter((each) => each.topic === topic).map(({ partition }) => partition);
    expect(numbers("ticket-events")).toEqual(numbers("message-events"));
    expect(changed.partitions).toHaveLength(6);
    expect(joined.partitions).toHaveLength(6);

    const [lost] = joined.partitions;
    if (lost === undefined) throw new Error("nothing was lost");
    await expect(one.commit([{ ...lost, position: 0 }])).rejects.toMatchObject({ code: "Fenced" });
    await two.commit([{ ...lost, position: 0 }]);
    await other.close();
  });

  it("of a group that grows and shrinks skips nothing, whoever is slow, and repeats only the uncommitted (L6, L9)", async () => {
    await log.ensureTopics(topics);
    const writer = await log.openWriter("w");
    const total = 1_200;
    for (let n = 0; n < total; n += 100) {
      await writer.append(
        Array.from({ length: 100 }, (_, i) => ({
          topic: "ticket-events",
          key: `acme:${n + i}`,
          value: randomBytes(1_000),
        })),
      );
    }
    const seen = new Map<string, number>();
    let repeats = 0;
    let fenced = 0;
    const member = async (stop: () => boolean, pauseMs: number) => {
      const reader = await log.openReader({
        topics: ["ticket-events"],
        group: "g",
        startAt: "committed",
        maxBufferedBytes: 1,
      });
      const at = new Map<number, number>();
      while (!stop()) {
        const delivery = await reader.next({ timeoutMs: 200 });
        if (delivery.kind === "assignment") {
          const owned = new Set(delivery.partitions.map(({ partition }) => partition));
          for (const partition of at.keys()) if (!owned.has(partition)) at.delete(partition);
        }
        if (delivery.kind !== "batch") continue;
        const { topic, partition, nextPosition, records } = delivery;
        expect(records[0]?.position ?? nextPosition).toBeGreaterThanOrEqual(at.get(partition) ?? 0);
        at.set(partition, nextPosition);
        for (const { key } of records) {
          const times = seen.get(key ?? "") ?? 0;
          if (times > 0) repeats += 1;
          seen.set(key ?? "", times + 1);
        }
        await realClock.sleep(pauseMs);
        await reader.commit([{ topic, partition, position: nextPosition }]).catch((error) => {
          if (error.code !== "Fenced") throw error;
          fenced += records.length;
        });
      }
      await reader.close();
    };
    const all = () => seen.size === total;
    await Promise.all([
      member(all, 40),
      member(() => seen.size > total / 2, 5),
      (async () => {
        await vi.waitUntil(() => seen.size > total / 4, { timeout: 60_000 });
        await member(all, 5);
      })(),
    ]);
    expect(repeats).toBeLessThanOrEqual(fenced);
  });

  it("of a private group leaves no group behind", async () => {
    await makeTopic("t");
    const reader = await log.openReader({ topics: ["t"], startAt: "earliest" });
    const groups = async () =>
      (await admin.listGroups()).groups.filter(({ groupId }) => groupId.startsWith(topicPrefix));
    expect(await groups()).toHaveLength(1);
    await reader.close();
    expect(await groups()).toEqual([]);
  });

  it("whose topic is deleted under it fails instead of stopping without a word", async () => {
    await makeTopic("t");
    const reader = await log.openReader({ topics: ["t"], startAt: "earliest" });
    await reader.next({ timeoutMs: 15_000 });
    await admin.deleteTopics({ topics: [`${topicPrefix}t`] });
    const failed = pull(reader, () => false);
    await expect(failed).rejects.toMatchObject({
      code: expect.stringMatching(/Rejected|Unavailable/),
    });
  });
});
