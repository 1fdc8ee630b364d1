import {
  decodeJson,
  type EventLog,
  type ExtractorHeartbeat,
  extractorHeartbeat,
  isEnded,
  isHeard,
  type TaskState,
  taskState,
} from "@thulium-stream/contracts";
import { batchesToEnd } from "@thulium-stream/runtime";
import type { ProcessContext } from "../process-context.ts";
import { note } from "../terminal/console.ts";

const lookMs = 1_000;

/**
 * Follows a task in `extractor-state` until it ends or is paused. Tells once when no extractor seems to run: the command is durable and waits for one.
 * @throws Failure `Cancelled` when `signal` fires.
 */
export async function watchTask(
  { settings, clock }: ProcessContext,
  log: EventLog,
  taskId: string,
  onChange: (task: TaskState) => void,
  signal: AbortSignal,
): Promise<TaskState> {
  const { system } = settings;
  const startedMs = clock.now();
  let heartbeat: ExtractorHeartbeat | undefined;
  let position = 0;
  let hasTold = false;
  for (;;) {
    const from = [{ topic: "extractor-state", partition: 0, position }];
    const start = position === 0 ? {} : { from };
    for await (const batch of batchesToEnd(log, "extractor-state", { ...start, signal })) {
      position = batch.nextPosition;
      for (const record of batch.records) {
        if (record.value === null) continue;
        if (record.key === `${system}:status`)
          heartbeat = extractorHeartbeat.safeParse(decodeJson(record)).data;
        if (record.key !== `${system}:task:${taskId}`) continue;
        const task = taskState.parse(decodeJson(record));
        onChange(task);
        if (isEnded(task) || task.state === "paused") return task;
      }
    }
    const nowMs = clock.now();
    const isAlone = heartbeat === undefined || !isHeard(heartbeat, nowMs);
    if (!hasTold && nowMs - startedMs > 5 * lookMs && isAlone) {
      note(`no extractor of ${system} runs; it will begin when one does (Ctrl-C leaves it so)`);
      hasTold = true;
    }
    await clock.sleep(lookMs, signal);
  }
}
