import {
  checkpoint as checkpointSchema,
  decodeJson,
  type EventLog,
  type ObjectStore,
  topics,
} from "@thulium-stream/contracts";
import { describeLake } from "@thulium-stream/lake-writer";
import { print } from "../terminal/console.ts";
import { renderTable } from "../terminal/table.ts";

/** Where a system stands by what is durable: log and lake. Works beside a running pipeline and without one. */
export async function showStatus(
  system: string,
  log: EventLog,
  store: ObjectStore,
  json: boolean,
): Promise<void> {
  const checkpoint = await lastCheckpoint(system, log);
  const held = await Promise.all(
    topics.map(async ({ topic }) => ({ topic, ...totals(await log.ends(topic)) })),
  );
  const lake = await describeLake(store);
  if (json) {
    print(JSON.stringify({ system, checkpoint, topics: held, lake }));
    return;
  }
  print(
    `${system}: ${checkpoint === null ? "nothing extracted yet" : `sealed up to ${checkpoint.sealed}, backfill ${checkpoint.backfill_done_at === null ? "not done" : `done at ${checkpoint.backfill_done_at}`}`}`,
  );
  print("");
  print(
    renderTable(
      ["topic", "records", "next position"],
      held.map(({ topic, records, end }) => [topic, records, end]),
    ),
  );
  print("");
  print(
    renderTable(
      ["table", "files", "rows", "bytes", "last commit"],
      lake.tables.map(({ name, files, rows, bytes, committedAt }) => [
        name,
        files,
        rows,
        bytes,
        committedAt,
      ]),
    ),
  );
}

/** Positions between first and next: an upper bound of records, since compaction and markers leave gaps. */
function totals(ranges: readonly { earliest: number; end: number }[]) {
  return {
    records: ranges.reduce((sum, { earliest, end }) => sum + end - earliest, 0),
    end: ranges.reduce((sum, { end }) => sum + end, 0),
  };
}

async function lastCheckpoint(system: string, log: EventLog) {
  const [range] = await log.ends("extractor-state");
  if (range === undefined || range.earliest === range.end) return null;
  const reader = await log.openReader({ topics: ["extractor-state"], startAt: "earliest" });
  let found: unknown = null;
  try {
    for (let position = range.earliest; position < range.end; ) {
      const delivery = await reader.next({ timeoutMs: 10_000 });
      if (delivery.kind !== "batch") continue;
      position = delivery.nextPosition;
      for (const record of delivery.records)
        if (record.key === `${system}:checkpoint`) found = decodeJson(record);
    }
  } finally {
    await reader.close();
  }
  return found === null ? null : checkpointSchema.parse(found);
}
