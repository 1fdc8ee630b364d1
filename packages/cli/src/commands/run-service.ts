import { join } from "node:path";
import type { ObjectStore } from "@thulium-stream/contracts";
import type { ExtractorStatus } from "@thulium-stream/extractor";
import { openElectedExtractor } from "@thulium-stream/extractor/main";
import { openLakeWriter } from "@thulium-stream/lake-writer/main";
import { openMetrics } from "@thulium-stream/metrics/main";
import { Lifetime, openHttpServer, proveAddress, Registry } from "@thulium-stream/runtime";
import { lakeFreshness } from "../assembly/lake-freshness.ts";
import { openEncoders, openLakeForCommits, openLakeStore } from "../assembly/open-lake.ts";
import { openLog } from "../assembly/open-log.ts";
import { openSandbox, openSource } from "../assembly/open-source.ts";
import { holdStateFolder } from "../assembly/pipeline.ts";
import { registerExtractor, registerLakeWriter } from "../assembly/pipeline-readings.ts";
import { type ProcessContext, processContext } from "../process-context.ts";
import { note } from "../terminal/console.ts";

/** `extractor`: the extractor with its health endpoint, until `signal` fires. */
export async function runExtractor(signal: AbortSignal): Promise<void> {
  const context = processContext({ httpPort: 8788 });
  const { settings, clock, logger } = context;
  await using life = new Lifetime(logger);
  await proveAddress({ host: settings.HTTP_HOST, port: settings.HTTP_PORT });
  const real =
    settings.source.kind === "thulium"
      ? await openSource(settings, { clock, logger, standStill: false }, life)
      : null;
  holdStateFolder(settings, life);
  const { source } =
    real ?? (await openSource(settings, { clock, logger, standStill: false }, life));
  const log = await openLog(settings, clock, logger, life);
  const extractor = await openElectedExtractor(settings, { source, log, clock, logger });
  const registry = new Registry();
  registerExtractor(registry, extractor);
  await serveHealth(context, registry, life, () =>
    isWaitingForSource(extractor.status()) ? "the source has not answered yet" : null,
  );
  await extractor.run(signal);
}

/** A standby is ready without having asked the source. */
function isWaitingForSource({ role, clockSkewMs }: ExtractorStatus): boolean {
  return role === "active" && clockSkewMs === null;
}

/** `lake-writer`: the lake writer with its health endpoint. */
export async function runLakeWriter(signal: AbortSignal): Promise<void> {
  const context = processContext({ source: false, httpPort: 8789 });
  const { settings, clock, logger } = context;
  await using life = new Lifetime(logger);
  await proveAddress({ host: settings.HTTP_HOST, port: settings.HTTP_PORT });
  const store = await openLakeForCommits(settings, clock, logger, life);
  holdStateFolder(settings, life);
  const log = await openLog(settings, clock, logger, life);
  const lakeWriter = await openLakeWriter(
    settings,
    { log, store, clock, logger, ...(await openEncoders(settings, life)) },
    life,
  );
  const registry = new Registry();
  registerLakeWriter(registry, lakeWriter);
  await serveHealth(context, registry, life);
  await lakeWriter.run(signal);
}

/** `metrics`: figures, HTTP API and dashboard. */
export async function runMetrics(signal: AbortSignal): Promise<void> {
  const { settings, clock, logger } = processContext({ source: false });
  await using life = new Lifetime(logger);
  await proveAddress({ host: settings.HTTP_HOST, port: settings.HTTP_PORT });
  holdStateFolder(settings, life);
  const log = await openLog(settings, clock, logger, life);
  let store: ObjectStore | null = null;
  const lake = lakeFreshness(
    async () => {
      store ??= await openLakeStore(settings, clock, logger, life);
      return store;
    },
    clock,
    () => null,
  );
  const registry = new Registry();
  const metrics = await openMetrics(settings, { log, clock, logger, registry, lake }, life);
  note(`dashboard ${metrics.httpUrl}`);
  await metrics.run(signal);
}

/** `sandbox`: the API alone, on HTTP_PORT (8790 by default), with the credentials sandbox/sandbox. */
export async function runSandbox(signal: AbortSignal): Promise<void> {
  const { settings, clock, logger } = processContext({ source: false, httpPort: 8790 });
  await using life = new Lifetime(logger);
  const own = { ...settings, STATE_DIR: join(settings.STATE_DIR, "sandbox") };
  holdStateFolder(own, life);
  const url = await openSandbox(
    own,
    { clock, logger, standStill: false, port: settings.HTTP_PORT, host: settings.HTTP_HOST },
    life,
  );
  note(`sandbox ${url}  user sandbox, password sandbox`);
  note(`THULIUM_URL=${url} THULIUM_SYSTEM=sandbox THULIUM_USER=sandbox THULIUM_PASSWORD=sandbox`);
  await new Promise<void>((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true }),
  );
}

async function serveHealth(
  { settings, logger }: ProcessContext,
  registry: Registry,
  life: Lifetime,
  // A service that got here has opened all that it works with.
  notReady: () => string | null = () => null,
): Promise<void> {
  const server = await openHttpServer({
    host: settings.HTTP_HOST,
    port: settings.HTTP_PORT,
    apiToken: settings.API_TOKEN,
    registry,
    logger,
    notReady,
  });
  life.own("health endpoint", server, (closing) => closing.close());
  note(`health ${server.url}/readyz, metrics ${server.url}/metrics`);
}
