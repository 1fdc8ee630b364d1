import { promisify } from "node:util";
import { gunzip, gunzipSync, gzip } from "node:zlib";
import type { Logger } from "@thulium-stream/contracts";
import kafkajs, {
  CompressionTypes,
  Kafka,
  logLevel,
  type RetryOptions,
  type SASLOptions,
} from "kafkajs";
import { kafkaLogCreator } from "./kafka-logger.ts";

/** SASL credentials. */
export interface KafkaSasl {
  readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
  readonly username: string;
  readonly password: string;
}

/** How to reach the cluster. */
export interface KafkaConnection {
  /** `host:port` of at least one broker. */
  readonly brokers: readonly string[];
  /** TLS with the system's certificate authorities, or with those of a PEM text. Default false. */
  readonly ssl?: boolean | { readonly ca: string };
  readonly sasl?: KafkaSasl;
  /** Name of this process in the broker's logs and quotas. Default `thulium-stream`. */
  readonly clientId?: string;
  readonly logger: Logger;
}

/** Retries inside kafkajs: enough for a leader election; what lasts longer is ours to retry. */
const patient: RetryOptions = { initialRetryTime: 100, maxRetryTime: 2_000, retries: 7 };

/**
 * The transactional producer's: CONCURRENT_TRANSACTIONS comes once after each commit, and with the default
 * first wait of 300 ms transactions would run at five a second. Bounded by the writer's own deadline.
 */
const brisk: RetryOptions = {
  initialRetryTime: 10,
  factor: 0,
  multiplier: 2,
  maxRetryTime: 250,
  retries: 120,
};

const [deflate, inflate] = [promisify(gzip), promisify(gunzip)];

/** Above this a batch is inflated piece by piece on another thread; below, what that costs is more than it saves. */
const mostBytesAtOnce = 1024 * 1024;

/** How much gzip says that its content comes to: the last four bytes, which are a hint and nothing to rely on. */
function inflatedBytes(buffer: Buffer): number {
  return buffer.length < 18 ? 0 : buffer.readUInt32LE(buffer.length - 4);
}

/** kafkajs has no setting for it: level 1 takes half the time of the usual 6 and makes JSON a fifth larger. */
kafkajs.CompressionCodecs[CompressionTypes.GZIP] = () => ({
  compress: ({ buffer }: { readonly buffer: Buffer }) => deflate(buffer, { level: 1 }),
  decompress: async (buffer: Buffer) => {
    const size = Math.max(64, inflatedBytes(buffer));
    return size > mostBytesAtOnce
      ? inflate(buffer, { chunkSize: mostBytesAtOnce })
      : gunzipSync(buffer, { chunkSize: size });
  },
});

/** One kafkajs client per temperament: `patient` for admin and readers, `brisk` for the writer. */
export function kafkaClient(connection: KafkaConnection, temper: "patient" | "brisk"): Kafka {
  const { brokers, ssl, sasl, clientId, logger } = connection;
  return new Kafka({
    brokers: [...brokers],
    clientId: clientId ?? "thulium-stream",
    ...(ssl === undefined ? {} : { ssl }),
    ...(sasl === undefined ? {} : { sasl: sasl as SASLOptions }),
    connectionTimeout: 10_000,
    authenticationTimeout: 10_000,
    requestTimeout: 30_000,
    retry: temper === "patient" ? patient : brisk,
    logLevel: logLevel.INFO,
    logCreator: kafkaLogCreator(logger),
  });
}
