import { Counter, Gauge, Histogram, type Registry } from "@thulium-stream/runtime";

/** Lag of one partition. */
export interface PartitionLag {
  readonly topic: string;
  readonly partition: number;
  readonly records: number;
  /** Age of the oldest record that is not handled. */
  readonly seconds: number;
}

/** What became of an event. */
export type EventOutcome = "handled" | "retried" | "dead_letter" | "passed_over";

/**
 * What a subscription tells Prometheus:
 * `thulium_subscriber_lag_records` and `_lag_seconds` by group, topic and partition, `thulium_subscriber_events_total` by group and outcome,
 * `thulium_subscriber_handler_seconds` by group. Several subscriptions of a process share a registry.
 */
export class SubscriberMetrics {
  readonly #counts: ReadonlyMap<EventOutcome, { inc(): void }>;
  readonly #seconds: { observe(seconds: number): void };
  readonly #lags: Map<string, () => readonly PartitionLag[]>;
  readonly #group: string;

  constructor(registry: Registry, group: string, lags: () => readonly PartitionLag[]) {
    const outcomes: readonly EventOutcome[] = ["handled", "retried", "dead_letter", "passed_over"];
    const counter = sharedCounter(registry);
    this.#counts = new Map(
      outcomes.map((outcome) => [outcome, counter.labels({ group, outcome })] as const),
    );
    this.#seconds = sharedHistogram(registry).labels({ group });
    this.#lags = sharedLags(registry);
    this.#group = group;
    this.#lags.set(group, lags);
  }

  count(outcome: EventOutcome): void {
    this.#counts.get(outcome)?.inc();
  }

  /** How long a handler took. */
  took(seconds: number): void {
    this.#seconds.observe(seconds);
  }

  /** Tells no lag any more. */
  end(): void {
    this.#lags.delete(this.#group);
  }
}

const names = {
  events: "thulium_subscriber_events_total",
  seconds: "thulium_subscriber_handler_seconds",
  lagRecords: "thulium_subscriber_lag_records",
  lagSeconds: "thulium_subscriber_lag_seconds",
};

function sharedCounter(registry: Registry): Counter {
  const found = registry.getSingleMetric(names.events);
  if (found instanceof Counter) return found;
  return new Counter({
    name: names.events,
    help: "Events by what became of them.",
    labelNames: ["group", "outcome"],
    registers: [registry],
  });
}

function sharedHistogram(registry: Registry): Histogram {
  const found = registry.getSingleMetric(names.seconds);
  if (found instanceof Histogram) return found;
  return new Histogram({
    name: names.seconds,
    help: "How long handlers take, an attempt each.",
    labelNames: ["group"],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: [registry],
  });
}

const lagsOf = new WeakMap<Registry, Map<string, () => readonly PartitionLag[]>>();

/** The two gauges of a registry ask every subscription when they are scraped. */
function sharedLags(registry: Registry): Map<string, () => readonly PartitionLag[]> {
  const known = lagsOf.get(registry);
  if (known !== undefined) return known;
  const lags = new Map<string, () => readonly PartitionLag[]>();
  lagsOf.set(registry, lags);
  lagGauge(registry, lags, names.lagRecords, "Records that are not handled yet.", "records");
  lagGauge(
    registry,
    lags,
    names.lagSeconds,
    "Age of the oldest record that is not handled.",
    "seconds",
  );
  return lags;
}

function lagGauge(
  registry: Registry,
  lags: ReadonlyMap<string, () => readonly PartitionLag[]>,
  name: string,
  help: string,
  figure: "records" | "seconds",
): void {
  new Gauge({
    name,
    help,
    labelNames: ["group", "topic", "partition"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [group, ask] of lags)
        for (const lag of ask())
          this.set({ group, topic: lag.topic, partition: String(lag.partition) }, lag[figure]);
    },
  });
}
