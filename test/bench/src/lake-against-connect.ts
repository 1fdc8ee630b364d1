import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startKafka } from "@thulium-stream/infra/local";
import { ticketEventColumns } from "@thulium-stream/lake-writer";
import { connectSinkTitle, drainByConnect } from "./lake-drain/connect-sink.ts";
import { drainByLakeWriter } from "./lake-drain/drain-by-lake-writer.ts";
import { drainedHeader, drainedLine } from "./lake-drain/drained.ts";
import { eventTopic, fillEventTopic } from "./lake-drain/event-topic.ts";

/** Kafka Connect's Iceberg sink and our lake writer drain the same topic, one after the other, beside the same broker; a table for `docs/benchmarks.md`. */
export async function lakeAgainstConnect(events = 500_000): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "bench-drain-"));
  const kafka = await startKafka();
  try {
    const prefix = `bench.${process.pid}.`;
    const filled = await fillEventTopic(kafka.brokers, prefix, events);
    const connect = await drainByConnect({
      brokers: kafka.brokers,
      topic: `${prefix}${eventTopic}`,
      rows: events,
      columns: ticketEventColumns,
      dayColumn: "observed_at",
      folder,
    });
    const ours = await drainByLakeWriter({ brokers: kafka.brokers, prefix, rows: events, folder });
    const ratio = ours.rows / ours.seconds / (connect.rows / connect.seconds);
    return [
      drainedHeader(filled),
      drainedLine(connectSinkTitle, connect),
      drainedLine("thulium-stream lake-writer, one process", ours),
      "",
      `${ratio.toFixed(2)} times the rows a second.`,
    ].join("\n");
  } finally {
    await kafka.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
