import { createRequire } from "node:module";
import { type NewRecord, topics } from "@thulium-stream/contracts";
import { MavenKafka } from "@thulium-stream/infra/local";
import { realServers } from "@thulium-stream/kit/real-servers";
import { batchesToEnd, systemClock } from "@thulium-stream/runtime";
import { Kafka, logLevel } from "kafkajs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openLogBeside } from "./log-checks.ts";

const isPossible = realServers().kafkaBrokers !== null && (await MavenKafka.isPossible());
const load = createRequire(import.meta.url);
const recordIn = (topic: NewRecord["topic"], value: string): NewRecord => ({
  topic,
  key: "acme:1",
  value: Buffer.from(value),
});

describe.skipIf(!isPossible)("an append that a broker left undecided on a partition", () => {
  let kafka: MavenKafka;
  beforeAll(async () => {
    kafka = await MavenKafka.prepare({
      // A broker that checks this cannot be brought into the state by a client; it gets there by itself (decision 26).
      settings: () => ({ "transaction.partition.verification.enable": "false" }),
    });
    await kafka.start();
  });
  afterAll(() => kafka.stop());

  /**
   * Writes `told` as a transaction should be, and `untold` of the same transaction to a partition of which the coordinator does not know, so that it gets no
   * marker there. Then ends it.
   */
  async function leaveUndecided(prefix: string, end: "commit" | "abort"): Promise<void> {
    const client = new Kafka({
      brokers: [kafka.address("PLAINTEXT")],
      logLevel: logLevel.NOTHING,
    });
    const createCluster = Object.getOwnPropertySymbols(client).find(({ description }) =>
      description?.endsWith("createCluster"),
    );
    if (createCluster === undefined) throw new Error("kafkajs has no createCluster");
    const cluster = (client as unknown as Record<symbol, (options: object) => Cluster>)[
      createCluster
    ]?.({});
    if (cluster === undefined) throw new Error("kafkajs made no cluster");
    await cluster.connect();
    const logger = client.logger();
    const eosManager: EosManager = load("kafkajs/src/producer/eosManager")({
      logger,
      cluster,
      transactionTimeout: 15_000,
      transactional: true,
      transactionalId: `${prefix}w`,
    });
    const send = (topic: string, value: string, manager: EosManager) =>
      load("kafkajs/src/producer/sendMessages")({
        logger,
        cluster,
        partitioner: () => 0,
        eosManager: manager,
        retrier,
      })({
        acks: -1,
        topicMessages: [{ topic: `${prefix}${topic}`, messages: [{ key: "acme:1", value }] }],
      });
    await eosManager.initProducerId();
    eosManager.beginTransaction();
    await send("extractor-state", "told", eosManager);
    const forgetful = { ...eosManager, addPartitionsToTransaction: async () => {} };
    await send("commands", "untold", forgetful);
    await eosManager[end]();
    await cluster.disconnect();
  }
  /** As kafkajs does it, without an end. */
  async function retrier(once: (bail: (error: unknown) => void) => Promise<unknown>) {
    for (;;) {
      try {
        return await once((error) => {
          throw error;
        });
      } catch {
        await systemClock.sleep(50);
      }
    }
  }
  interface Cluster {
    connect(): Promise<void>;
    disconnect(): Promise<void>;
  }
  interface EosManager {
    initProducerId(): Promise<void>;
    beginTransaction(): void;
    commit(): Promise<void>;
    abort(): Promise<void>;
  }

  // Both wait for transactions of others that might be open, which takes 15 s.
  it.concurrent.each([
    { end: "commit", seen: ["told", "untold", "next"] },
    { end: "abort", seen: ["next"] },
  ] as const)("is decided as the coordinator had: $end", async ({ end, seen }) => {
    const prefix = `undecided-${end}.`;
    const log = await openLogBeside(`kafka://${kafka.address("PLAINTEXT")}`, prefix);
    await log.ensureTopics(topics);
    const read = async () => {
      const texts: string[] = [];
      for (const topic of ["extractor-state", "commands"])
        for await (const { records } of batchesToEnd(log, topic))
          texts.push(...records.map(({ value }) => Buffer.from(value ?? "").toString()));
      return texts;
    };
    await leaveUndecided(prefix, end);
    expect(await read()).not.toContain("untold");
    const writer = await log.openWriter("w");
    expect(await read()).toEqual(seen.filter((text) => text !== "next"));
    await writer.append([recordIn("commands", "next")]);
    expect(await read()).toEqual(seen);
    await log.close();
  });
});
