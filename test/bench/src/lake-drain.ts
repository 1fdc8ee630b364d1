import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startKafka } from "@thulium-stream/infra/local";
import { drainByLakeWriter } from "./lake-drain/drain-by-lake-writer.ts";
import { drainedHeader, drainedLine } from "./lake-drain/drained.ts";
import { fillEventTopic } from "./lake-drain/event-topic.ts";

/** Our lake writer drains a topic of change events beside the broker, on the same cores; a table for `docs/benchmarks.md`. `BENCH_EVENTS`, default 500,000 (0.7 GB). */
export async function lakeDrain(): Promise<string> {
  const events = Number(process.env["BENCH_EVENTS"] ?? 500_000);
  const folder = await mkdtemp(join(tmpdir(), "bench-drain-"));
  const kafka = await startKafka();
  try {
    const prefix = `bench.${process.pid}.`;
    const { brokers } = kafka;
    const filled = await fillEventTopic(brokers, prefix, events);
    const ours = await drainByLakeWriter({ brokers, prefix, rows: events, folder });
    return [
      drainedHeader(filled),
      drainedLine("thulium-stream lake-writer, one process", ours),
    ].join("\n");
  } finally {
    await kafka.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
