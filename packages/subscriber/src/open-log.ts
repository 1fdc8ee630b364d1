import { type Clock, type EventLog, type Logger, silentLogger } from "@thulium-stream/contracts";
import { type OpenEventLogOptions, openEventLog } from "@thulium-stream/event-log/open";
import { newId, systemClock } from "@thulium-stream/runtime";

/** How to reach the log. */
export interface OpenLogOptions {
  /** In front of every topic's name on Kafka. Default `thulium.`. */
  readonly topicPrefix?: string;
  /** TLS and SASL, for Kafka. Default: neither. */
  readonly kafka?: OpenEventLogOptions["kafka"];
  /** Opens the lake's object store, for bodies that are too large for the log. Without it such a record becomes a dead letter. */
  readonly claimStore?: OpenEventLogOptions["claimStore"];
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: says nothing. */
  readonly logger?: Logger;
}

/**
 * Opens the log for reading: `kafka://host:port,host:port`, or `embedded:<folder>`. The caller closes it.
 * @throws Failure `InvalidSettings` for any other URL; an unreachable broker shows at the first use.
 */
export function openLog(url: string, options: OpenLogOptions = {}): Promise<EventLog> {
  const { topicPrefix = "thulium.", kafka, claimStore } = options;
  const { clock = systemClock, logger = silentLogger } = options;
  return openEventLog({
    ...{ url, topicPrefix, clock, logger, newId },
    ...(kafka === undefined ? {} : { kafka }),
    ...(claimStore === undefined ? {} : { claimStore }),
  });
}
