import {
  type ExtractorState,
  type HoleState,
  isHeard,
  newestFirst,
  type TaskState,
} from "@thulium-stream/contracts";
import type { PipelineBody } from "../http/answer-schemas.ts";

/** How the lake is, as far as it can be seen from here; null when it cannot. */
export type LakeFreshness = NonNullable<PipelineBody["lake"]>;

/** What {@link pipelineStatus} is made of. */
export interface PipelineParts {
  readonly sourceUrl: string | null;
  readonly state: ExtractorState;
  readonly deadLetters: number;
  readonly lake: LakeFreshness | null;
  readonly canCommand: boolean;
  readonly nowMs: number;
}

const mostTasks = 20;
const mostHoles = 20;

/** How the rest of the pipeline is, as API and dashboard tell it. Pure. */
export function pipelineStatus(parts: PipelineParts): PipelineBody {
  const { state, nowMs } = parts;
  const { heartbeat, checkpoint } = state;
  return {
    source_url: parts.sourceUrl,
    extractor:
      heartbeat === null
        ? null
        : {
            is_running: isHeard(heartbeat, nowMs),
            heard_at: heartbeat.at,
            last_sweep_at: heartbeat.last_sweep_at,
            waiting_until: heartbeat.waiting_until,
            requests: heartbeat.requests,
            request_rate: heartbeat.request_rate,
            found_limit: heartbeat.found_limit,
            tickets_held: heartbeat.tickets_held,
            clock_skew_ms: heartbeat.clock_skew_ms,
          },
    sealed: checkpoint?.sealed ?? null,
    agreed_as_of: checkpoint?.agreed_as_of ?? null,
    backfill_done_at: checkpoint?.backfill_done_at ?? null,
    tasks: [...state.tasks.values()].sort(newestFirst).slice(0, mostTasks).map(taskLine),
    holes: {
      count: state.holes.size,
      first: [...state.holes.values()].slice(0, mostHoles).map(holeLine),
    },
    dead_letters: parts.deadLetters,
    lake: parts.lake,
    can_command: parts.canCommand,
  };
}

function taskLine(task: TaskState): PipelineBody["tasks"][number] {
  return {
    task_id: task.task_id,
    kind: task.request.kind,
    state: task.state,
    slices: task.slices,
    slices_done: task.slices_done,
    expected: task.expected,
    tickets: task.tickets,
    requested_at: task.requested_at,
    started_at: task.started_at,
    ended_at: task.ended_at,
    note: task.note,
  };
}

function holeLine({ by, bounds, reason, attempts, next_at }: HoleState) {
  return { by, from: bounds.from, to: bounds.to, reason, attempts, next_at };
}
