import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { silentLogger } from "@thulium-stream/contracts";
import { startKept } from "@thulium-stream/infra/local";
import { openObjectStore } from "@thulium-stream/lake";
import { describeLake } from "@thulium-stream/lake-writer";
import { newId, systemClock } from "@thulium-stream/runtime";
import { type Drained, peakRssBytes } from "./drained.ts";

const command = fileURLToPath(
  new URL("../../../../packages/cli/bin/thulium-stream.mjs", import.meta.url),
);
const drainLimitMs = 600_000;

/** Drains `<prefix>ticket-events` by the command `lake-writer`, as anybody runs it, into a lake in `folder`. Its work can begin at the start of its process. */
export async function drainByLakeWriter(options: {
  readonly brokers: readonly string[];
  readonly prefix: string;
  readonly rows: number;
  readonly folder: string;
}): Promise<Drained> {
  const { brokers, prefix, rows, folder } = options;
  const lake = join(folder, "lake");
  const startedMs = performance.now();
  const writer = await startKept({
    command: process.execPath,
    args: [command, "lake-writer"],
    env: {
      EVENT_LOG_URL: `kafka://${brokers.join(",")}`,
      TOPIC_PREFIX: prefix,
      LAKE_URL: `file:${lake}`,
      STATE_DIR: join(folder, "state"),
      THULIUM_SYSTEM: "acme",
      // The same interval as the sink of the comparison.
      LAKE_FLUSH_INTERVAL: "5s",
      SNAPSHOT_SCHEDULE: "off",
      LOG_LEVEL: "warn",
      HTTP_PORT: "0",
    },
    logFile: join(folder, "lake-writer.log"),
    remove: [],
  });
  const store = await openObjectStore({
    url: `file:${lake}`,
    clock: systemClock,
    logger: silentLogger,
    newId,
  });
  try {
    for (;;) {
      const { tables } = await describeLake(store);
      const table = tables.find(({ name }) => name === "ticket_events");
      const seconds = (performance.now() - startedMs) / 1000;
      if (table !== undefined && table.rows >= rows)
        return {
          rows: table.rows,
          files: table.files,
          fileBytes: table.bytes,
          seconds,
          secondsFromStart: seconds,
          peakRssBytes: peakRssBytes(writer.pid),
        };
      if (writer.ended || seconds * 1000 > drainLimitMs)
        throw new Error(
          `The lake writer came to ${table?.rows ?? 0} of ${rows} rows:\n${writer.log()}`,
        );
      await sleep(100);
    }
  } finally {
    await writer.stop();
    await store[Symbol.asyncDispose]();
  }
}
