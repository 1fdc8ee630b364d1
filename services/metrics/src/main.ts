import { join } from "node:path";
import type { Clock, EventLog, Logger } from "@thulium-stream/contracts";
import {
  type Lifetime,
  newId,
  openHttpServer,
  type Registry,
  type Settings,
} from "@thulium-stream/runtime";
import { dashboardRoutes } from "./http/dashboard-routes.ts";
import { metricsRoutes } from "./http/metrics-routes.ts";
import { MetricsEngine } from "./metrics-engine.ts";
import type { LakeFreshness } from "./pipeline/pipeline-status.ts";
import { PipelineWatch } from "./pipeline/pipeline-watch.ts";
import { registerMetrics } from "./register-metrics.ts";
import { noMetricsSettings, readMetricsSettings } from "./rules/metrics-settings.ts";

/** What a process shares with the metrics. */
export interface MetricsSurroundings {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registry: Registry;
  /** How the lake is; null when it cannot be read from here. */
  readonly lake: () => Promise<LakeFreshness | null>;
}

/** Opens the metrics that the settings describe, without serving them. */
export async function openEngine(
  settings: Settings,
  { log, clock, logger }: Omit<MetricsSurroundings, "registry" | "lake">,
  life: Lifetime,
): Promise<MetricsEngine> {
  const engine = await MetricsEngine.open(
    { log, clock, logger, newId, folder: join(settings.STATE_DIR, "metrics") },
    {
      system: settings.system,
      zone: settings.THULIUM_TIME_ZONE,
      closedStatuses: settings.CLOSED_STATUSES,
      automaticLogins: settings.AUTOMATIC_LOGINS,
      businessHours: settings.BUSINESS_HOURS,
      holidays: settings.HOLIDAYS,
      slaFirstResponseS: inSeconds(settings.SLA_FIRST_RESPONSE),
      slaResolutionS: inSeconds(settings.SLA_RESOLUTION),
      file:
        settings.METRICS_SETTINGS === undefined
          ? noMetricsSettings
          : readMetricsSettings(settings.METRICS_SETTINGS),
    },
  );
  return life.own("metrics", engine, (closing) => closing.close());
}

/** The metrics with their ways out. */
export interface OpenedMetrics {
  readonly engine: MetricsEngine;
  /** How the rest of the pipeline is, followed on the log. */
  readonly pipeline: PipelineWatch;
  readonly httpUrl: string;
  /** Folds events and follows the pipeline until `signal` fires. */
  run(signal: AbortSignal): Promise<void>;
}

/** Opens the metrics with their HTTP API and dashboard. */
export async function openMetrics(
  settings: Settings,
  surroundings: MetricsSurroundings,
  life: Lifetime,
): Promise<OpenedMetrics> {
  const { registry, log, clock, logger, lake } = surroundings;
  const engine = await openEngine(settings, surroundings, life);
  const { system, source } = settings;
  const pipeline = new PipelineWatch(
    { log, clock, logger, lake },
    {
      system,
      sourceUrl: source?.kind === "thulium" ? source.url : null,
      canCommand: settings.API_TOKEN !== undefined,
    },
  );
  registerMetrics(registry, engine);
  const server = await openHttpServer({
    host: settings.HTTP_HOST,
    port: settings.HTTP_PORT,
    apiToken: settings.API_TOKEN,
    registry,
    logger,
    notReady: () => (engine.isCaughtUp ? null : "the metrics have not reached the log's end yet"),
    plugins: [
      metricsRoutes({ view: engine, pipeline, zone: settings.THULIUM_TIME_ZONE }),
      dashboardRoutes,
    ],
  });
  life.own("http server", server, (closing) => closing.close());
  const run = async (signal: AbortSignal) => {
    await Promise.all([engine.run(signal), pipeline.run(signal)]);
  };
  return { engine, pipeline, httpUrl: server.url, run };
}

function inSeconds(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms / 1000);
}
