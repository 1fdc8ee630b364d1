import {
  type Clock,
  type EventLog,
  isFailure,
  type Logger,
  type ObjectStore,
  type TaskState,
  type TicketSource,
} from "@thulium-stream/contracts";
import type { ExtractorStatus } from "@thulium-stream/extractor";
import type { ExtractorSurroundings } from "@thulium-stream/extractor/main";
import type { LakeWriter } from "@thulium-stream/lake-writer";
import { openLakeWriter } from "@thulium-stream/lake-writer/main";
import { type OpenedMetrics, openMetrics } from "@thulium-stream/metrics/main";
import {
  type FolderLock,
  type Lifetime,
  lockFolder,
  proveAddress,
  Registry,
  type Settings,
} from "@thulium-stream/runtime";
import { lakeFreshness } from "./lake-freshness.ts";
import { openEncoders, openLakeForCommits } from "./open-lake.ts";
import { openLog } from "./open-log.ts";
import { openSource } from "./open-source.ts";
import { registerExtractor, registerLakeWriter } from "./pipeline-readings.ts";

/** Any extractor: one that works in any case, or one that is elected. */
export interface StatusTeller {
  status(): ExtractorStatus;
}

/** The three services over one log, in one process. */
export interface Pipeline<E extends StatusTeller> {
  readonly sourceUrl: string;
  readonly source: TicketSource;
  readonly log: EventLog;
  readonly store: ObjectStore;
  readonly extractor: E;
  readonly lakeWriter: LakeWriter;
  readonly metrics: OpenedMetrics;
}

/** How {@link openPipeline} opens. */
export interface PipelineOptions<E> {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The sandbox stands still. */
  readonly standStill: boolean;
  readonly onProgress: (task: TaskState) => void;
  readonly openExtractor: (
    settings: Settings,
    surroundings: ExtractorSurroundings,
    life: Lifetime,
  ) => Promise<E>;
}

/**
 * Opens everything, what cannot be undone last: address, help desk and lake are proven before the state folder is taken and the log
 * is touched. The order of closing is the reverse: services first, then what they stand on.
 * @throws Failure `InvalidSettings`, `Unauthenticated`, `Forbidden` with advice.
 */
export async function openPipeline<E extends StatusTeller>(
  settings: Settings,
  options: PipelineOptions<E>,
  life: Lifetime,
): Promise<Pipeline<E>> {
  const { clock, logger, standStill, onProgress, openExtractor } = options;
  await proveAddress({ host: settings.HTTP_HOST, port: settings.HTTP_PORT });
  const sourceOptions = { clock, logger, standStill };
  // The sandbox keeps its beginning in the state folder; a real help desk is asked before anything is made.
  const real =
    settings.source.kind === "thulium" ? await openSource(settings, sourceOptions, life) : null;
  const store = await openLakeForCommits(settings, clock, logger, life);
  holdStateFolder(settings, life);
  const { source, url } = real ?? (await openSource(settings, sourceOptions, life));
  const log = await openLog(settings, clock, logger, life);
  const services = await openServices(
    settings,
    { source, log, store, clock, logger, onProgress, openExtractor },
    life,
  );
  return { sourceUrl: url, source, log, store, ...services };
}

/** Takes STATE_DIR for this process. */
export function holdStateFolder(settings: Settings, life: Lifetime): FolderLock {
  return life.own("state folder", lockFolder(settings.STATE_DIR, "STATE_DIR"), (lock) =>
    lock.release(),
  );
}

/** Whether the log is a folder of this machine on which nobody works; STATE_DIR is then taken for this process. */
export function isIdleHere({ settings }: { readonly settings: Settings }, life: Lifetime): boolean {
  if (!settings.EVENT_LOG_URL.startsWith("embedded:")) return false;
  try {
    holdStateFolder(settings, life);
    return true;
  } catch (error) {
    if (isFailure(error, "InvalidSettings")) return false;
    throw error;
  }
}

interface Shared<E> extends Pick<PipelineOptions<E>, "openExtractor"> {
  readonly source: TicketSource;
  readonly log: EventLog;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onProgress: (task: TaskState) => void;
}

async function openServices<E extends StatusTeller>(
  settings: Settings,
  { openExtractor, ...shared }: Shared<E>,
  life: Lifetime,
) {
  const registry = new Registry();
  const extractor = await openExtractor(settings, shared, life);
  const lakeWriter = await openLakeWriter(
    settings,
    { ...shared, ...(await openEncoders(settings, life)) },
    life,
  );
  registerExtractor(registry, extractor);
  registerLakeWriter(registry, lakeWriter);
  const lagOf = (table: string) =>
    lakeWriter.status().tables.find(({ name }) => name === table)?.lag ?? null;
  const lake = lakeFreshness(async () => shared.store, shared.clock, lagOf);
  const metrics = await openMetrics(settings, { ...shared, registry, lake }, life);
  return { extractor, lakeWriter, metrics };
}
