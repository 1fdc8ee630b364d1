import { randomUUID } from "node:crypto";
import { type EventLog, silentLogger } from "@thulium-stream/contracts";
import { openKafkaLog } from "@thulium-stream/event-log/kafka";
import { realServers } from "@thulium-stream/kit/real-servers";
import { systemClock } from "@thulium-stream/runtime";
import { describe } from "vitest";
import { subscriberSuite } from "./subscriber-suite.ts";

const { kafkaBrokers } = realServers();

describe.skipIf(kafkaBrokers === null)("on a broker", () => {
  subscriberSuite("Kafka", async () => {
    const topicPrefix = `s${randomUUID().slice(0, 8)}.`;
    const opened: EventLog[] = [];
    const open = () => {
      const log = openKafkaLog({
        brokers: kafkaBrokers ?? [],
        topicPrefix,
        clock: systemClock,
        logger: silentLogger,
        newId: randomUUID,
      });
      opened.push(log);
      return log;
    };
    return {
      log: open(),
      reopen: async () => open(),
      dispose: async () => {
        await Promise.all(opened.map((log) => log.close()));
      },
    };
  });
});
