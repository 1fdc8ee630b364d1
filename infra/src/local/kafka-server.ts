import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Kafka, logLevel } from "kafkajs";
import { freePorts } from "./free-ports.ts";
import { type KeptProcess, startKept, untilReady } from "./kept-process.ts";
import { mavenJars } from "./maven-jars.ts";
import { dockerAnswers, runCommand } from "./run-command.ts";
import { ServerMissing } from "./server-missing.ts";

/** The broker version that is started and tested against. */
export const kafkaVersion = "4.3.1";

/** The image of the same version. */
export const kafkaImage = `apache/kafka:${kafkaVersion}`;

/** A broker to use. */
export interface KafkaServer {
  /** `host:port` of each broker. */
  readonly brokers: string[];
  /** The version started here; null for a given address. */
  readonly version: string | null;
  /** Where it comes from. */
  readonly from: "given" | "docker" | "maven";
  /** Process id of the broker (of the Docker client when `from` is `docker`); null for a given address. */
  readonly pid: number | null;
  /** Ends the broker and removes its data; does nothing to a given one. Idempotent. */
  stop(): Promise<void>;
}

/**
 * A real Kafka broker: the one at `KAFKA_BROKERS` when set, else a new one by Docker when its daemon answers,
 * else a new one by Java and Maven (jars downloaded once into the cache). A new one listens on 127.0.0.1 on
 * free ports and ends with this process.
 * @throws ServerMissing saying what is not there; Error with the broker's last lines when it does not come up.
 */
export async function startKafka(): Promise<KafkaServer> {
  const given = process.env["KAFKA_BROKERS"];
  if (given) return givenKafka(given.split(",").map((address) => address.trim()));
  return (await dockerAnswers()) ? kafkaByDocker() : kafkaByMaven();
}

async function givenKafka(brokers: string[]): Promise<KafkaServer> {
  await probe(brokers).catch((error: unknown) => {
    throw new ServerMissing(
      "Kafka broker",
      `KAFKA_BROKERS=${brokers.join(",")} does not answer (${String(error)}).`,
      "Start it, correct the address, or unset KAFKA_BROKERS to have one started here.",
    );
  });
  return { brokers, version: null, from: "given", pid: null, stop: async () => {} };
}

/** Settings that make one node a whole cluster and keep tests quick. Everything else is the broker's default. */
const clusterOfOne = {
  "process.roles": "broker,controller",
  "node.id": "1",
  "controller.listener.names": "CONTROLLER",
  "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
  "offsets.topic.replication.factor": "1",
  "offsets.topic.num.partitions": "5",
  "transaction.state.log.replication.factor": "1",
  "transaction.state.log.min.isr": "1",
  "transaction.state.log.num.partitions": "5",
  "share.coordinator.state.topic.replication.factor": "1",
  "share.coordinator.state.topic.min.isr": "1",
  "group.initial.rebalance.delay.ms": "0",
  "auto.create.topics.enable": "false",
  "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
  "log.cleaner.backoff.ms": "1000",
};

async function kafkaByMaven(): Promise<KafkaServer> {
  const lib = await kafkaJars();
  const [port, controllerPort] = (await freePorts(2)) as [number, number];
  const folder = await mkdtemp(join(tmpdir(), "thulium-stream-kafka-"));
  const settings = {
    ...clusterOfOne,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${port}`,
    "controller.quorum.bootstrap.servers": `127.0.0.1:${controllerPort}`,
    "log.dirs": join(folder, "data"),
  };
  const properties = join(folder, "server.properties");
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  await writeFile(properties, `${lines.join("\n")}\n`);
  await writeFile(join(folder, "log4j2.properties"), brokerLogging);
  const java = [
    "-Xms128m",
    "-Xmx512m",
    "-XX:TieredStopAtLevel=1",
    `-Dlog4j2.configurationFile=${join(folder, "log4j2.properties")}`,
    "-cp",
    join(lib, "*"),
  ];
  const formatted = await runCommand(
    "java",
    [
      ...java,
      ...["kafka.tools.StorageTool", "format", "--standalone", "-t", clusterId, "-c", properties],
    ],
    { timeoutMs: 60_000 },
  );
  if (!formatted.ok)
    throw new Error(`The broker's data folder could not be made:\n${formatted.output}`);
  const server = await startKept({
    command: "java",
    args: [...java, "kafka.Kafka", properties],
    logFile: join(folder, "broker.log"),
    remove: [folder],
  });
  return ready(server, port, "maven");
}

const clusterId = "dGh1bGl1bS1zdHJlYW0tMQ";

const brokerLogging = `rootLogger.level=WARN
rootLogger.appenderRefs=stdout
rootLogger.appenderRef.stdout.ref=STDOUT
appender.console.type=Console
appender.console.name=STDOUT
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=[%d] %p %m (%c)%n
`;

async function kafkaByDocker(): Promise<KafkaServer> {
  const [port] = (await freePorts(1)) as [number];
  const folder = await mkdtemp(join(tmpdir(), "thulium-stream-kafka-"));
  const name = `thulium-stream-kafka-${port}`;
  const settings = {
    ...clusterOfOne,
    listeners: "PLAINTEXT://:9092,CONTROLLER://:9093",
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${port}`,
    "controller.quorum.voters": "1@localhost:9093",
  };
  const environment = Object.entries(settings).flatMap(([key, value]) => [
    "-e",
    `KAFKA_${key.toUpperCase().replaceAll(".", "_")}=${value}`,
  ]);
  const server = await startKept({
    command: "docker",
    args: [
      ...["run", "--rm", "--name", name, "-p", `127.0.0.1:${port}:9092`],
      ...environment,
      kafkaImage,
    ],
    logFile: join(folder, "broker.log"),
    remove: [folder],
    afterwards: [["docker", "rm", "-f", name]],
  });
  return ready(server, port, "docker");
}

async function ready(
  server: KeptProcess,
  port: number,
  from: "docker" | "maven",
): Promise<KafkaServer> {
  const brokers = [`127.0.0.1:${port}`];
  // The image may have to be pulled first.
  const timeoutMs = from === "docker" ? 300_000 : 60_000;
  await untilReady(server, "The Kafka broker", () => probe(brokers), timeoutMs);
  return { brokers, version: kafkaVersion, from, pid: server.pid, stop: () => server.stop() };
}

/** Resolves when the brokers answer a metadata request. */
async function probe(brokers: string[]): Promise<void> {
  const admin = new Kafka({
    brokers,
    logLevel: logLevel.NOTHING,
    connectionTimeout: 3_000,
    retry: { retries: 0 },
  }).admin();
  try {
    await admin.connect();
    await admin.listTopics();
  } finally {
    await admin.disconnect();
  }
}

/** The folder of the broker's jars, downloaded by Maven the first time (44 MB). */
function kafkaJars(): Promise<string> {
  return mavenJars({
    name: `kafka-${kafkaVersion}`,
    title: `Kafka broker ${kafkaVersion} (KAFKA_BROKERS is not set, no Docker daemon answers)`,
    artifacts: [
      `org.apache.kafka:kafka_2.13:${kafkaVersion}`,
      "org.apache.logging.log4j:log4j-slf4j-impl:2.25.1",
      "org.apache.logging.log4j:log4j-core:2.25.1",
    ],
    remedy:
      "Set KAFKA_BROKERS=host:port of a Kafka 4 broker, start Docker, or install Java 17 and Maven.",
  });
}
