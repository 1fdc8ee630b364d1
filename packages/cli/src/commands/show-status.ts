import { type EventLog, type ObjectStore, topics } from "@thulium-stream/contracts";
import { readExtractorState } from "@thulium-stream/extractor";
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
  const { checkpoint, holes } = await readExtractorState(log, system);
  const held = await Promise.all(
    topics.map(async ({ topic }) => ({ topic, ...totals(await log.ends(topic)) })),
  );
  const lake = await describeLake(store);
  if (json) {
    print(JSON.stringify({ system, checkpoint, holes: [...holes.values()], topics: held, lake }));
    return;
  }
  print(
    `${system}: ${checkpoint === null ? "nothing extracted yet" : `sealed up to ${checkpoint.sealed}, backfill ${checkpoint.backfill_done_at === null ? "not done" : `done at ${checkpoint.backfill_done_at}`}`}`,
  );
  for (const { by, bounds, reason, attempts, next_at } of holes.values())
    print(
      `could not be read: ${by} ${bounds.from ?? "…"} to ${bounds.to ?? "…"} (${reason}, tried ${attempts} times, again at ${next_at})`,
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
