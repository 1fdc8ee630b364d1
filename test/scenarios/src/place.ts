import { randomUUID } from "node:crypto";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import type { RealServers, S3Address } from "@thulium-stream/kit/real-servers";
import type { Deployment } from "./pipeline-process.ts";

/** Real servers. */
export interface Servers {
  readonly brokers: readonly string[];
  readonly s3: S3Address;
}

/** The servers of a test run. @throws Error when one could not be had: such a test is skipped. */
export function serversOf({ kafkaBrokers, s3 }: Pick<RealServers, "kafkaBrokers" | "s3">): Servers {
  if (kafkaBrokers === null || s3 === null) throw new Error("no servers");
  return { brokers: kafkaBrokers, s3 };
}

/** Where log and lake of a scenario are. */
export interface Place {
  /** Settings that say so. */
  readonly env: Readonly<Record<string, string>>;
  readonly topicPrefix: string;
  readonly logUrl: (deployment: Deployment) => string;
  readonly lakeUrl: (deployment: Deployment) => string;
  /** How the store is reached. */
  readonly s3: object;
}

/** In the deployment's own folder. */
export const localPlace: Place = {
  env: {},
  topicPrefix: "thulium.",
  s3: {},
  logUrl: ({ folder }) => `embedded:${folder}/data/acme/log`,
  lakeUrl: ({ folder }) => `file:${folder}/data/acme/lake`,
};

/** Topics and a new bucket of their own, named after `what`. */
export async function remotePlace(what: string, { brokers, s3 }: Servers): Promise<Place> {
  const name = `${what}-${randomUUID().slice(0, 8)}`;
  const { endpoint, region, accessKeyId, secretAccessKey } = s3;
  const credentials = { accessKeyId, secretAccessKey };
  const connection = { endpoint, region, forcePathStyle: true, credentials };
  const client = new S3Client(connection);
  await client.send(new CreateBucketCommand({ Bucket: name }));
  client.destroy();
  const [logUrl, lakeUrl] = [`kafka://${brokers.join(",")}`, `s3://${name}/lake`];
  return {
    env: {
      EVENT_LOG_URL: logUrl,
      TOPIC_PREFIX: `${name}.`,
      LAKE_URL: lakeUrl,
      S3_ENDPOINT: endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    },
    topicPrefix: `${name}.`,
    logUrl: () => logUrl,
    lakeUrl: () => lakeUrl,
    s3: connection,
  };
}
