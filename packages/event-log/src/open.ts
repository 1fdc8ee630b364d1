import { type Clock, type EventLog, Failure, type Logger } from "@thulium-stream/contracts";

/** Which log to open. */
export interface OpenEventLogOptions {
  /** `embedded:<folder>` or `kafka://host:port,host:port`. */
  readonly url: string;
  /** In front of every topic's name on Kafka; an embedded log belongs to one deployment and has none. */
  readonly topicPrefix: string;
  /** Only for Kafka. */
  readonly kafka?: {
    readonly ssl: boolean;
    readonly sasl?: {
      readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
      readonly username: string;
      readonly password: string;
    };
  };
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newId: () => string;
}

/** Opens the event log that a URL names; the adapter is loaded only when it is used. @throws Failure `InvalidSettings` naming EVENT_LOG_URL. */
export async function openEventLog(options: OpenEventLogOptions): Promise<EventLog> {
  const { url, topicPrefix, kafka, clock, logger, newId } = options;
  const [, scheme, rest = ""] = /^(embedded:|kafka:\/\/)(.+)$/.exec(url) ?? [];
  if (scheme === "embedded:") {
    const { openEmbeddedLog } = await import("./embedded/index.ts");
    return openEmbeddedLog({ folder: rest, clock, logger, newId });
  }
  if (scheme === "kafka://") {
    const { openKafkaLog } = await import("./kafka/index.ts");
    const brokers = rest.replace(/\/$/, "").split(",");
    return openKafkaLog({ brokers, topicPrefix, ...kafka, clock, logger, newId });
  }
  throw new Failure(
    "InvalidSettings",
    `EVENT_LOG_URL=${JSON.stringify(url)}: must be embedded:<folder> or kafka://host:port,host:port`,
  );
}
