import { join } from "node:path";
import {
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { type S3Server, startS3 } from "@thulium-stream/infra/local";
import { realServers, type S3Address } from "@thulium-stream/kit/real-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Deployment } from "./pipeline-process.ts";
import { type HelpDesk, openHelpDesk } from "./truth.ts";

const bucket = "set-up";
/** Users can be made only on a server that is started here. */
const server = realServers().s3 === null ? null : await startS3();
const reader = (await server?.createUser("reader")) ?? null;
afterAll(() => server?.stop());

describe.skipIf(server === null || reader === null)("a lake on a real S3 server", () => {
  const { endpoint, region, accessKeyId, secretAccessKey } = server as S3Server;
  const credentials = { accessKeyId, secretAccessKey };
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials });
  let desk: HelpDesk;
  beforeAll(async () => {
    desk = await openHelpDesk(40);
    await server?.createBucket(bucket);
    await client.send(
      new PutBucketPolicyCommand({ Bucket: bucket, Policy: JSON.stringify(readOnly("reader")) }),
    );
  });
  afterAll(async () => {
    await desk.server.close();
    client.destroy();
  });

  const envOf = (address: S3Address, prefix: string) => ({
    LAKE_URL: `s3://${bucket}/${prefix}`,
    S3_ENDPOINT: address.endpoint,
    AWS_REGION: address.region,
    AWS_ACCESS_KEY_ID: address.accessKeyId,
    AWS_SECRET_ACCESS_KEY: address.secretAccessKey,
  });
  const keysBelow = async (prefix: string) => {
    const found = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
    return (found.Contents ?? []).map(({ Key = "" }) => Key);
  };

  it.concurrent.each<[string, Readonly<Record<string, string>>, RegExp]>([
    [
      "a missing bucket",
      { LAKE_URL: "s3://no-such-bucket/lake" },
      /LAKE_URL=s3:\/\/no-such-bucket\/lake: .*NoSuchBucket.*\nCreate the bucket, or correct LAKE_URL/,
    ],
    [
      "a wrong secret",
      { AWS_SECRET_ACCESS_KEY: "none-of-yours" },
      /SignatureDoesNotMatch.*\nCheck AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY/,
    ],
    [
      "keys of nobody",
      { AWS_ACCESS_KEY_ID: "nobody" },
      /LAKE_URL=.*\nCheck AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY/,
    ],
    [
      "another region",
      { AWS_REGION: "eu-west-1" },
      /LAKE_URL=.*expecting "us-east-1"\nCheck AWS_REGION and S3_ENDPOINT/,
    ],
    [
      "keys that may only read",
      { AWS_ACCESS_KEY_ID: "reader", AWS_SECRET_ACCESS_KEY: reader?.secretAccessKey ?? "" },
      /LAKE_URL=.*writing .*AccessDenied.*\nAllow .*s3:PutObject.* below the prefix/,
    ],
    [
      "a server that does not know conditional writes",
      { NODE_OPTIONS: `--import ${preloaded("unconditional-puts")}` },
      /LAKE_URL=.*ignores If-None-Match.*\nUse a server with conditional writes/,
    ],
    [
      "a clock that is an hour ahead",
      { NODE_OPTIONS: `--import ${preloaded("ahead-of-time")}` },
      /LAKE_URL=.*RequestTimeTooSkewed.*\nSet this machine's clock/,
    ],
  ])(
    "%s is refused by `check` and at start with what to do, and nothing is written",
    async (name, env, message) => {
      const prefix = name.replaceAll(" ", "-");
      const deployment = new Deployment({
        ...desk.env,
        ...envOf(server as S3Server, prefix),
        ...env,
      });
      const check = await deployment.run(["check"]);
      expect([check.code, check.stdout]).toEqual([2, expect.stringMatching(message)]);
      const start = await deployment.run(["lake-writer"]);
      expect([start.code, start.stderr]).toEqual([2, expect.stringMatching(message)]);
      for (const told of [check.stdout, check.stderr, start.stderr]) {
        expect(told).not.toContain("none-of-yours");
        expect(told).not.toMatch(/^ +at /m);
      }
      deployment.dispose();
      expect(await keysBelow(prefix)).toEqual([]);
    },
  );

  it.concurrent.each<[string, string, RegExp]>([
    [
      "a table of another engine",
      JSON.stringify({ "format-version": 2, "table-uuid": "5e1f", properties: {} }),
      /LAKE_URL holds a table of something else at tables\/tickets/,
    ],
    [
      "a table in a newer format",
      JSON.stringify({ "format-version": 3, "table-uuid": "5e1f", properties: {} }),
      /LAKE_URL holds a table of something else at tables\/tickets/,
    ],
    ["a metadata file that was cut", '{"format-version": 2, "tab', /tables\/tickets\/metadata\/v1/],
  ])("%s is named with its place, and left as it is", async (name, metadata, message) => {
    const prefix = name.replaceAll(" ", "-");
    const [Bucket, Key] = [bucket, `${prefix}/tables/tickets/metadata/v1.metadata.json`];
    await client.send(new PutObjectCommand({ Bucket, Key, Body: metadata }));
    const deployment = new Deployment({ ...desk.env, ...envOf(server as S3Server, prefix) });
    const { code, stderr } = await deployment.run(["run", "--once"]);
    expect([code, stderr]).toEqual([
      expect.toSatisfy((each) => each !== 0),
      expect.stringMatching(message),
    ]);
    expect(stderr).not.toMatch(/^ +at /m);
    deployment.dispose();
    expect((await keysBelow(`${prefix}/tables/tickets/`)).sort()).toEqual([Key]);
    const kept = await client.send(new GetObjectCommand({ Bucket, Key }));
    expect(await kept.Body?.transformToString()).toBe(metadata);
  });

  it("whoever may only read can ask the lake", async () => {
    const writer = new Deployment({ ...desk.env, ...envOf(server as S3Server, "read") });
    await writer.succeed(["run", "--once"]);
    writer.dispose();
    const asking = new Deployment(envOf(reader as S3Address, "read"));
    const csv = await asking.succeed([
      ...["lake", "query", "select count(*) as tickets from tickets", "--format", "csv"],
    ]);
    expect(csv.trim().split(/\r?\n/)).toEqual(["tickets", "40"]);
    asking.dispose();
  });
});

function preloaded(name: string): string {
  return join(import.meta.dirname, "..", "dist", "preload", `${name}.js`);
}

/** A bucket's policy that lets a user read, and nothing else. */
function readOnly(user: string): object {
  const allowed = { Effect: "Allow", Principal: user };
  return {
    Version: "2012-10-17",
    Statement: [
      { ...allowed, Action: ["s3:ListBucket"], Resource: `arn:aws:s3:::${bucket}` },
      { ...allowed, Action: ["s3:GetObject"], Resource: `arn:aws:s3:::${bucket}/*` },
    ],
  };
}
