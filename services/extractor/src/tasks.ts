import {
  type Instant,
  isEnded,
  newestFirst,
  type SliceState,
  type TaskCommand,
  type TaskRequest,
  type TaskState,
} from "@thulium-stream/contracts";

/** The listing of everything with which an extractor begins. */
export const firstTaskId = "first";
/** The complete listing by schedule: silent changes of old tickets, and what is gone. */
export const completeTaskId = "complete";
/** A listing of everything. */
export const everything: Extract<TaskRequest, { kind: "backfill" }> = {
  kind: "backfill",
  created_from: null,
  created_to: null,
  queue_ids: [],
  estimate_only: false,
};

/** Ended tasks that are kept for `backfill status`. */
const keptEnded = 20;

/** A task that nobody has begun. */
export function newTask(
  system: string,
  taskId: string,
  request: TaskRequest,
  requestedAt: Instant,
): TaskState {
  return {
    system,
    task_id: taskId,
    request,
    state: "waiting",
    slices: null,
    slices_done: 0,
    expected: 0,
    tickets: 0,
    requests_expected: 0,
    holes: 0,
    requested_at: requestedAt,
    started_at: null,
    ended_at: null,
    note: null,
  };
}

/** Whether a task lists every ticket of the source: such a one proves what is held, and finds what is gone. */
export function isComplete({ request }: TaskState): boolean {
  return (
    request.kind === "backfill" &&
    request.created_from === null &&
    request.created_to === null &&
    request.queue_ids.length === 0
  );
}

/** The task that a command makes or changes; null when it changes nothing: an unknown or ended task, or one that is there already. */
export function applyCommand(
  tasks: ReadonlyMap<string, TaskState>,
  command: TaskCommand,
  now: Instant,
): TaskState | null {
  const task = tasks.get(command.task_id);
  if (command.command === "start")
    return task === undefined
      ? newTask(command.system, command.task_id, command.request, command.requested_at)
      : null;
  if (task === undefined || isEnded(task)) return null;
  if (command.command === "cancel") return { ...task, state: "cancelled", ended_at: now };
  if (command.command === "pause") return { ...task, state: "paused" };
  return task.state === "paused" ? { ...task, state: "waiting" } : null;
}

/** Ids of the oldest ended tasks beyond those that are kept. */
export function forgettable(tasks: ReadonlyMap<string, TaskState>): readonly string[] {
  return [...tasks.values()]
    .filter(isEnded)
    .sort(newestFirst)
    .slice(keptEnded)
    .map(({ task_id }) => task_id);
}

/** The slices of a task, in order. */
export function slicesOf(
  slices: ReadonlyMap<string, SliceState>,
  taskId: string,
): readonly SliceState[] {
  return [...slices.values()]
    .filter(({ task_id }) => task_id === taskId)
    .sort((a, b) => a.slice - b.slice);
}
