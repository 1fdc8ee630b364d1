import { readFileSync } from "node:fs";
import {
  type Clock,
  type EventLog,
  Failure,
  type Logger,
  type ObjectStore,
  type TopicSpec,
  topicsWith,
} from "@thulium-stream/contracts";
import { openEventLog } from "@thulium-stream/event-log/open";
import { type Lifetime, newId, type Settings } from "@thulium-stream/runtime";
import { openLakeStore } from "./open-lake.ts";

/** Opens the event log that the settings name and makes sure of its topics. @throws Failure of the settings or the broker, with advice. */
export async function openLog(
  settings: Settings,
  clock: Clock,
  logger: Logger,
  life: Lifetime,
): Promise<EventLog> {
  // Most processes never meet a record that is too large for the log, and need no lake then.
  let claimStore: Promise<ObjectStore> | null = null;
  const opened = await openEventLog({
    url: settings.EVENT_LOG_URL,
    topicPrefix: settings.TOPIC_PREFIX,
    kafka: { ssl: sslOf(settings), ...saslOf(settings), durability: durabilityOf(settings) },
    claimStore: () => {
      claimStore ??= openLakeStore(settings, clock, logger, life);
      return claimStore.catch((error: unknown) => {
        claimStore = null;
        throw error;
      });
    },
    clock,
    logger,
    newId,
  });
  const log = life.own("event log", opened, (closing) => closing.close());
  try {
    for (const difference of await log.ensureTopics(tableOf(settings)))
      logger.warn({ difference }, "a topic differs from its table");
  } catch (error) {
    if (!(error instanceof Failure) || !["Unavailable", "TimedOut"].includes(error.code))
      throw error;
    throw new Failure(
      "InvalidSettings",
      `EVENT_LOG_URL=${settings.EVENT_LOG_URL} cannot be reached: ${error.message}`,
      {
        cause: error,
        ...(error.advice === undefined ? {} : { advice: error.advice }),
      },
    );
  }
  return log;
}

function sslOf({
  KAFKA_SSL: isOn,
  KAFKA_SSL_CA: file,
}: Settings): boolean | { readonly ca: string } {
  if (file === undefined) return isOn;
  let ca = "";
  let reason = "it holds no certificate";
  try {
    ca = readFileSync(file, "utf8");
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
  }
  if (ca.includes("BEGIN CERTIFICATE")) return { ca };
  throw new Failure("InvalidSettings", `KAFKA_SSL_CA=${file} cannot be used: ${reason}`, {
    advice: "Name a PEM file with the certificate of the authority that signed the brokers'.",
  });
}

function durabilityOf({
  KAFKA_REPLICATION_FACTOR: replicationFactor,
  KAFKA_MIN_INSYNC_REPLICAS: minInsyncReplicas,
}: Settings) {
  return {
    ...(replicationFactor === undefined ? {} : { replicationFactor }),
    ...(minInsyncReplicas === undefined ? {} : { minInsyncReplicas }),
  };
}

/** The topics as the settings want them. */
export function tableOf({ EVENT_RETENTION }: Settings): readonly TopicSpec[] {
  return topicsWith({ eventRetentionMs: EVENT_RETENTION });
}

function saslOf(settings: Settings) {
  const {
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: username,
    KAFKA_SASL_PASSWORD: password,
  } = settings;
  return mechanism === undefined || username === undefined || password === undefined
    ? {}
    : { sasl: { mechanism, username, password } };
}
