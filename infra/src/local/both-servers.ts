import { type KafkaServer, startKafka } from "./kafka-server.ts";
import { type S3Server, startS3 } from "./s3-server.ts";

/** Both servers, each with the reason when it could not be had. */
export interface BothServers {
  readonly kafka: KafkaServer | null;
  readonly s3: S3Server | null;
  /** One paragraph per server that is missing; empty when both run. */
  readonly missing: readonly string[];
  /** Ends what was started. */
  stop(): Promise<void>;
}

/** Starts the broker and the S3 server side by side; one that cannot be had is null with its reason. */
export async function startBoth(): Promise<BothServers> {
  const missing: string[] = [];
  const orNull = (error: unknown): null => {
    missing.push(error instanceof Error ? error.message : String(error));
    return null;
  };
  const [kafka, s3] = await Promise.all([startKafka().catch(orNull), startS3().catch(orNull)]);
  return {
    kafka,
    s3,
    missing,
    async stop() {
      await Promise.all([kafka?.stop(), s3?.stop()]);
    },
  };
}
