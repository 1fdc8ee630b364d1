import { join } from "node:path";
import type { Clock, EventLog, Logger, TaskState, TicketSource } from "@thulium-stream/contracts";
import { type Lifetime, newId, random, type Settings } from "@thulium-stream/runtime";
import { Extractor } from "./extractor.ts";
import { readStepPatterns } from "./step-patterns.ts";
import { TicketIndex } from "./ticket-index.ts";

/** What a process shares with the extractor. */
export interface ExtractorSurroundings {
  readonly source: TicketSource;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onProgress?: (task: TaskState) => void;
}

/** Opens the extractor that the settings describe; it is closed with the process's lifetime. */
export async function openExtractor(
  settings: Settings,
  { onProgress, ...surroundings }: ExtractorSurroundings,
  life: Lifetime,
): Promise<Extractor> {
  const deps = {
    ...surroundings,
    ...(onProgress === undefined ? {} : { onProgress }),
    index: TicketIndex.open(join(settings.STATE_DIR, "index"), settings.system, {
      closedStatuses: settings.CLOSED_STATUSES,
    }),
    random,
    newId,
  };
  const extractor = await Extractor.open(deps, {
    system: settings.system,
    zone: settings.THULIUM_TIME_ZONE,
    pollIntervalMs: settings.POLL_INTERVAL,
    settleDelayMs: settings.SETTLE_DELAY,
    requestsPerSecond: settings.REQUESTS_PER_SECOND,
    pageSize: settings.PAGE_SIZE,
    backfillSchedule: settings.BACKFILL_SCHEDULE,
    backfillDays: settings.BACKFILL_DAYS,
    rereadSchedule: settings.REREAD_SCHEDULE,
    censusSchedule: settings.CENSUS_SCHEDULE,
    backfillFrom: settings.BACKFILL_FROM ?? null,
    closedStatuses: settings.CLOSED_STATUSES,
    ...(settings.STEP_PATTERNS === undefined
      ? {}
      : { stepPatterns: readStepPatterns(settings.STEP_PATTERNS) }),
  });
  return life.own("extractor", extractor, (opened) => opened.close());
}
