import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock, EventLog, Logger, TaskState, TicketSource } from "@thulium-stream/contracts";
import { type Lifetime, machineName, newId, random, type Settings } from "@thulium-stream/runtime";
import { ElectedExtractor, type ElectedExtractorDeps } from "./elected-extractor.ts";
import { Extractor } from "./extractor.ts";
import type { ExtractorOptions } from "./extractor-options.ts";
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

/** Opens the extractor that the settings describe, whoever else works on the system: an older one is fenced. It is closed with the process's lifetime. */
export async function openExtractor(
  settings: Settings,
  surroundings: ExtractorSurroundings,
  life: Lifetime,
): Promise<Extractor> {
  const { openIndex, ...deps } = depsOf(settings, surroundings);
  const extractor = await Extractor.open({ ...deps, index: openIndex() }, optionsOf(settings));
  return life.own("extractor", extractor, (opened) => opened.close());
}

/** An extractor that works while it is the elected one of its system; it ends with its `run`. */
export async function openElectedExtractor(
  settings: Settings,
  surroundings: ExtractorSurroundings,
): Promise<ElectedExtractor> {
  const instance = instanceOf(settings.STATE_DIR);
  return new ElectedExtractor(depsOf(settings, surroundings), { ...optionsOf(settings), instance });
}

function depsOf(
  settings: Settings,
  { onProgress, ...surroundings }: ExtractorSurroundings,
): ElectedExtractorDeps {
  return {
    ...surroundings,
    ...(onProgress === undefined ? {} : { onProgress }),
    openIndex: () =>
      TicketIndex.open(join(settings.STATE_DIR, "index"), settings.system, {
        closedStatuses: settings.CLOSED_STATUSES,
      }),
    random,
    newId,
  };
}

function optionsOf(settings: Settings): ExtractorOptions {
  return {
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
  };
}

/** A name of this machine and state folder that outlives the process. Who works on the folder holds its lock. */
function instanceOf(stateFolder: string): string {
  const file = join(stateFolder, "instance");
  if (!existsSync(file)) writeFileSync(file, `${machineName()}-${newId().slice(0, 8)}\n`);
  return readFileSync(file, "utf8").trim();
}
