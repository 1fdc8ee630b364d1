import {
  type Clock,
  type EventLog,
  Failure,
  type Logger,
  type ObjectStore,
  topics,
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
    kafka: { ssl: settings.KAFKA_SSL, ...saslOf(settings) },
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
    for (const difference of await log.ensureTopics(topics))
      logger.warn({ difference }, "a topic differs from its table");
  } catch (error) {
    if (!(error instanceof Failure) || !["Unavailable", "TimedOut"].includes(error.code))
      throw error;
    throw new Failure(
      "InvalidSettings",
      `EVENT_LOG_URL=${settings.EVENT_LOG_URL} cannot be reached: ${error.message}`,
      {
        cause: error,
        advice:
          "Check that the broker runs, that this machine reaches it, and that its advertised listener is this address.",
      },
    );
  }
  return log;
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
