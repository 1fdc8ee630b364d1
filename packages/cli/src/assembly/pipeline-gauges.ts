import type { TaskState } from "@thulium-stream/contracts";
import type { ExtractorStatus } from "@thulium-stream/extractor";
import type { LakeWriter } from "@thulium-stream/lake-writer";
import { Gauge, type Registry } from "@thulium-stream/runtime";

/** Prometheus gauges of the extractor, read from its status when they are asked for. */
export function registerExtractor(
  registry: Registry,
  extractor: { status(): ExtractorStatus },
): void {
  const gauge = (name: string, help: string, value: () => number | null) =>
    new Gauge({
      name: `thulium_extractor_${name}`,
      help,
      registers: [registry],
      collect() {
        const now = value();
        if (now !== null) this.set(now);
      },
    });
  const seconds = (instant: string | null) =>
    instant === null ? null : Date.parse(instant) / 1000;
  gauge(
    "active",
    "1 while this extractor is the active one of its system, 0 while it stands by",
    () => (extractor.status().role === "active" ? 1 : 0),
  );
  gauge(
    "sealed_timestamp_seconds",
    "Every change of the source up to this Unix time is on the log",
    () => seconds(extractor.status().sealed),
  );
  gauge("last_sweep_timestamp_seconds", "When the last live sweep ended, Unix time", () =>
    seconds(extractor.status().lastSweepAt),
  );
  gauge(
    "waiting_until_timestamp_seconds",
    "Until when the source asked to wait, Unix time; 0 when it did not",
    () => seconds(extractor.status().waitingUntil) ?? 0,
  );
  gauge("tickets_held", "Tickets in the local index", () => extractor.status().ticketsHeld);
  gauge(
    "requests_started",
    "Requests to the source since the start",
    () => extractor.status().requests,
  );
  gauge(
    "request_rate_limit",
    "Requests a second that the budget allows itself now",
    () => extractor.status().requestRate,
  );
  gauge(
    "holes",
    "Windows of the source that could not be read and are tried again",
    () => extractor.status().holes,
  );
  gauge(
    "dead_letters",
    "Dead letters written since the start",
    () => extractor.status().counts.deadLetters,
  );
  gauge(
    "agreed_timestamp_seconds",
    "What is held equals what the source listed at this Unix time or later, silent changes and deletes included, holes excepted",
    () => seconds(extractor.status().agreedAsOf),
  );
  const listing = () => newestListing(extractor.status().tasks);
  gauge(
    "backfill_tickets_done",
    "Tickets read by the listing under way or the last one",
    () => listing()?.tickets ?? null,
  );
  gauge(
    "backfill_tickets_expected",
    "Tickets that the source promised for it",
    () => listing()?.expected ?? null,
  );
}

/** The backfill or complete listing that runs, or else the last one; null when there was none. `tasks` are newest first. */
export function newestListing(tasks: readonly TaskState[]): TaskState | null {
  const listings = tasks.filter(({ request }) => request.kind === "backfill");
  return listings.find(({ state }) => state === "running") ?? listings[0] ?? null;
}

/** Prometheus gauges of the lake writer. */
export function registerLakeWriter(registry: Registry, lakeWriter: LakeWriter): void {
  const gauge = (
    name: string,
    help: string,
    value: (table: ReturnType<LakeWriter["status"]>["tables"][number]) => number | null,
  ) =>
    new Gauge({
      name: `thulium_lake_${name}`,
      help,
      labelNames: ["table"],
      registers: [registry],
      collect() {
        for (const table of lakeWriter.status().tables) {
          const now = value(table);
          if (now !== null) this.set({ table: table.name }, now);
        }
      },
    });
  gauge("rows_committed", "Rows committed since the start", ({ rows }) => rows);
  gauge("files_committed", "Data files committed since the start", ({ files }) => files);
  gauge("lag_records", "Records of the log not yet committed", ({ lag }) => lag);
  gauge(
    "last_commit_timestamp_seconds",
    "When the last commit landed, Unix time",
    ({ committedAt }) => (committedAt === null ? null : Date.parse(committedAt) / 1000),
  );
}
