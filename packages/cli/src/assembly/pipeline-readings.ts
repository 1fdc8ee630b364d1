import { epochMsOf } from "@thulium-stream/contracts";
import type { ExtractorStatus } from "@thulium-stream/extractor";
import type { LakeWriter } from "@thulium-stream/lake-writer";
import { addReading, type Reading, type Registry } from "@thulium-stream/runtime";

const seconds = (instant: string | null) => (instant === null ? null : epochMsOf(instant) / 1000);

/** What Prometheus is told of the extractor, read from its status when it asks. */
const extractorReadings: readonly (readonly [
  name: string,
  type: Reading["type"],
  help: string,
  read: (status: ExtractorStatus) => number | null,
])[] = [
  [
    "active",
    "gauge",
    "1 while this extractor is the active one of its system, 0 while it stands by",
    ({ role }) => (role === "active" ? 1 : 0),
  ],
  [
    "sealed_timestamp_seconds",
    "gauge",
    "Every change of the source up to this Unix time is on the log",
    ({ sealed }) => seconds(sealed),
  ],
  [
    "agreed_timestamp_seconds",
    "gauge",
    "What is held equals what the source listed at this Unix time or later, silent changes and deletes included, holes excepted",
    ({ agreedAsOf }) => seconds(agreedAsOf),
  ],
  [
    "last_sweep_timestamp_seconds",
    "gauge",
    "Unix time at which the last live sweep ended",
    ({ lastSweepAt }) => seconds(lastSweepAt),
  ],
  [
    "waiting_until_timestamp_seconds",
    "gauge",
    "Unix time until which the source asked to wait; 0 when it did not",
    ({ waitingUntil }) => seconds(waitingUntil) ?? 0,
  ],
  ["tickets_held", "gauge", "Tickets in the local index", ({ ticketsHeld }) => ticketsHeld],
  ["requests_total", "counter", "Requests to the source", ({ requests }) => requests],
  [
    "request_budget_per_second",
    "gauge",
    "Requests a second that the budget allows itself now",
    ({ requestRate }) => requestRate,
  ],
  [
    "holes",
    "gauge",
    "Windows of the source that could not be read and are tried again",
    ({ holes }) => holes,
  ],
  [
    "dead_letters_total",
    "counter",
    "Rows and records that could not be understood and were set aside",
    ({ counts }) => counts.deadLetters,
  ],
  [
    "clock_skew_seconds",
    "gauge",
    "This machine's clock minus the source's",
    ({ clockSkewMs }) => (clockSkewMs === null ? null : clockSkewMs / 1000),
  ],
  [
    "tasks_paused",
    "gauge",
    "Backfills and other tasks that are paused",
    ({ tasks }) => tasks.filter(({ state }) => state === "paused").length,
  ],
  [
    "backfill_tickets_done",
    "gauge",
    "Tickets read by the listing under way or the last one",
    ({ tasks }) => newestListing(tasks)?.tickets ?? null,
  ],
  [
    "backfill_tickets_expected",
    "gauge",
    "Tickets that the source promised for it",
    ({ tasks }) => newestListing(tasks)?.expected ?? null,
  ],
];

/** Tells Prometheus of the extractor. */
export function registerExtractor(
  registry: Registry,
  extractor: { status(): ExtractorStatus },
): void {
  for (const [name, type, help, read] of extractorReadings)
    addReading(registry, {
      name: `thulium_extractor_${name}`,
      type,
      help,
      read: () => read(extractor.status()),
    });
}

type Task = ExtractorStatus["tasks"][number];

/** The backfill or complete listing that runs, or else the last one; null when there was none. `tasks` are newest first. */
function newestListing(tasks: readonly Task[]): Task | null {
  const listings = tasks.filter(({ request }) => request.kind === "backfill");
  return listings.find(({ state }) => state === "running") ?? listings[0] ?? null;
}

type TableStatus = ReturnType<LakeWriter["status"]>["tables"][number];

const tableReadings: readonly (readonly [
  name: string,
  type: Reading["type"],
  help: string,
  read: (table: TableStatus) => number | null,
])[] = [
  ["rows_committed_total", "counter", "Rows committed to the table", ({ rows }) => rows],
  ["files_committed_total", "counter", "Data files committed to the table", ({ files }) => files],
  ["lag_records", "gauge", "Records of the log not yet committed to the table", ({ lag }) => lag],
  [
    "last_commit_timestamp_seconds",
    "gauge",
    "Unix time at which the table's last commit landed",
    ({ committedAt }) => seconds(committedAt),
  ],
];

/** Tells Prometheus of the lake writer, table by table. */
export function registerLakeWriter(
  registry: Registry,
  lakeWriter: Pick<LakeWriter, "status">,
): void {
  for (const [name, type, help, read] of tableReadings)
    addReading(registry, {
      name: `thulium_lake_${name}`,
      type,
      help,
      read: () =>
        lakeWriter.status().tables.flatMap((table) => {
          const value = read(table);
          return value === null ? [] : [{ labels: { table: table.name }, value }];
        }),
    });
  addReading(registry, {
    name: "thulium_lake_last_snapshot_timestamp_seconds",
    type: "gauge",
    help: "Unix time of the newest complete snapshot",
    read: () => seconds(lakeWriter.status().lastSnapshotAt),
  });
}
