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
  // The broker cannot write: it stands still or ends, and is waited for.
  KAFKA_STORAGE_ERROR: "Unavailable",
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

/** What Node says of a certificate that it does not trust. */
const untrusted =
  /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|ERR_TLS_CERT_)/;

const advice: Partial<Record<FailureCode, string>> = {
  Unavailable:
    "Check that the brokers of EVENT_LOG_URL are up, and that this machine reaches the addresses that they advertise.",
  Unauthenticated: "Check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD.",
  Forbidden:
    "Give this user the ACLs for everything that begins with TOPIC_PREFIX: topics (Describe, DescribeConfigs, Read, Write, and Create unless they exist), groups (Describe, Read, Delete), transactional ids (Describe, Write).",
};

/** Advice for what the message alone leaves unclear, the first that fits. */
const adviceOf: readonly (readonly [RegExp, string])[] = [
  [
    /before secure TLS connection|wrong version number|packet length too long/,
    "This listener does not speak TLS: unset KAFKA_SSL and KAFKA_SSL_CA, or name the broker's TLS port.",
  ],
  [
    /self-signed certificate|unable to (verify|get)|certificate/,
    "Name the PEM file of the brokers' authority in KAFKA_SSL_CA, and the brokers by names that their certificates carry.",
  ],
  [
    /Closed connection/,
    "A listener that closes at once wants TLS (KAFKA_SSL, KAFKA_SSL_CA) or a login (KAFKA_SASL_MECHANISM and its user and password); otherwise check that the broker is up.",
  ],
  [
    /does not support the requested SASL mechanism/,
    "Set KAFKA_SASL_MECHANISM to one that the broker's sasl.enabled.mechanisms names.",
  ],
  [/disk error|storage/i, "The broker cannot write to its disk: make room there, or repair it."],
];

/** The failure for a topic that is not there. */
export function missingTopic(...names: string[]): Failure {
  return new Failure("Rejected", `There is no topic ${names.join(", ")}`, {
    advice:
      "It is made when a command starts, if this user may see and create topics (ACLs Describe and Create): start again, or create it.",
  });
}

/** What kafkajs and Node put on their errors. */
interface ForeignError {
  readonly name?: string;
  readonly message?: string;
  readonly type?: string;
  readonly code?: unknown;
  readonly retriable?: boolean;
  /** `host:port` that a connection failed to. */
  readonly broker?: string;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

/**
 * The one place where errors of kafkajs become {@link Failure}s. kafkajs wraps what happened in
 * "retries exceeded" and "non-retriable" errors, so the chain of causes is searched for the first that is known. With `bootstrap`, the addresses of the settings,
 * a broker that advertises another address which cannot be reached is told apart.
 */
export function kafkaFailure(error: unknown, what: string, bootstrap?: readonly string[]): Failure {
  if (isFailure(error)) return error;
  const known = chainOf(error).find((link) => codeOf(link) !== undefined);
  const shown = known ?? (error as ForeignError);
  const code = (known === undefined ? undefined : codeOf(known)) ?? "Invariant";
  const astray = chainOf(error).find(({ broker }) => broker !== undefined)?.broker;
  const detail =
    code === "Unavailable" && astray !== undefined && bootstrap?.includes(astray) === false
      ? `The brokers of EVENT_LOG_URL answer, but give ${astray} as their address, which cannot be reached from here: correct their advertised.listeners.`
      : (adviceOf.find(([pattern]) => pattern.test(shown?.message ?? ""))?.[1] ?? advice[code]);
  return new Failure(code, `${what}: ${shown?.message ?? String(error)}`, {
    cause: error,
    ...(detail === undefined ? {} : { advice: detail }),
  });
}

function codeOf(error: ForeignError): FailureCode | undefined {
  if (typeof error.code === "string" && untrusted.test(error.code)) return "InvalidSettings";
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
