import {
  type EventLog,
  Failure,
  instantOf,
  isEnded,
  newestFirst,
  type TaskRequest,
  type TaskState,
} from "@thulium-stream/contracts";
import { readExtractorState } from "@thulium-stream/extractor";
import { openExtractor } from "@thulium-stream/extractor/main";
import { exitCodes, Lifetime, newId, sendCommand } from "@thulium-stream/runtime";
import { openLog } from "../assembly/open-log.ts";
import { openSource } from "../assembly/open-source.ts";
import { isIdleHere } from "../assembly/pipeline.ts";
import { withLog } from "../commands/with-adapters.ts";
import { processContext } from "../process-context.ts";
import { note, print } from "../terminal/console.ts";
import { grouped, spanText } from "../terminal/progress.ts";
import { renderTable } from "../terminal/table.ts";
import { taskProgress } from "../terminal/task-progress.ts";
import { wordsOfRequest } from "./backfill-range.ts";
import { watchTask } from "./watch-task.ts";

/** How {@link startTask} goes on once the command is durable. */
export interface StartOptions {
  /** false: give the command and end. */
  readonly wait: boolean;
}

/**
 * Asks the extractor for a task through the topic `commands` and follows it to its end. With an embedded log that no pipeline works on, the task is carried out here.
 * Ctrl-C ends the following only, or leaves the rest to the next start. Returns the exit code.
 */
export async function startTask(
  request: TaskRequest,
  { wait }: StartOptions,
  signal: AbortSignal,
): Promise<number> {
  const context = processContext({ source: false });
  const { settings, clock, logger } = context;
  await using life = new Lifetime(logger);
  const log = await openLog(settings, clock, logger, life);
  const taskId = `${request.kind}-${newId().slice(-6).toLowerCase()}`;
  const at = instantOf(clock.now());
  const { system } = settings;
  await sendCommand(log, { command: "start", system, task_id: taskId, request, requested_at: at });
  note(`${taskId}: ${wordsOfRequest(request)}`);
  if (!wait) return exitCodes.done;
  const progress = taskProgress(context.interactive, () => clock.now());
  const show = (task: TaskState) => progress.show(task);
  const isHere = isIdleHere(context, life);
  if (isHere) await workHere(log, life, show, signal);
  const task = await watchTask(context, log, taskId, isHere ? () => {} : show, signal);
  progress.end();
  const { heartbeat } = await readExtractorState(log, system);
  print(endOf(task, heartbeat?.request_rate ?? settings.REQUESTS_PER_SECOND));
  return exitCodes.done;
}

async function workHere(
  log: EventLog,
  life: Lifetime,
  onProgress: (task: TaskState) => void,
  signal: AbortSignal,
): Promise<void> {
  // Only now are credentials needed.
  const { settings, clock, logger } = processContext();
  const { source } = await openSource(settings, { clock, logger, standStill: false }, life);
  const extractor = await openExtractor(settings, { source, log, clock, logger, onProgress }, life);
  await extractor.workOff(signal);
}

/** `backfill pause|resume|cancel`: of the task that is named, or of the only open one. */
export async function changeTask(
  command: "pause" | "resume" | "cancel",
  named: string | undefined,
): Promise<void> {
  await withLog(async (log, { settings, clock }) => {
    const { system } = settings;
    const { tasks } = await readExtractorState(log, system);
    const open = [...tasks.values()].filter(
      (task) => !isEnded(task) && (task.state === "paused") === (command === "resume"),
    );
    const found = named === undefined ? open : open.filter(({ task_id }) => task_id === named);
    const [task] = found;
    if (task === undefined || found.length > 1) {
      const ids = open.map(({ task_id }) => task_id).join(", ");
      const why = named === undefined ? "" : ` named ${JSON.stringify(named)}`;
      throw new Failure(
        "InvalidSettings",
        open.length === 0
          ? `there is no backfill to ${command}: see backfill status`
          : `there is no one backfill${why} to ${command}: say which of ${ids}`,
      );
    }
    const requested_at = instantOf(clock.now());
    await sendCommand(log, { command, system, task_id: task.task_id, requested_at });
    print(`${task.task_id}: told to ${command}`);
  });
}

/** `backfill status`: tasks, the newest first. */
export async function showTasks(json: boolean): Promise<void> {
  await withLog(async (log, { settings }) => {
    const { tasks } = await readExtractorState(log, settings.system);
    const newest = [...tasks.values()].sort(newestFirst);
    print(json ? JSON.stringify(newest) : tableOfTasks(newest));
  });
}

/** Tasks for people. */
export function tableOfTasks(tasks: readonly TaskState[]): string {
  return renderTable(
    ["task", "what", "state", "tickets", "of", "slices", "asked for", "note"],
    tasks.map((task) => [
      task.task_id,
      wordsOfRequest(task.request),
      task.state,
      task.tickets,
      task.expected,
      task.slices === null ? null : `${task.slices_done}/${task.slices}`,
      task.requested_at.slice(0, 19).replace("T", " "),
      task.note ?? (task.holes > 0 ? `${task.holes} holes` : null),
    ]),
  );
}

/** What became of a task, in one line. Pure. */
export function endOf(task: TaskState, requestsPerSecond: number): string {
  const { task_id: id, state, expected, tickets, requests_expected: requests } = task;
  if (state === "estimated") {
    const span = spanText(Math.ceil(requests / requestsPerSecond));
    return `${grouped(expected)} tickets, at least ${grouped(requests)} requests, about ${span} at ${Number(requestsPerSecond.toFixed(1))} requests a second`;
  }
  const read = task.request.kind === "backfill" ? `, ${grouped(tickets)} tickets read` : "";
  const holes = task.holes > 0 ? `, ${task.holes} parts could not be read and are tried again` : "";
  return `${id}: ${state}${read}${holes}${task.note === null ? "" : `; ${task.note}`}`;
}
