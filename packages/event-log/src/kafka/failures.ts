import { Failure, type FailureCode, isFailure } from "@thulium-stream/contracts";

/** Kafka's error types (protocol error table) by what they mean to us. Each row names the case that forced it. */
const codeOfType: Readonly<Record<string, FailureCode>> = {
  // Another producer has initialised the same transactional id (L4).
  INVALID_PRODUCER_EPOCH: "Fenced",
  PRODUCER_FENCED: "Fenced",
  // The coordinator forgot the id after `transactional.id.expiration.ms`, or another took it over.
  INVALID_PRODUCER_ID_MAPPING: "Fenced",
  INVALID_TXN_STATE: "Fenced",
  TRANSACTION_COORDINATOR_FENCED: "Unavailable",
  // A commit after the group has moved on without us (L9).
  ILLEGAL_GENERATION: "Fenced",
  UNKNOWN_MEMBER_ID: "Fenced",
  REBALANCE_IN_PROGRESS: "Fenced",
  FENCED_INSTANCE_ID: "Fenced",
  // Retention has passed a slow reader, or the partition was cut (L12).
  OFFSET_OUT_OF_RANGE: "PositionLost",
  MESSAGE_TOO_LARGE: "TooLarge",
  RECORD_LIST_TOO_LARGE: "TooLarge",
  TOPIC_AUTHORIZATION_FAILED: "Forbidden",
  GROUP_AUTHORIZATION_FAILED: "Forbidden",
  CLUSTER_AUTHORIZATION_FAILED: "Forbidden",
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "Forbidden",
  SASL_AUTHENTICATION_FAILED: "Unauthenticated",
  UNSUPPORTED_SASL_MECHANISM: "InvalidSettings",
  UNKNOWN_TOPIC_OR_PARTITION: "Rejected",
  INVALID_TOPIC_EXCEPTION: "Rejected",
  INVALID_REPLICATION_FACTOR: "InvalidSettings",
  POLICY_VIOLATION: "Rejected",
  REQUEST_TIMED_OUT: "TimedOut",
};

/** The same for kafkajs's own error classes, which carry no type. */
const codeOfName: Readonly<Record<string, FailureCode>> = {
  KafkaJSSASLAuthenticationError: "Unauthenticated",
  KafkaJSRequestTimeoutError: "TimedOut",
  KafkaJSTimeout: "TimedOut",
  KafkaJSLockTimeout: "TimedOut",
  KafkaJSConnectionError: "Unavailable",
  KafkaJSConnectionClosedError: "Unavailable",
  KafkaJSBrokerNotFound: "Unavailable",
  KafkaJSNoBrokerAvailableError: "Unavailable",
  KafkaJSGroupCoordinatorNotFound: "Unavailable",
  KafkaJSMetadataNotLoaded: "Unavailable",
  KafkaJSTopicMetadataNotLoaded: "Unavailable",
  KafkaJSOffsetOutOfRange: "PositionLost",
  KafkaJSServerDoesNotSupportApiKey: "InvalidSettings",
};

const advice: Partial<Record<FailureCode, string>> = {
  Unavailable: "Check that the brokers of EVENT_LOG_URL are up and reachable.",
  Unauthenticated: "Check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD.",
  Forbidden: "Give this user the ACL on the topic, group or transactional id.",
};

/** What kafkajs and Node put on their errors. */
interface ForeignError {
  readonly name?: string;
  readonly message?: string;
  readonly type?: string;
  readonly code?: unknown;
  readonly retriable?: boolean;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

/**
 * The one place where errors of kafkajs become {@link Failure}s. kafkajs wraps what happened in
 * "retries exceeded" and "non-retriable" errors, so the chain of causes is searched for the first that is known.
 */
export function kafkaFailure(error: unknown, what: string): Failure {
  if (isFailure(error)) return error;
  const known = chainOf(error).find((link) => codeOf(link) !== undefined);
  const shown = known ?? (error as ForeignError);
  const code = (known === undefined ? undefined : codeOf(known)) ?? "Invariant";
  const detail = advice[code];
  return new Failure(code, `${what}: ${shown?.message ?? String(error)}`, {
    cause: error,
    ...(detail === undefined ? {} : { advice: detail }),
  });
}

function codeOf(error: ForeignError): FailureCode | undefined {
  const typed = error.type === undefined ? undefined : codeOfType[error.type];
  if (typed !== undefined) return typed;
  const named = error.name === undefined ? undefined : codeOfName[error.name];
  if (named !== undefined) return named;
  // ECONNREFUSED, ECONNRESET, ENOTFOUND, EAI_AGAIN …: sockets and name look-ups.
  if (typeof error.code === "string" && /^E[A-Z_]+$/.test(error.code)) return "Unavailable";
  // Any other broker error that the protocol calls retriable is a passing state of the cluster.
  if (error.type !== undefined && error.retriable === true) return "Unavailable";
  return undefined;
}

/** The error, its causes, and the members of aggregates, outermost first. */
function chainOf(error: unknown, depth = 0): ForeignError[] {
  if (typeof error !== "object" || error === null || depth > 8) return [];
  const link = error as ForeignError;
  const inner = [link.cause, ...(link.errors ?? [])];
  return [link, ...inner.flatMap((each) => chainOf(each, depth + 1))];
}
