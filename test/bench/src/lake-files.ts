import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { silentLogger } from "@thulium-stream/contracts";
import { startKafka, startKept, startS3 } from "@thulium-stream/infra/local";
import { openObjectStore, Table } from "@thulium-stream/lake";
import { newId, systemClock } from "@thulium-stream/runtime";
import { fillEventTopic } from "./lake-drain/event-topic.ts";

const command = fileURLToPath(
  new URL("../../../packages/cli/bin/thulium-stream.mjs", import.meta.url),
);
const flushIntervalMs = 5_000;
/** Bursts of events, each in a flush of its own, and their events; two of three are of a day that is over. */
const [bursts, burstEvents] = [24, 2_500];
const limitMs = 120_000;
const tails = 7;
const bucket = "lake-files";

/**
 * How many files a table's day has after compaction, and when the last event of a quiet topic can be read, on a real Kafka and S3 server: `npm run bench -- lake-files`. The lake writer is the command
 * that anybody runs. Many small flushes of two days come first, one of them over, one that still grows.
 */
export async function lakeFiles(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "bench-files-"));
  const [kafka, s3] = [await startKafka(), await startS3()];
  const prefix = `bench.${process.pid}.`;
  const url = `s3://${bucket}/lake`;
  await s3.createBucket(bucket);
  const env = {
    EVENT_LOG_URL: `kafka://${kafka.brokers.join(",")}`,
    TOPIC_PREFIX: prefix,
    LAKE_URL: url,
    S3_ENDPOINT: s3.endpoint,
    AWS_REGION: s3.region,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
    STATE_DIR: join(folder, "state"),
    THULIUM_SYSTEM: "acme",
    LAKE_FLUSH_INTERVAL: `${flushIntervalMs / 1000}s`,
    SNAPSHOT_SCHEDULE: "off",
    LOG_LEVEL: "warn",
    HTTP_PORT: "0",
  };
  const common = { clock: systemClock, logger: silentLogger, newId };
  const credentials = { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey };
  const place = { endpoint: s3.endpoint, region: s3.region, credentials };
  const store = await openObjectStore({ url, s3: place, ...common });
  const table = await Table.open({ store, table: "ticket_events", ...common });
  let sent = 0;
  const send = async (count: number, observedMs: number) => {
    await fillEventTopic(kafka.brokers, prefix, count, { first: sent, observedMs });
    sent += count;
  };
  const untilRead = async () => {
    const startedMs = performance.now();
    for (;;) {
      await table.refresh();
      const ms = performance.now() - startedMs;
      if (Number(table.snapshot?.summary["total-records"] ?? 0) >= sent) return ms;
      if (writer.ended || ms > limitMs) throw new Error(`not read in time:\n${writer.log()}`);
      await sleep(20);
    }
  };
  await send(1, systemClock.now());
  const writer = await startKept({
    command: process.execPath,
    args: [command, "lake-writer"],
    env,
    logFile: join(folder, "lake-writer.log"),
    remove: [],
  });
  try {
    await untilRead();
    const dayMs = 86_400_000;
    for (let burst = 0; burst < bursts; burst += 1) {
      await send(burstEvents, systemClock.now() - (burst % 3 === 0 ? 0 : 2 * dayMs));
      await untilRead();
    }
    const before = await filesByDay(table);
    const compacted = spawnSync(process.execPath, [command, "lake", "compact"], {
      encoding: "utf8",
      env: { ...process.env, ...env },
    });
    if (compacted.status !== 0) throw new Error(compacted.stderr);
    await table.refresh();
    const after = await filesByDay(table);
    const tailMs: number[] = [];
    for (let tail = 0; tail < tails; tail += 1) {
      // At another moment of the writer's rhythm each time.
      await sleep(2_000 + 700 * tail);
      await send(1, systemClock.now());
      tailMs.push(await untilRead());
    }
    tailMs.sort((a, b) => a - b);
    const seconds = (ms: number | undefined) => ((ms ?? 0) / 1000).toFixed(1);
    return [
      `${sent.toLocaleString("en")} events in ${bursts} flushes; Kafka and S3 servers on the same cores`,
      ...[...after].map(
        ([day, count]) =>
          `${day}: ${before.get(day)} files, after compaction ${count} (bar: 8 a table and day)`,
      ),
      `last event of a quiet topic, from its append to the table: median ${seconds(tailMs[Math.floor(tails / 2)])} s, most ${seconds(tailMs.at(-1))} s of ${tails} (bar: LAKE_FLUSH_INTERVAL + 5 s = ${seconds(flushIntervalMs + 5_000)} s)`,
    ].join("\n");
  } finally {
    await writer.stop();
    await store[Symbol.asyncDispose]();
    await kafka.stop();
    await s3.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Live files per day, in the order of the days. */
async function filesByDay(table: Table): Promise<ReadonlyMap<string, number>> {
  const days = new Map<string, number>();
  const files = [...(await table.liveFiles())].sort((a, b) =>
    (a.partition ?? "") < (b.partition ?? "") ? -1 : 1,
  );
  for (const { partition } of files)
    days.set(partition ?? "", (days.get(partition ?? "") ?? 0) + 1);
  return days;
}
