import {
  type Checkpoint,
  epochMsOf,
  isEnded,
  type TaskRequest,
  type TaskState,
} from "@thulium-stream/contracts";
import { nextRunMs } from "@thulium-stream/runtime";
import type { WallClock } from "@thulium-stream/thulium-api/pure";
import type { ExtractorSettings } from "./extractor-options.ts";
import { completeTaskId, everything } from "./tasks.ts";

const dayMs = 86_400_000;

/** What is known when schedules are looked at. */
export interface ScheduleContext {
  readonly settings: Pick<
    ExtractorSettings,
    "zone" | "backfillSchedule" | "backfillDays" | "rereadSchedule" | "censusSchedule"
  >;
  readonly tasks: ReadonlyMap<string, TaskState>;
  readonly checkpoint: Checkpoint;
  readonly wallClock: WallClock;
  readonly nowMs: number;
}

/**
 * The tasks whose time has come, by id: one whose last run was asked for before a scheduled instant that is past now. A process that was down at that instant makes up for it
 * once. None before the first listing is over, and none while its own last run is not. Pure.
 */
export function dueTasks({
  settings,
  tasks,
  checkpoint,
  wallClock,
  nowMs,
}: ScheduleContext): readonly (readonly [taskId: string, request: TaskRequest])[] {
  if (checkpoint.backfill_done_at === null) return [];
  const sinceMs = epochMsOf(checkpoint.backfill_done_at);
  const isDue = (taskId: string, pattern: string) => {
    const last = tasks.get(taskId);
    if (last !== undefined && !isEnded(last)) return false;
    const lastMs = last === undefined ? sinceMs : epochMsOf(last.requested_at);
    const nextMs = nextRunMs(pattern, settings.zone, lastMs);
    return nextMs !== null && nextMs <= nowMs;
  };
  const recent: TaskRequest = {
    ...everything,
    created_from: wallClock.earliestText(nowMs - settings.backfillDays * dayMs, nowMs),
  };
  const census: TaskRequest = { kind: "census", believe_deletes: false };
  const scheduled = [
    [completeTaskId, settings.rereadSchedule, everything],
    ["census", settings.censusSchedule, census],
    ["scheduled-backfill", settings.backfillSchedule, recent],
  ] as const;
  return scheduled
    .filter(([taskId, pattern]) => isDue(taskId, pattern))
    .map(([taskId, , request]) => [taskId, request] as const);
}
