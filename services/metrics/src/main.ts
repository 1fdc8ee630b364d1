import { join } from "node:path";
import type { Clock, EventLog, Logger } from "@thulium-stream/contracts";
import {
  type Lifetime,
  openHttpServer,
  type Registry,
  type Settings,
} from "@thulium-stream/runtime";
import { dashboardRoutes } from "./dashboard-routes.ts";
import { MetricsEngine } from "./metrics-engine.ts";
import { metricsRoutes } from "./metrics-routes.ts";
import type { PipelineStatus } from "./pipeline-status.ts";
import { registerMetrics } from "./register-metrics.ts";

/** What a process shares with the metrics. */
export interface MetricsSurroundings {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registry: Registry;
  /** How the rest of the pipeline is, when it runs in this process. */
  readonly pipeline?: () => PipelineStatus;
}

/** Opens the metrics that the settings describe, without serving them. */
export async function openEngine(
  settings: Settings,
  { log, clock, logger }: Omit<MetricsSurroundings, "registry">,
  life: Lifetime,
): Promise<MetricsEngine> {
  const engine = await MetricsEngine.open(
    { log, clock, logger, folder: join(settings.STATE_DIR, "metrics") },
    {
      system: settings.system,
      zone: settings.THULIUM_TIME_ZONE,
      closedStatuses: settings.CLOSED_STATUSES,
      automaticLogins: settings.AUTOMATIC_LOGINS,
      businessHours: settings.BUSINESS_HOURS,
      holidays: settings.HOLIDAYS,
    },
  );
  return life.own("metrics", engine, (closing) => closing.close());
}

/** Opens the metrics with their HTTP API and dashboard. */
export async function openMetrics(
  settings: Settings,
  surroundings: MetricsSurroundings,
  life: Lifetime,
): Promise<{ readonly engine: MetricsEngine; readonly httpUrl: string }> {
  const engine = await openEngine(settings, surroundings, life);
  const { registry, logger, pipeline } = surroundings;
  registerMetrics(registry, engine);
  const server = await openHttpServer({
    host: settings.HTTP_HOST,
    port: settings.HTTP_PORT,
    apiToken: settings.API_TOKEN,
    registry,
    logger,
    notReady: () => (engine.isCaughtUp ? null : "the metrics have not reached the log's end yet"),
    plugins: [metricsRoutes(engine, { pipeline }), dashboardRoutes],
  });
  life.own("http server", server, (closing) => closing.close());
  return { engine, httpUrl: server.url };
}
