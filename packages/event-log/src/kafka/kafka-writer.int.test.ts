import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import {
  type EventLog,
  type LogRecord,
  recordOfEvent,
  silentLogger,
  type TicketEvent,
  topics,
} from "@thulium-stream/contracts";
import { makeTicket } from "@thulium-stream/kit";
import { realClock, realServers } from "@thulium-stream/kit/real-servers";
import { type EachMessagePayload, Kafka, logLevel } from "kafkajs";
import { build } from "vite";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openKafkaLog } from "./kafka-log.ts";

const brokers = [...(realServers().kafkaBrokers ?? [])];
const outside = new Kafka({
  brokers: ["127.0.0.1:1", ...brokers].slice(-1),
  logLevel: logLevel.NOTHING,
});

let topicPrefix: string;
let log: EventLog;
beforeEach(() => {
  topicPrefix = `w${randomUUID().slice(0, 8)}.`;
  log = openKafkaLog({
    brokers,
    topicPrefix,
    clock: realClock,
    logger: silentLogger,
    newId: randomUUID,
  });
});
afterEach(() => log.close());

/** Every record that a reader who reads committed sees, up to the present end. */
async function readAll(topic: string): Promise<LogRecord[]> {
  const rest = new Map((await log.ends(topic)).map(({ partition, end }) => [partition, end]));
  const reader = await log.openReader({ topics: [topic], startAt: "earliest" });
  const records: LogRecord[] = [];
  for (const [partition, end] of rest) if (end === 0) rest.delete(partition);
  while (rest.size > 0) {
    const delivery = await reader.next({ timeoutMs: 20_000 });
    if (delivery.kind === "idle") throw new Error(`nothing came of ${[...rest.keys()]}`);
    if (delivery.kind !== "batch") continue;
    records.push(...delivery.records);
    if (delivery.nextPosition >= (rest.get(delivery.partition) ?? 0))
      rest.delete(delivery.partition);
  }
  await reader.close();
  return records;
}

const textOf = ({ value }: LogRecord) => Buffer.from(value ?? "").toString();

describe.skipIf(brokers.length === 0)("the writer on Kafka", () => {
  it("killed at any moment loses nothing, doubles nothing and tears no append (L1, L3, L4)", async () => {
    await log.ensureTopics(topics);
    const child = await bundled("writer-child.ts");
    const confirmed: number[] = [];
    for (const afterMs of [5, 15, 25, 35, 45]) {
      const printed = await killedWriter(child, afterMs);
      confirmed.push(...printed);
    }
    await rm(join(child, ".."), { recursive: true });
    // Decides the last one's open transaction.
    await (await log.openWriter("writer")).close();

    const checkpoints = (await readAll("extractor-state")).map((each) => Number(textOf(each)));
    const events = (await readAll("ticket-events")).map(({ key }) => key);
    const parts = (await readAll("messages")).map(({ key }) => key);
    const states = (await readAll("tickets")).map((each) => Number(textOf(each)));

    const last = Math.max(...checkpoints);
    const all = Array.from({ length: last }, (_, index) => index + 1);
    expect(last).toBeGreaterThanOrEqual(Math.max(...confirmed));
    expect(confirmed.length).toBeGreaterThan(10);
    expect(checkpoints).toEqual(all);
    expect(states).toEqual(all);
    expect(new Set(events).size).toBe(events.length);
    expect(events.length).toBe(60 * last);
    expect(parts).toEqual(
      all.flatMap((number) => Array.from({ length: 10 }, (_, part) => `${number}:${part}`)),
    );
  });

  it("writes CloudEvents that a Kafka client outside this project reads", async () => {
    await log.ensureTopics(topics);
    const writer = await log.openWriter("writer");
    await writer.append([recordOfEvent(ticketCreated, 7)]);

    const consumer = outside.consumer({ groupId: `${topicPrefix}outside` });
    await consumer.connect();
    await consumer.subscribe({ topic: `${topicPrefix}ticket-events`, fromBeginning: true });
    const first = new Promise<EachMessagePayload>((resolve) => {
      void consumer.run({ eachMessage: async (payload) => resolve(payload) });
    });
    const { message, partition } = await first;
    await consumer.disconnect();

    const headers = Object.fromEntries(
      Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]),
    );
    expect(headers).toMatchObject({
      ce_specversion: "1.0",
      ce_id: ticketCreated.id,
      ce_source: "thulium://acme/tickets",
      ce_type: "thulium.ticket.created",
      ce_subject: "42",
      ce_time: "2026-11-20T10:00:00.000Z",
      "content-type": "application/json",
      ce_kinds: "other",
    });
    expect(message.key?.toString()).toBe("acme:42");
    expect(JSON.parse(String(message.value))).toEqual(ticketCreated);
    expect(Number(message.timestamp)).toBeGreaterThan(0);
    expect(partition).toBeLessThan(6);
  });

  it("reports a record that the topic refuses by key and size, and nothing of its batch is written", async () => {
    const admin = outside.admin();
    await admin.connect();
    await admin.createTopics({
      waitForLeaders: false,
      topics: [
        {
          topic: `${topicPrefix}tickets`,
          numPartitions: 1,
          configEntries: [{ name: "max.message.bytes", value: "20000" }],
        },
      ],
    });
    await admin.disconnect();
    await vi.waitFor(() => log.ends("tickets"), { timeout: 20_000, interval: 50 });
    const writer = await log.openWriter("writer");
    const noise = Buffer.from(
      Array.from({ length: 40_000 }, (_, n) => (n * n * 2654435761) >>> 13),
    );
    const appended = writer.append([
      { topic: "tickets", key: "small", value: Buffer.from("1") },
      { topic: "tickets", key: "acme:9", value: noise },
    ]);
    await expect(appended).rejects.toMatchObject({
      code: "TooLarge",
      message: expect.stringMatching(/acme:9 of tickets has 40070 bytes/),
    });
    await (await log.openWriter("writer")).close();
    expect(await readAll("tickets")).toEqual([]);
  });

  it("resolves an append when it is visible: the ends include it at once", async () => {
    await log.ensureTopics(topics);
    const writer = await log.openWriter("writer");
    for (let round = 1; round <= 25; round += 1) {
      await writer.append(
        Array.from({ length: 30 }, (_, n) => ({
          topic: "ticket-events",
          key: `acme:${n}`,
          value: Buffer.from("e"),
        })),
      );
      const ends = await log.ends("ticket-events");
      const held = ends.reduce((sum, { end }) => sum + end, 0);
      // Thirty records and a marker on each partition that got one.
      const markers = ends.filter(({ end }) => end > 0).length;
      expect(held).toBe(round * (30 + markers));
    }
  });

  it("appends batches of many megabytes in one transaction", async () => {
    await log.ensureTopics(topics);
    const writer = await log.openWriter("writer");
    const value = Buffer.alloc(300_000, "thread ");
    const batch = Array.from({ length: 40 }, (_, n) => ({
      topic: "messages",
      key: `acme:1:${n}`,
      partitionKey: "acme:1",
      value,
    }));
    await writer.append(batch);
    expect((await readAll("messages")).map(({ key }) => key)).toEqual(batch.map(({ key }) => key));
  });

  it("that cannot reach a broker fails with Unavailable, naming what to check", async () => {
    const nowhere = openKafkaLog({
      brokers: ["127.0.0.1:1"],
      topicPrefix,
      clock: realClock,
      logger: silentLogger,
      newId: randomUUID,
    });
    await expect(nowhere.openWriter("writer")).rejects.toMatchObject({
      code: "Unavailable",
      advice: expect.stringContaining("EVENT_LOG_URL"),
    });
    await nowhere.close();
  });

  it("makes topics twice without change and reports what differs, line by line", async () => {
    const admin = outside.admin();
    await admin.connect();
    const tickets = `${topicPrefix}tickets`;
    await admin.createTopics({
      waitForLeaders: false,
      topics: [{ topic: tickets, numPartitions: 2 }],
    });
    await vi.waitFor(() => log.ends("tickets"), { timeout: 20_000, interval: 50 });
    const drift = [
      `${tickets}: partitions is 2, not 6`,
      `${tickets}: cleanup.policy is delete, not compact`,
      `${tickets}: delete.retention.ms is 86400000, not 604800000`,
      `${tickets}: max.compaction.lag.ms is 9223372036854775807, not 86400000`,
    ];
    expect(await log.ensureTopics(topics)).toEqual(drift);
    expect(await log.ensureTopics(topics)).toEqual(drift);
    const { topics: made } = await admin.fetchTopicMetadata({ topics: [tickets] });
    expect(made[0]?.partitions).toHaveLength(2);
    await admin.disconnect();
  });
});

