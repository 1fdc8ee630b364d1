import { realServers } from "@thulium-stream/kit/real-servers";
import { Kafka, logLevel } from "kafkajs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { startKafka } from "./kafka-server.ts";
import { startS3 } from "./s3-server.ts";
import { ServerMissing } from "./server-missing.ts";

afterEach(() => vi.unstubAllEnvs());

const { kafkaBrokers, s3 } = realServers();

describe.skipIf(kafkaBrokers === null)("the broker", () => {
  it("answers at the address given to the tests, and is left alone when given by setting", async () => {
    const brokers = kafkaBrokers ?? [];
    vi.stubEnv("KAFKA_BROKERS", brokers.join(","));
    const given = await startKafka();
    expect(given).toMatchObject({ brokers, from: "given", pid: null });
    await given.stop();

    const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    expect((await admin.describeCluster()).brokers).toHaveLength(brokers.length);
    await admin.disconnect();
  });

  it("given by an address where nothing answers is reported with that address and a remedy", async () => {
    vi.stubEnv("KAFKA_BROKERS", "127.0.0.1:1");
    const error = await startKafka().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ServerMissing);
    expect(String(error)).toMatch(
      /KAFKA_BROKERS=127\.0\.0\.1:1 does not answer.*unset KAFKA_BROKERS/s,
    );
  });
});

describe.skipIf(s3 === null)("the S3 server", () => {
  it("lets in by the keys given to the tests, and a bucket can be made twice", async () => {
    vi.stubEnv("S3_ENDPOINT", s3?.endpoint);
    vi.stubEnv("AWS_ACCESS_KEY_ID", s3?.accessKeyId);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", s3?.secretAccessKey);
    vi.stubEnv("AWS_REGION", s3?.region);
    const given = await startS3();
    await given.createBucket("local-servers");
    await given.createBucket("local-servers");
    await given.stop();
  });

  it("that refuses the keys is reported with a remedy", async () => {
    vi.stubEnv("S3_ENDPOINT", s3?.endpoint);
    vi.stubEnv("AWS_ACCESS_KEY_ID", "nobody");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "wrong");
    await expect(startS3()).rejects.toThrow(/does not let us in.*AWS_ACCESS_KEY_ID/s);
  });
});
