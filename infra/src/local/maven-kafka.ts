import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clusterOfOne, kafkaVersion, probe } from "./cluster-of-one.ts";
import { freePorts } from "./free-ports.ts";
import { type KeptProcess, startKept, untilReady } from "./kept-process.ts";
import { mavenJars } from "./maven-jars.ts";
import { runCommand } from "./run-command.ts";

/** Names of listeners that a broker can have. PLAINTEXT is always there; ASTRAY is plain, too, and advertises an address where nobody listens. */
export type ListenerName = "PLAINTEXT" | "SSL" | "SASL_SSL" | "ASTRAY";

/** How a broker differs from the usual one. */
export interface MavenKafkaOptions {
  /** Beside PLAINTEXT. */
  readonly listeners?: readonly ListenerName[];
  /** Further settings; told the broker's own folder. They win over the usual ones. */
  readonly settings?: (folder: string) => Readonly<Record<string, string>>;
  /** Arguments of the formatting, such as `--add-scram`. */
  readonly format?: readonly string[];
  /** Largest file that the broker may write, in KiB: what lies beyond fails as on a full disk. */
  readonly largestFileKib?: number;
  /** Called with the folder before the broker is formatted, for files that the settings name. */
  readonly prepare?: (folder: string) => Promise<void>;
}

/**
 * A broker by Java and Maven that can be killed and started again with the same data and addresses. It ends with this process; its folder goes with
 * `stop`.
 */
export class MavenKafka {
  readonly #java: readonly string[];
  readonly #options: MavenKafkaOptions;
  readonly #ports: ReadonlyMap<ListenerName, number>;
  /** Where settings, data and log are. */
  readonly folder: string;
  #server: KeptProcess | null = null;
  #largestFileKib: number | null;

  private constructor(
    java: readonly string[],
    folder: string,
    ports: ReadonlyMap<ListenerName, number>,
    options: MavenKafkaOptions,
  ) {
    this.#java = java;
    this.#options = options;
    this.#ports = ports;
    this.folder = folder;
    this.#largestFileKib = options.largestFileKib ?? null;
  }

  /** Whether Java and the jars can be had here; where a given broker or Docker serves the other tests, these may be missing. */
  static async isPossible(): Promise<boolean> {
    return kafkaJars().then(
      () => true,
      () => false,
    );
  }

  /** Makes the data folder. @throws ServerMissing without Java and Maven. */
  static async prepare(options: MavenKafkaOptions = {}): Promise<MavenKafka> {
    const lib = await kafkaJars();
    const names: readonly ListenerName[] = ["PLAINTEXT", ...(options.listeners ?? [])];
    const [controllerPort, ...rest] = await freePorts(names.length + 1);
    const ports = new Map(names.map((name, at) => [name, rest[at] ?? 0]));
    const folder = await mkdtemp(join(tmpdir(), "thulium-stream-kafka-"));
    await options.prepare?.(folder);
    const addresses = [...ports].map(([name, port]) => `${name}://127.0.0.1:${port}`).join(",");
    const settings = {
      ...clusterOfOne,
      listeners: `${addresses},CONTROLLER://127.0.0.1:${controllerPort}`,
      "advertised.listeners": addresses.replace(/ASTRAY:[^,]*/, "ASTRAY://127.0.0.1:1"),
      "controller.quorum.bootstrap.servers": `127.0.0.1:${controllerPort}`,
      "log.dirs": join(folder, "data"),
      ...options.settings?.(folder),
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
    await writeFile(join(folder, "server.properties"), `${lines.join("\n")}\n`);
    await writeFile(join(folder, "log4j2.properties"), brokerLogging);
    const java = [
      "-Xms128m",
      "-Xmx512m",
      "-XX:TieredStopAtLevel=1",
      `-Dlog4j2.configurationFile=${join(folder, "log4j2.properties")}`,
      "-cp",
      join(lib, "*"),
    ];
    const kafka = new MavenKafka(java, folder, ports, options);
    await kafka.#format();
    return kafka;
  }

  async #format(): Promise<void> {
    const properties = join(this.folder, "server.properties");
    const format = ["format", "--standalone", "-t", clusterId, "-c", properties];
    const formatted = await runCommand(
      "java",
      [...this.#java, "kafka.tools.StorageTool", ...format, ...(this.#options.format ?? [])],
      { timeoutMs: 60_000 },
    );
    if (!formatted.ok)
      throw new Error(`The broker's data folder could not be made:\n${formatted.output}`);
  }

  /** `host:port` of a listener. */
  address(listener: ListenerName): string {
    return `127.0.0.1:${this.#ports.get(listener)}`;
  }

  /** Process id; null while it does not run. */
  get pid(): number | null {
    return this.#server?.pid ?? null;
  }

  /** Starts it, for the first time or again; resolves when it answers. */
  async start(): Promise<void> {
    const run = ["java", ...this.#java, "kafka.Kafka", join(this.folder, "server.properties")];
    const [command = "", ...args] =
      this.#largestFileKib === null
        ? run
        : ["bash", "-c", 'ulimit -f "$0" && exec "$@"', String(this.#largestFileKib), ...run];
    const server = await startKept({
      command,
      args,
      logFile: join(this.folder, "broker.log"),
      remove: [],
    });
    this.#server = server;
    // A test that is killed itself leaves no broker behind, only its folder.
    await untilReady(server, "The Kafka broker", () => probe([this.address("PLAINTEXT")]), 60_000);
  }

  /** Makes room, or takes it away: from the next start on. null = no limit. */
  setLargestFile(kib: number | null): void {
    this.#largestFileKib = kib;
  }

  /** Ends it by SIGKILL; its data stays. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    if (!server.ended) process.kill(server.pid, "SIGKILL");
    await server.stop();
  }

  /** Ends it and removes its data. Idempotent. */
  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = null;
    await rm(this.folder, { recursive: true, force: true });
  }
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
