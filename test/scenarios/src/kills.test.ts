import { randomUUID } from "node:crypto";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { realServers } from "@thulium-stream/kit/real-servers";
import { describe, expect, it } from "vitest";
import { killRun } from "./kill-run.ts";
import { checksumsByDuckdb, fetchLake } from "./lake-readers.ts";
import { expectExactlyOnce, openLogBeside } from "./log-checks.ts";
import { truthOf } from "./truth.ts";

const { kafkaBrokers, s3 } = realServers();

describe("killed at random moments of backfill and live sweeps, the pipeline loses and doubles nothing", () => {
  it("on local folders", async () => {
    const { desk, deployment } = await killRun({ seed: 11, kills: 6, tickets: 1500, env: {} });
    const { folder } = deployment;
    const lake = await fetchLake(`file:${folder}/data/acme/lake`);
    expect(await checksumsByDuckdb(lake)).toEqual(truthOf(desk));
    const log = await openLogBeside(`embedded:${folder}/data/acme/log`);
    expect(await expectExactlyOnce(log, lake)).toBeGreaterThan(1500);
    await log.close();
    await desk.server.close();
    deployment.dispose();
  });

  it.skipIf(kafkaBrokers === null || s3 === null)(
    "on a real Kafka broker and a real S3 server",
    async () => {
      if (kafkaBrokers === null || s3 === null) return;
      const name = `kills-${randomUUID().slice(0, 8)}`;
      const { endpoint, region, accessKeyId, secretAccessKey } = s3;
      const connection = {
        endpoint,
        region,
        forcePathStyle: true,
        credentials: { accessKeyId, secretAccessKey },
      };
      await new S3Client(connection).send(new CreateBucketCommand({ Bucket: name }));
      const env = {
        EVENT_LOG_URL: `kafka://${kafkaBrokers.join(",")}`,
        TOPIC_PREFIX: `${name}.`,
        LAKE_URL: `s3://${name}`,
        S3_ENDPOINT: endpoint,
        AWS_REGION: region,
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
      };
      const { desk, deployment } = await killRun({ seed: 12, kills: 4, tickets: 1000, env });
      const lake = await fetchLake(`s3://${name}`, connection);
      expect(await checksumsByDuckdb(lake)).toEqual(truthOf(desk));
      const log = await openLogBeside(env.EVENT_LOG_URL, `${name}.`);
      expect(await expectExactlyOnce(log, lake)).toBeGreaterThan(1000);
      await log.close();
      await desk.server.close();
      deployment.dispose();
    },
  );
});
