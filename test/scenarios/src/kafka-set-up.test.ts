import { randomBytes, randomUUID } from "node:crypto";
import {
  MavenKafka,
  type SecureKafka,
  secureUsers,
  startSecureKafka,
} from "@thulium-stream/infra/local";
import { realServers } from "@thulium-stream/kit/real-servers";
import { Kafka, logLevel } from "kafkajs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { contentsOfLog, openLogBeside } from "./log-checks.ts";
import { Deployment } from "./pipeline-process.ts";
import { type HelpDesk, openHelpDesk, truthOf } from "./truth.ts";

const isPossible = realServers().kafkaBrokers !== null && (await MavenKafka.isPossible());

describe.skipIf(!isPossible)("a broker with TLS, logins and ACLs", () => {
  let broker: SecureKafka;
  let desk: HelpDesk;
  beforeAll(async () => {
    [broker, desk] = await Promise.all([startSecureKafka(), openHelpDesk(40)]);
  });
  afterAll(async () => {
    await desk.server.close();
    await broker.kafka.stop();
  });

  /** Runs a command against one listener with a prefix of its own. */
  async function ran(
    listener: Parameters<MavenKafka["address"]>[0],
    env: Readonly<Record<string, string>>,
    args: readonly string[] = ["run", "--once"],
  ) {
    const prefix = `s${randomUUID().slice(0, 8)}.`;
    const url = `kafka://${broker.kafka.address(listener)}`;
    const deployment = new Deployment({
      ...desk.env,
      EVENT_LOG_URL: url,
      TOPIC_PREFIX: prefix,
      ...env,
    });
    const { code, stdout, stderr } = await deployment.run(args);
    deployment.dispose();
    return { code, prefix, stdout, stderr };
  }
  const login = (
    mechanism: string,
    { username, password }: { readonly username: string; readonly password: string },
  ) => ({
    KAFKA_SSL_CA: broker.caFile,
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: username,
    KAFKA_SASL_PASSWORD: password,
  });
  /** Everything of the help desk is on the log under this prefix, as another client sees it. */
  async function expectAllThere(prefix: string): Promise<void> {
    const log = await openLogBeside(`kafka://${broker.kafka.address("PLAINTEXT")}`, prefix);
    expect(await contentsOfLog(log)).toEqual(truthOf(desk));
    await log.close();
  }

  it.each([
    ["TLS alone", "SSL", () => ({ KAFKA_SSL_CA: broker.caFile })],
    ["TLS and PLAIN", "SASL_SSL", () => login("plain", secureUsers.plain)],
    ["TLS and SCRAM-SHA-512", "SASL_SSL", () => login("scram-sha-512", secureUsers.scram)],
  ] as const)("takes the whole pipeline through %s", async (_, listener, env) => {
    const { code, prefix, stderr } = await ran(listener, env());
    expect(code, stderr).toBe(0);
    await expectAllThere(prefix);
  });

  it.concurrent.each([
    [
      "an unknown certificate",
      "SSL",
      () => ({ KAFKA_SSL: "true" }),
      /self-signed certificate\n.*KAFKA_SSL_CA/,
    ],
    ["no TLS where it is needed", "SSL", () => ({}), /Closed connection\n.*KAFKA_SSL/],
    [
      "TLS where there is none",
      "PLAINTEXT",
      () => ({ KAFKA_SSL: "true" }),
      /does not speak TLS: unset KAFKA_SSL/,
    ],
    [
      "a file that is no certificate",
      "SSL",
      () => ({ KAFKA_SSL_CA: import.meta.filename }),
      /KAFKA_SSL_CA=.*kafka-set-up\.test\.ts cannot be used: it holds no certificate/,
    ],
    [
      "no login where one is needed",
      "SASL_SSL",
      () => ({ KAFKA_SSL_CA: broker.caFile }),
      /Closed connection\n.*KAFKA_SASL_MECHANISM/,
    ],
    [
      "a wrong password, PLAIN",
      "SASL_SSL",
      () => login("plain", { ...secureUsers.plain, password: "wrong-secret" }),
      /Authentication failed.*\nCheck KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD/i,
    ],
    [
      "a wrong password, SCRAM",
      "SASL_SSL",
      () => login("scram-sha-512", { ...secureUsers.scram, password: "wrong-secret" }),
      /authentication failed.*\nCheck KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD/i,
    ],
    [
      "a mechanism that the broker does not offer",
      "SASL_SSL",
      () => login("scram-sha-256", secureUsers.scram),
      /does not support the requested SASL mechanism\nSet KAFKA_SASL_MECHANISM/,
    ],
    [
      "a user without rights",
      "SASL_SSL",
      () => login("scram-sha-512", secureUsers.stranger),
      /creating s.*ticket-events.*: Not authorized.*\nGive this user the ACLs/,
    ],
    [
      "an address that the broker advertises and nobody reaches",
      "ASTRAY",
      () => ({}),
      /give 127\.0\.0\.1:1 as their address.*advertised\.listeners/,
    ],
  ] as const)("%s ends with exit code 2 and what to do", async (_, listener, env, message) => {
    const { code, stderr } = await ran(listener, env());
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
    expect(stderr).not.toContain("wrong-secret");
    expect(stderr).not.toContain("    at ");
  });

  it("a user with rights on topics, but not on the transactional id, is told which right is missing", async () => {
    const prefix = `acl${randomUUID().slice(0, 8)}.`;
    const outside = new Kafka({
      brokers: [broker.kafka.address("PLAINTEXT")],
      logLevel: logLevel.NOTHING,
    });
    const admin = outside.admin();
    await admin.connect();
    // 2 topic, 4 prefixed, 2 all, 3 allow (AclResourceTypes, ResourcePatternTypes, AclOperationTypes, AclPermissionTypes)
    await admin.createAcls({
      acl: [
        {
          resourceType: 2,
          resourceName: prefix,
          resourcePatternType: 4,
          principal: `User:${secureUsers.stranger.username}`,
          host: "*",
          operation: 2,
          permissionType: 3,
        },
      ],
    });
    await admin.disconnect();
    const { code, stderr } = await ran("SASL_SSL", {
      ...login("scram-sha-512", secureUsers.stranger),
      TOPIC_PREFIX: prefix,
    });
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(
        /opening the writer acl.*\.extractor\.acme: .*[Tt]ransactional.*\nGive this user the ACLs/,
      ),
    ]);
  });

  it("check tells where topics differ from the table, and changes none", async () => {
    const TOPIC_PREFIX = `drift${randomUUID().slice(0, 8)}.`;
    expect((await ran("PLAINTEXT", { TOPIC_PREFIX }, ["check"])).stdout).not.toContain("! topic");
    for (let round = 0; round < 2; round += 1) {
      const { code, stdout } = await ran(
        "PLAINTEXT",
        { TOPIC_PREFIX, EVENT_RETENTION: "7d", KAFKA_REPLICATION_FACTOR: "3" },
        ["check"],
      );
      expect([code, stdout]).toEqual([0, expect.stringContaining("✓ event log")]);
      expect(stdout).toContain(
        `! topic ${TOPIC_PREFIX}ticket-events: retention.ms is 2592000000, not 604800000`,
      );
      expect(stdout).toContain(`! topic ${TOPIC_PREFIX}tickets: replicas is 1, not 3`);
    }
  });
});

