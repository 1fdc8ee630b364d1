import { addReading, type BucketSample, type Registry, type Sample } from "@thulium-stream/runtime";
import {
  type Aggregate,
  type Distribution,
  histogramBoundsS,
  type SlaName,
  slaClocks,
} from "./aggregates/aggregate.ts";
import type { MetricsView, OpenClocks } from "./metrics-view.ts";

/** Before every ticket. */
const firstDay = "1971-01-01";

/**
 * What Prometheus is told of the help desk, read from the figures when it asks. Histograms and totals are over all tickets that are held: a correction or an erasure may take from
 * them, which looks like a restart and does no harm to rates.
 */
export function registerMetrics(registry: Registry, view: MetricsView): void {
  // One scan serves one scrape: the registry asks all readings in one go.
  const everything = once(() => view.summary({ from: firstDay, to: view.day(0) }, []).total);
  registerBacklog(registry, view);
  registerDurations(registry, everything);
  registerServiceLevel(registry, view, everything);
  registerFreshness(registry, view);
}

function registerBacklog(registry: Registry, view: MetricsView): void {
  addReading(registry, {
    name: "thulium_backlog_tickets",
    type: "gauge",
    help: "Open tickets, by queue",
    read: () =>
      view
        .summary({ from: view.day(0), to: view.day(0) }, ["queue"])
        .groups.map(({ key: [queue], backlog }) => ({
          labels: { queue: queue ?? "" },
          value: backlog,
        })),
  });
}

const durations = [
  ["first_response", "From the customer's first message to the first agent's reply"],
  ["next_response", "From an unanswered customer message to the next agent's reply"],
  ["resolution", "From creation to the last close"],
] as const;

function registerDurations(registry: Registry, everything: () => Aggregate): void {
  for (const [name, help] of durations)
    addReading(registry, {
      name: `thulium_${name}_seconds`,
      type: "histogram",
      help: `${help}, in calendar and in working time`,
      bounds: histogramBoundsS,
      read: () => [
        bucketsOf("calendar", everything()[name]),
        bucketsOf("business", everything()[`${name}_business`]),
      ],
    });
  addReading(registry, {
    name: "thulium_tickets_created_total",
    type: "counter",
    help: "Tickets created",
    read: () => everything().created,
  });
  addReading(registry, {
    name: "thulium_tickets_closed_total",
    type: "counter",
    help: "Tickets that are closed",
    read: () => everything().closed,
  });
}

function bucketsOf(time: string, { count, mean_s, histogram }: Distribution): BucketSample {
  return { labels: { time }, counts: histogram, sum: Math.round((mean_s ?? 0) * count) };
}

function registerServiceLevel(
  registry: Registry,
  view: MetricsView,
  everything: () => Aggregate,
): void {
  const clocks = once(() => view.openClocks({}));
  const perClock = (read: (open: OpenClocks, clock: SlaName) => readonly Sample[]) => () =>
    slaClocks.flatMap((clock) => read(clocks()[clock], clock));
  addReading(registry, {
    name: "thulium_sla_open_clocks",
    type: "gauge",
    help: "Clocks of the service level of open tickets: still running, or overdue",
    read: perClock(({ running, overdue }, clock) => [
      { labels: { clock, state: "running" }, value: running },
      { labels: { clock, state: "overdue" }, value: overdue },
    ]),
  });
  addReading(registry, {
    name: "thulium_sla_at_risk_clocks",
    type: "gauge",
    help: "Running clocks that run out within so many hours; each holds those that run out sooner",
    read: perClock((open, clock) =>
      ([1, 4, 8, 24] as const).map((hours) => ({
        labels: { clock, within_hours: String(hours) },
        value: open[`due_within_${hours}h`],
      })),
    ),
  });
  addReading(registry, {
    name: "thulium_sla_clocks_total",
    type: "counter",
    help: "Clocks of the service level that ended, met or breached",
    read: () =>
      slaClocks.flatMap((clock) => {
        const { met, breached } = everything().sla[clock];
        return [
          { labels: { clock, outcome: "met" }, value: met },
          { labels: { clock, outcome: "breached" }, value: breached },
        ];
      }),
  });
}

function registerFreshness(registry: Registry, view: MetricsView): void {
  const reading = (name: string, type: "gauge" | "counter", help: string, read: () => number) =>
    addReading(registry, { name: `thulium_metrics_${name}`, type, help, read });
  reading("events_folded_total", "counter", "Change events folded", () => view.freshness().events);
  reading(
    "lag_seconds",
    "gauge",
    "Age of what is counted; 0 at the log's end",
    () => view.freshness().lag_s,
  );
  reading("tickets", "gauge", "Tickets that are counted", () => view.freshness().tickets);
  reading("caught_up", "gauge", "1 once the log's end was reached since the start", () =>
    view.isCaughtUp ? 1 : 0,
  );
}

/** Reads once per turn of the event loop. */
function once<T>(read: () => T): () => T {
  let held: { readonly value: T } | null = null;
  return () => {
    if (held === null) {
      held = { value: read() };
      queueMicrotask(() => {
        held = null;
      });
    }
    return held.value;
  };
}
