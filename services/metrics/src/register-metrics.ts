import { Gauge, type Registry } from "@thulium-stream/runtime";
import type { MetricsView } from "./metrics-view.ts";

/** Prometheus gauges of the help desk's figures, read from the engine when they are asked for. Times over the last seven local days. */
export function registerMetrics(registry: Registry, engine: MetricsView): void {
  new Gauge({
    name: "thulium_backlog_tickets",
    help: "Open tickets",
    registers: [registry],
    collect() {
      this.set(engine.backlog());
    },
  });
  new Gauge({
    name: "thulium_metrics_events_folded",
    help: "Events folded since the start",
    registers: [registry],
    collect() {
      this.set(engine.freshness().events);
    },
  });
  new Gauge({
    name: "thulium_metrics_lag_seconds",
    help: "Age of the newest event that is counted, 0 at the log's end",
    registers: [registry],
    collect() {
      this.set(engine.freshness().lag_s);
    },
  });
  new Gauge({
    name: "thulium_first_response_seconds",
    help: "First response time over the last seven days, by quantile",
    labelNames: ["quantile"],
    registers: [registry],
    collect() {
      const { first_response } = engine.summary(
        { from: engine.day(-6), to: engine.day(0) },
        [],
      ).total;
      setQuantiles(this, first_response);
    },
  });
  new Gauge({
    name: "thulium_resolution_seconds",
    help: "Resolution time over the last seven days, by quantile",
    labelNames: ["quantile"],
    registers: [registry],
    collect() {
      const { resolution } = engine.summary({ from: engine.day(-6), to: engine.day(0) }, []).total;
      setQuantiles(this, resolution);
    },
  });
}

function setQuantiles(
  gauge: Gauge<"quantile">,
  distribution: { p50_s: number | null; p90_s: number | null; p99_s: number | null },
): void {
  const { p50_s, p90_s, p99_s } = distribution;
  for (const [quantile, value] of [
    ["0.5", p50_s],
    ["0.9", p90_s],
    ["0.99", p99_s],
  ] as const)
    if (value !== null) gauge.set({ quantile }, value);
}
