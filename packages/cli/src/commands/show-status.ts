import {
  type Checkpoint,
  type EventLog,
  type ExtractorHeartbeat,
  epochMsOf,
  isEnded,
  isHeard,
  type ObjectStore,
  topics,
} from "@thulium-stream/contracts";
import { readExtractorState } from "@thulium-stream/extractor";
import { describeLake } from "@thulium-stream/lake-writer";
import { tableOfTasks } from "../tasks/task-commands.ts";
import { print } from "../terminal/console.ts";
import { grouped, spanText } from "../terminal/progress.ts";
import { renderTable } from "../terminal/table.ts";

/** Where a system stands by what is durable: log and lake. Works beside a running pipeline and without one. */
export async function showStatus(
  system: string,
  log: EventLog,
  store: ObjectStore,
  { json, nowMs }: { readonly json: boolean; readonly nowMs: number },
): Promise<void> {
  const { checkpoint, holes, tasks, heartbeat } = await readExtractorState(log, system);
  const held = await Promise.all(
    topics.map(async ({ topic }) => ({ topic, ...totals(await log.ends(topic)) })),
  );
  const lake = await describeLake(store);
  if (json) {
    print(
      JSON.stringify({
        system,
        checkpoint,
        heartbeat,
        tasks: [...tasks.values()],
        holes: [...holes.values()],
        topics: held,
        lake,
      }),
    );
    return;
  }
  for (const line of statusLines(system, checkpoint, heartbeat, nowMs)) print(line);
  for (const { by, bounds, reason, attempts, next_at } of holes.values())
    print(
      `could not be read: ${by} ${bounds.from ?? "…"} to ${bounds.to ?? "…"} (${reason}, tried ${attempts} times, again at ${next_at})`,
    );
  const open = [...tasks.values()].filter((task) => !isEnded(task));
  if (open.length > 0) print(`\n${tableOfTasks(open)}`);
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

/** How extraction is, line by line. Pure. */
export function statusLines(
  system: string,
  checkpoint: Checkpoint | null,
  heartbeat: ExtractorHeartbeat | null,
  nowMs: number,
): readonly string[] {
  if (checkpoint === null) return [`${system}: nothing extracted yet`];
  const { sealed, backfill_done_at: doneAt, agreed_as_of: agreed } = checkpoint;
  const ago = (at: string) => `${spanText((nowMs - epochMsOf(at)) / 1000)} ago`;
  const lines = [
    `${system}: sealed up to ${sealed}, backfill ${doneAt === null ? "not done" : `done at ${doneAt}`}`,
    agreed === null
      ? "agreed as of: not yet, a complete listing is still to come"
      : `agreed as of ${agreed} (${ago(agreed)}): silent changes and deletes until then are held`,
  ];
  if (heartbeat === null) return lines;
  const by = heartbeat.instance === "" ? "" : ` on ${heartbeat.instance}`;
  const { at, waiting_until: until, request_rate: rate, recent_and_open_read_at: read } = heartbeat;
  const every = (seconds: number | null) =>
    seconds === null ? "not read again by schedule" : `every ${spanText(seconds)}`;
  lines.push(
    isHeard(heartbeat, nowMs)
      ? `extractor: running${by}, ${Number(rate.toFixed(1))} requests a second, ${grouped(heartbeat.requests)} since its start`
      : `extractor: not running, last heard ${ago(at)}`,
    `silent changes: recent and open tickets ${every(heartbeat.recent_and_open_every_s)} (last ${read === null ? "not yet" : ago(read)}), old ones ${every(heartbeat.all_every_s)}`,
  );
  if (until !== null && epochMsOf(until) > nowMs)
    lines.push(`waiting for the source's limit until ${until}: this is no fault`);
  return lines;
}

/** Positions between first and next: an upper bound of records, since compaction and markers leave gaps. */
function totals(ranges: readonly { earliest: number; end: number }[]) {
  return {
    records: ranges.reduce((sum, { earliest, end }) => sum + end - earliest, 0),
    end: ranges.reduce((sum, { end }) => sum + end, 0),
  };
}
