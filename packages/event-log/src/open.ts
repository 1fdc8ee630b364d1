import { type Clock, type EventLog, Failure, type Logger } from "@thulium-stream/contracts";
import { type ClaimStore, Claims } from "./claims.ts";

/** Which log to open. */
export interface OpenEventLogOptions {
  /** `embedded:<folder>` or `kafka://host:port,host:port`. */
  readonly url: string;
  /** In front of every topic's name on Kafka; an embedded log belongs to one deployment and has none. */
  readonly topicPrefix: string;
  /** Only for Kafka. */
  readonly kafka?: {
    readonly ssl: boolean | { readonly ca: string };
    readonly durability?: {
      readonly replicationFactor?: number;
      readonly minInsyncReplicas?: number;
    };
    readonly sasl?: {
      readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
      readonly username: string;
      readonly password: string;
    };
  };
  /** Where records go that are too large for the log, and where their bodies are read from. Without it a large record is `TooLarge`, and a claim is delivered as it is. */
  readonly claimStore?: ClaimStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newId: () => string;
}

/** Opens the event log that a URL names; the adapter is loaded only when it is used. @throws Failure `InvalidSettings` naming EVENT_LOG_URL. */
export async function openEventLog(options: OpenEventLogOptions): Promise<EventLog> {
  const { url, topicPrefix, kafka, claimStore, clock, logger, newId } = options;
  const claims = claimStore === undefined ? {} : { claims: new Claims(claimStore) };
  const [, scheme, rest = ""] = /^(embedded:|kafka:\/\/)(.+)$/.exec(url) ?? [];
  if (scheme === "embedded:") {
    const { openEmbeddedLog } = await import("./embedded/index.ts");
    return openEmbeddedLog({ folder: rest, clock, logger, newId, ...claims });
  }
  if (scheme === "kafka://") {
    const { openKafkaLog } = await import("./kafka/index.ts");
    const brokers = rest.replace(/\/$/, "").split(",");
    return openKafkaLog({ brokers, topicPrefix, ...kafka, clock, logger, newId, ...claims });
  }
  throw new Failure(
    "InvalidSettings",
    `EVENT_LOG_URL=${JSON.stringify(url)}: must be embedded:<folder> or kafka://host:port,host:port`,
  );
}