const ticketCreated: TicketEvent = {
  type: "thulium.ticket.created",
  id: "abcdefghijklmnopqrstuvwxyz",
  system: "acme",
  ticket_id: "42",
  time: "2026-11-20T10:00:00.000Z",
  time_is_observation: false,
  observed_at: "2026-11-20T10:00:15.000Z",
  origin: "live",
  version: 1,
  previous_event_id: null,
  source_updated_at: "2026-11-20 11:00",
  source_updated_at_ambiguous: false,
  kinds: ["other"],
  changes: [],
  derived: [],
  ticket: makeTicket({ ticket_id: "42" }),
};

/** The child as one JavaScript file, since the smallest Node supported does not run TypeScript. */
async function bundled(entry: string): Promise<string> {
  const folder = fileURLToPath(
    new URL(`../../node_modules/.tmp-${randomUUID()}/`, import.meta.url),
  );
  await build({
    configFile: false,
    logLevel: "error",
    resolve: { conditions: ["source"] },
    ssr: { noExternal: [/^@thulium-stream\//], resolve: { conditions: ["source"] } },
    build: {
      ssr: fileURLToPath(new URL(entry, import.meta.url)),
      outDir: folder,
      target: "node20",
      rollupOptions: { output: { entryFileNames: "child.mjs" } },
    },
  });
  return join(folder, "child.mjs");
}

/** Runs the writer until it has confirmed five appends and `afterMs` more, and kills it. What it confirmed. */
async function killedWriter(file: string, afterMs: number): Promise<number[]> {
  const child: ChildProcess = spawn(process.execPath, [file, brokers.join(","), topicPrefix], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const printed: number[] = [];
  if (child.stdout === null) throw new Error("the child has no output");
  createInterface({ input: child.stdout }).on("line", (line) => printed.push(Number(line)));
  const gone = new Promise((resolve) => child.once("exit", resolve));
  await vi.waitUntil(() => printed.length >= 5, { timeout: 60_000, interval: 1 });
  await realClock.sleep(afterMs);
  child.kill("SIGKILL");
  await gone;
  return printed;
}
