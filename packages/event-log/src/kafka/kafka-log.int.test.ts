import { randomUUID } from "node:crypto";
import { type EventLog, silentLogger } from "@thulium-stream/contracts";
import { eventLogConformance } from "@thulium-stream/kit/conformance";
import { realClock, realServers } from "@thulium-stream/kit/real-servers";
import { describe } from "vitest";
import { openKafkaLog } from "./kafka-log.ts";

const { kafkaBrokers } = realServers();

describe.skipIf(kafkaBrokers === null)("Kafka", () => {
  eventLogConformance("Kafka", async () => {
    const topicPrefix = `c${randomUUID().slice(0, 8)}.`;
    const opened: EventLog[] = [];
    const open = () => {
      const log = openKafkaLog({
        brokers: kafkaBrokers ?? [],
        topicPrefix,
        clock: realClock,
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
