import { setImmediate as nextTurn } from "node:timers/promises";
import { topics } from "@thulium-stream/contracts";
import { ManualClock, VirtualClock } from "@thulium-stream/kit";
import type { Admin, Kafka } from "kafkajs";
import { expect, it } from "vitest";
import { KafkaAdmin } from "./kafka-admin.ts";

it("asks again when kafkajs stumbles over metadata that lack a topic; when it goes on, the broker is away, and a new connection is made", async () => {
  let connections = 0;
  let calls = 0;
  const kafka = {
    admin() {
      const connection = ++connections;
      return {
        connect: async () => {},
        disconnect: async () => {},
        fetchTopicOffsets: async () => {
          calls += 1;
          if (connection === 1 && calls > 2)
            throw new TypeError("Cannot destructure property 'partitions'");
          if (calls === 1) throw new TypeError("Cannot destructure property 'partitions'");
          return [{ partition: 0, offset: "7", high: "7", low: "0" }];
        },
      } as unknown as Admin;
    },
  } as unknown as Kafka;
  const clock = new ManualClock();
  const admin = new KafkaAdmin(kafka, clock);
  const passing = admin.visibleEnds("t");
  await clock.advance(100);
  expect(await passing).toEqual(new Map([[0, 7]]));
  const refused = expect(admin.visibleEnds("t")).rejects.toMatchObject({ code: "Unavailable" });
  await clock.advance(1_000);
  await refused;
  expect(await admin.visibleEnds("t")).toEqual(new Map([[0, 7]]));
});

it("leaves a call that is under way its connection when another call's failure drops it", async () => {
  const happened: string[] = [];
  let answer: (topics: string[]) => void = () => {};
  const topics = new Promise<string[]>((resolve) => {
    answer = resolve;
  });
  const kafka = {
    admin: () =>
      ({
        connect: async () => {},
        disconnect: async () => {
          happened.push("disconnected");
        },
        listTopics: () => topics,
        fetchTopicOffsets: async () => {
          throw Object.assign(new Error("not the leader"), { retriable: true, type: "NOT_LEADER" });
        },
      }) as unknown as Admin,
  } as unknown as Kafka;
  const admin = new KafkaAdmin(kafka, new ManualClock());
  const underWay = admin.partitions(["t"]);
  await expect(admin.visibleEnds("t")).rejects.toMatchObject({ code: "Unavailable" });
  await nextTurn();
  expect(happened).toEqual([]);
  answer([]);
  await underWay;
  await expect.poll(() => happened).toEqual(["disconnected"]);
});

it("waits for topics that another process is creating until they are led", async () => {
  const names = topics.map(({ topic }) => topic);
  let asked = 0;
  const kafka = {
    admin: () =>
      ({
        connect: async () => {},
        disconnect: async () => {},
        listTopics: async () => names,
        fetchTopicMetadata: async (wanted: { topics: readonly string[] }) => ({
          topics: wanted.topics.map((name) => ({ name, partitions: [{ replicas: [1] }] })),
        }),
        describeConfigs: async () => ({ resources: [] }),
        fetchTopicOffsets: async () => {
          asked += 1;
          if (asked <= names.length)
            throw Object.assign(new Error("no leader"), { retriable: true, type: "NOT_LEADER" });
          return [{ partition: 0, offset: "0", high: "0", low: "0" }];
        },
      }) as unknown as Admin,
  } as unknown as Kafka;
  const admin = new KafkaAdmin(kafka, new VirtualClock());
  await admin.ensureTopics(topics, (topic) => topic, {});
  expect(asked).toBe(2 * names.length);
});