describe.skipIf(!isPossible)("a broker whose disk is full", () => {
  it("is waited for with a word about it, and nothing is lost when there is room again", async () => {
    // Index files of the broker have 10 MiB from the start.
    const full = await MavenKafka.prepare({ largestFileKib: 11_000 });
    const desk = await openHelpDesk(60);
    const [row] = [...desk.sandbox.truth().rows()];
    const deployment = new Deployment({
      ...desk.env,
      EVENT_LOG_URL: `kafka://${full.address("PLAINTEXT")}`,
      TOPIC_PREFIX: "full.",
    });
    await full.start();
    const noise = () => randomBytes(75_000).toString("base64");
    for (let n = 0; n < 200; n += 1)
      desk.sandbox.mutate({ kind: "mail", ticketId: Number(row?.["ticket_id"]), body: noise() });
    const { process: child, ended } = deployment.start(["run", "--once"]);
    let told = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      told += chunk;
    });
    await expect
      .poll(() => told, { timeout: 120_000 })
      .toMatch(/appending to the log failed; trying again/);
    expect(child.exitCode).toBe(null);
    await full.kill();
    full.setLargestFile(null);
    await full.start();
    expect((await ended).code, told).toBe(0);
    const log = await openLogBeside(`kafka://${full.address("PLAINTEXT")}`, "full.");
    expect(await contentsOfLog(log)).toEqual(truthOf(desk));
    await log.close();
    await desk.server.close();
    deployment.dispose();
    await full.stop();
  });
});
