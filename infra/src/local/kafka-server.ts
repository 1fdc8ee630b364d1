import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clusterOfOne, kafkaVersion, probe } from "./cluster-of-one.ts";
import { freePorts } from "./free-ports.ts";
import { startKept, untilReady } from "./kept-process.ts";
import { MavenKafka } from "./maven-kafka.ts";
import { dockerAnswers } from "./run-command.ts";
import { ServerMissing } from "./server-missing.ts";

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

async function kafkaByMaven(): Promise<KafkaServer> {
  const kafka = await MavenKafka.prepare();
  await kafka.start();
  return {
    brokers: [kafka.address("PLAINTEXT")],
    version: kafkaVersion,
    from: "maven",
    pid: kafka.pid,
    stop: () => kafka.stop(),
  };
}

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
  const brokers = [`127.0.0.1:${port}`];
  // The image may have to be pulled first.
  await untilReady(server, "The Kafka broker", () => probe(brokers), 300_000);
  return {
    brokers,
    version: kafkaVersion,
    from: "docker",
    pid: server.pid,
    stop: () => server.stop(),
  };
}
