import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Column } from "@thulium-stream/contracts";
import { freePorts, mavenJars, startKept, untilReady } from "@thulium-stream/infra/local";
import { Kafka, logLevel } from "kafkajs";
import { type Drained, peakRssBytes } from "./drained.ts";
import { emptyIcebergTable } from "./empty-iceberg-table.ts";

const versions = { kafka: "4.3.1", iceberg: "1.12.0", hadoop: "3.4.2", log4j: "2.25.1" } as const;

/** Versions and settings of the comparison, for the report. */
export const connectSinkTitle = `Kafka Connect ${versions.kafka} with the Iceberg sink ${versions.iceberg} (standalone, 2 tasks, commit interval 5 s, default heap)`;

const drainLimitMs = 600_000;

/**
 * Drains a topic of JSON values by Kafka Connect's Iceberg sink into a typed table of a HadoopCatalog in `folder`, partitioned by day, and measures it.
 * Its work can begin once both tasks run.
 */
export async function drainByConnect(options: {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly rows: number;
  readonly columns: readonly Column[];
  readonly dayColumn: string;
  readonly folder: string;
}): Promise<Drained> {
  const { brokers, topic, rows, columns, dayColumn, folder } = options;
  const jars = await connectJars();
  const table = join(folder, "warehouse", "bench", "events");
  mkdirSync(join(table, "metadata"), { recursive: true });
  writeFileSync(
    join(table, "metadata", "v1.metadata.json"),
    JSON.stringify(emptyIcebergTable({ location: `file://${table}`, columns, dayColumn })),
  );
  writeFileSync(join(table, "metadata", "version-hint.text"), "1");
  await createControlTopic(brokers);
  const [port] = (await freePorts(1)) as [number];
  const startedMs = performance.now();
  const worker = await startKept({
    command: "java",
    args: [
      `-Dlog4j2.configurationFile=${written(folder, "log4j2.properties", logging)}`,
      ...["-cp", join(jars, "*"), "org.apache.kafka.connect.cli.ConnectStandalone"],
      written(folder, "worker.properties", workerSettings(brokers, port, folder)),
      written(folder, "sink.properties", sinkSettings(topic, folder)),
    ],
    logFile: join(folder, "connect.log"),
    remove: [],
  });
  try {
    await untilReady(worker, "Kafka Connect", () => bothTasksRun(port), 120_000);
    const runningMs = performance.now();
    for (;;) {
      const { totalRows, files, fileBytes } = newestTotals(table);
      if (totalRows >= rows)
        return {
          rows: totalRows,
          files,
          fileBytes,
          seconds: (performance.now() - runningMs) / 1000,
          secondsFromStart: (performance.now() - startedMs) / 1000,
          peakRssBytes: peakRssBytes(worker.pid),
        };
      if (worker.ended || performance.now() - runningMs > drainLimitMs)
        throw new Error(`Kafka Connect came to ${totalRows} of ${rows} rows:\n${worker.log()}`);
      await sleep(100);
    }
  } finally {
    await worker.stop();
  }
}

function connectJars(): Promise<string> {
  return mavenJars({
    name: `kafka-connect-${versions.kafka}-iceberg-${versions.iceberg}`,
    title: "Kafka Connect with the Iceberg sink (110 MB)",
    artifacts: [
      `org.apache.kafka:connect-runtime:${versions.kafka}`,
      `org.apache.kafka:connect-json:${versions.kafka}`,
      `org.apache.iceberg:iceberg-kafka-connect:${versions.iceberg}`,
      `org.apache.iceberg:iceberg-parquet:${versions.iceberg}`,
      `org.apache.hadoop:hadoop-client-api:${versions.hadoop}`,
      `org.apache.hadoop:hadoop-client-runtime:${versions.hadoop}`,
      `org.apache.logging.log4j:log4j-slf4j-impl:${versions.log4j}`,
      `org.apache.logging.log4j:log4j-core:${versions.log4j}`,
    ],
    remedy: "Install Java 17 and Maven and give it access to a repository.",
  });
}

/** The sink's own topic; brokers here make none by themselves. */
async function createControlTopic(brokers: readonly string[]): Promise<void> {
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: "control-iceberg", numPartitions: 1 }] });
  await admin.disconnect();
}

function written(folder: string, name: string, settings: Readonly<Record<string, string>>): string {
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  writeFileSync(join(folder, name), `${lines.join("\n")}\n`);
  return join(folder, name);
}

const logging = {
  "rootLogger.level": "WARN",
  "rootLogger.appenderRefs": "stdout",
  "rootLogger.appenderRef.stdout.ref": "STDOUT",
  "appender.console.type": "Console",
  "appender.console.name": "STDOUT",
  "appender.console.layout.type": "PatternLayout",
  "appender.console.layout.pattern": "[%d] %p %m (%c)%n",
};

function workerSettings(brokers: readonly string[], port: number, folder: string) {
  return {
    "bootstrap.servers": brokers.join(","),
    listeners: `http://127.0.0.1:${port}`,
    "key.converter": "org.apache.kafka.connect.storage.StringConverter",
    "value.converter": "org.apache.kafka.connect.json.JsonConverter",
    "value.converter.schemas.enable": "false",
    "offset.storage.file.filename": join(folder, "offsets"),
    "offset.flush.interval.ms": "1000",
    "consumer.isolation.level": "read_committed",
    "consumer.auto.offset.reset": "earliest",
  };
}

function sinkSettings(topic: string, folder: string) {
  return {
    name: "iceberg",
    "connector.class": "org.apache.iceberg.connect.IcebergSinkConnector",
    "tasks.max": "2",
    topics: topic,
    "iceberg.tables": "bench.events",
    "iceberg.catalog.type": "hadoop",
    "iceberg.catalog.warehouse": `file://${join(folder, "warehouse")}`,
    "iceberg.control.commit.interval-ms": "5000",
  };
}

/** Resolves when the connector's two tasks run. */
async function bothTasksRun(port: number): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/connectors/iceberg/status`);
  const { tasks } = (await answer.json()) as { tasks?: { state: string }[] };
  const running = tasks?.filter(({ state }) => state === "RUNNING").length ?? 0;
  if (running < 2) throw new Error(`${running} of 2 tasks run`);
}

/** Totals of the newest snapshot, as the sink's own commit states them. */
function newestTotals(table: string) {
  const version = readFileSync(join(table, "metadata", "version-hint.text"), "utf8").trim();
  const metadata = JSON.parse(
    readFileSync(join(table, "metadata", `v${version}.metadata.json`), "utf8"),
  ) as { snapshots?: { summary: Record<string, string> }[] };
  const summary = metadata.snapshots?.at(-1)?.summary ?? {};
  return {
    totalRows: Number(summary["total-records"] ?? 0),
    files: Number(summary["total-data-files"] ?? 0),
    fileBytes: Number(summary["total-files-size"] ?? 0),
  };
}
