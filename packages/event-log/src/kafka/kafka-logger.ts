import type { Logger } from "@thulium-stream/contracts";
import { type logCreator, logLevel } from "kafkajs";

/** Lines that kafkajs writes as errors or warnings though they belong to ordinary life. */
const expected = [
  // The coordinator answers so once after each commit until its markers are written.
  /another concurrent operation|CONCURRENT_TRANSACTIONS|ongoing transaction/i,
  // A member joined or left; the reader reports the new assignment.
  /rebalanc/i,
  /not aware of this member/i,
  // Tried again several times a second while a broker is away; who waits for it tells of it at its own pace.
  /^Connection (error|timeout)|^Failed to connect|^Closed connection/,
  // The producer is dropped and its writer spent on any error, so bounded retries lose nothing.
  /Limiting retries for the idempotent producer/,
  // An answer with an error code, a send that is tried again, a consumer that gave up: retried inside, or thrown
  // to us and told to the caller as a Failure.
  /^Response |^Failed to send messages|^Crash:/,
];

/** The level of our logger for a line of kafkajs. */
export function levelOf(level: logLevel, message: string): "debug" | "warn" {
  const serious = level === logLevel.ERROR || level === logLevel.WARN;
  return serious && !expected.some((pattern) => pattern.test(message)) ? "warn" : "debug";
}

/**
 * kafkajs's log lines in ours. What it calls an error is either retried inside it or thrown to us and
 * classified in `failures.ts`, so nothing of it is more than a warning here. Only named fields pass: no
 * payload can.
 */
export function kafkaLogCreator(logger: Logger): logCreator {
  return () =>
    ({ namespace, level, log }) => {
      const message = log.message;
      const { broker, groupId, error, topic, partition } = log;
      logger[levelOf(level, `${message} ${String(error ?? "")}`)](
        { kafka: namespace, broker, groupId, topic, partition, error: textOf(error) },
        message,
      );
    };
}

function textOf(error: unknown): string | undefined {
  if (error === undefined) return undefined;
  return error instanceof Error ? error.message : String(error);
}
