import { randomUUID } from "node:crypto";
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { messageState, ticketKey } from "@thulium-stream/contracts";
import { realServers } from "@thulium-stream/kit/real-servers";
import { batchesToEnd } from "@thulium-stream/runtime";
import { describe, expect, it } from "vitest";
import { checksumsByDuckdb, fetchLake } from "./lake-readers.ts";
import { openLogBeside } from "./log-checks.ts";
import { Deployment } from "./pipeline-process.ts";
import { openHelpDesk, truthOf } from "./truth.ts";

const { kafkaBrokers, s3 } = realServers();

describe.skipIf(kafkaBrokers === null || s3 === null)(
  "a message that no Kafka record can hold",
  () => {
    it("goes whole into the lake by claim check, and a reader without the lake sees where it is", async () => {
      if (kafkaBrokers === null || s3 === null) return;
      const name = `large-${randomUUID().slice(0, 8)}`;
      const { endpoint, region, accessKeyId, secretAccessKey } = s3;
      const credentials = { accessKeyId, secretAccessKey };
      const connection = { endpoint, region, forcePathStyle: true, credentials };
      const bucket = new S3Client(connection);
      await bucket.send(new CreateBucketCommand({ Bucket: name }));
      const env = {
        EVENT_LOG_URL: `kafka://${kafkaBrokers.join(",")}`,
        TOPIC_PREFIX: `${name}.`,
        LAKE_URL: `s3://${name}`,
        S3_ENDPOINT: endpoint,
        AWS_REGION: region,
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
      };
      const desk = await openHelpDesk(60);
      const [row] = [...desk.sandbox.truth().rows()];
      const ticketId = Number(row?.["ticket_id"]);
      const body = "Zażółć gęślą jaźń. ".repeat(60_000);
      desk.sandbox.mutate({ kind: "mail", ticketId, body });
      const deployment = new Deployment({ ...desk.env, ...env });
      await deployment.succeed(["run", "--once"]);

      expect(await checksumsByDuckdb(await fetchLake(`s3://${name}`, connection))).toEqual(
        truthOf(desk),
      );
      const { Contents = [] } = await bucket.send(
        new ListObjectsV2Command({ Bucket: name, Prefix: `claims/acme/${ticketId}/` }),
      );
      // The event and the state of one message.
      expect(Contents.map(({ Size }) => (Size ?? 0) > Buffer.byteLength(body))).toEqual([
        true,
        true,
      ]);
      const log = await openLogBeside(env.EVENT_LOG_URL, env.TOPIC_PREFIX);
      const references: unknown[] = [];
      for await (const { records } of batchesToEnd(log, "messages"))
        for (const { key, headers, value } of records)
          if (headers["ce_dataref"] !== undefined) {
            expect(key).toContain(`${ticketKey("acme", String(ticketId))}:`);
            references.push(JSON.parse(Buffer.from(value ?? "").toString()));
          } else messageState.parse(JSON.parse(Buffer.from(value ?? "").toString()));
      expect(references).toEqual([
        {
          dataref: expect.stringContaining(`claims/acme/${ticketId}/`),
          bytes: expect.any(Number),
          sha256: expect.any(String),
        },
      ]);
      await log.close();
      await desk.server.close();
      deployment.dispose();
    });
  },
);
