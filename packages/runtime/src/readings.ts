import type { Metric, Registry } from "prom-client";

/** One value of a reading, with its labels. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A histogram that is kept elsewhere, as counts per bucket. */
export interface BucketSample {
  readonly labels?: Readonly<Record<string, string>>;
  /** Counts by {@link HistogramReading.bounds}, each without those before; one more for what lies above all. */
  readonly counts: readonly number[];
  /** Sum of all values. */
  readonly sum: number;
}

/** What every reading has. */
interface Named {
  /** `thulium_<room>_<what>_<unit>`; counters end in `_total`. */
  readonly name: string;
  readonly help: string;
}

/** A gauge or counter whose value is read when Prometheus asks. */
export interface Reading extends Named {
  readonly type: "gauge" | "counter";
  /** null where there is nothing to tell yet: the series is then left out. */
  readonly read: () => number | null | readonly Sample[];
}

/** A histogram that is read when Prometheus asks. */
export interface HistogramReading extends Named {
  readonly type: "histogram";
  /** Upper bounds of the buckets, rising. */
  readonly bounds: readonly number[];
  readonly read: () => readonly BucketSample[];
}

/**
 * Registers what some part already keeps, so that no number is kept twice: it is read when Prometheus asks. @throws Error when the name is taken.
 */
export function addReading(registry: Registry, reading: Reading | HistogramReading): void {
  const { name, help, type } = reading;
  const get = async () => ({ name, help, type, aggregator: "sum", values: valuesOf(reading) });
  // The registry asks a metric for no more than its name and its values.
  registry.registerMetric({ name, get } as unknown as Metric);
}

function valuesOf(reading: Reading | HistogramReading): readonly object[] {
  if (reading.type === "histogram")
    return reading.read().flatMap((sample) => bucketsOf(reading, sample));
  const now = reading.read();
  if (now === null) return [];
  if (typeof now === "number") return [{ labels: {}, value: now }];
  return now.map(({ labels = {}, value }) => ({ labels, value }));
}

/** Prometheus counts every bucket with those before it. */
function bucketsOf(
  { name, bounds }: HistogramReading,
  { labels = {}, counts, sum }: BucketSample,
): readonly object[] {
  let upTo = 0;
  const buckets = counts.map((count, at) => {
    upTo += count;
    const le = at < bounds.length ? String(bounds[at]) : "+Inf";
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: upTo };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: upTo },
  ];
}
