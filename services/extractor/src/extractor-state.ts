import {
  type Checkpoint,
  checkpoint as checkpointSchema,
  decodeJson,
  type EventLog,
  type ExtractorHeartbeat,
  encodeJson,
  Failure,
  type HoleState,
  extractorHeartbeat as heartbeatSchema,
  holeState as holeSchema,
  type LogRecord,
  type NewRecord,
  type SliceState,
  sliceState as sliceSchema,
  type TaskState,
  taskState as taskSchema,
} from "@thulium-stream/contracts";
import { batchesToEnd } from "@thulium-stream/runtime";
import type { z } from "zod";

/** What the log says about the extractor's own progress. */
export interface ExtractorState {
  /** Random value of the log, written once; null on a new log. */
  readonly logId: string | null;
  readonly checkpoint: Checkpoint | null;
  /** Open tasks, and the last of those that ended, by id. */
  readonly tasks: ReadonlyMap<string, TaskState>;
  /** Slices of open tasks by {@link sliceId}. */
  readonly slices: ReadonlyMap<string, SliceState>;
  /** Open holes by id. */
  readonly holes: ReadonlyMap<string, HoleState>;
  /** What a running extractor last said about itself; null when none ever did. */
  readonly heartbeat: ExtractorHeartbeat | null;
}

const logIdKey = "log-id";

/** Reads `extractor-state` to its end: only the log is believed after a start or any doubt. @throws Failure `CorruptRecord`. */
export async function readExtractorState(log: EventLog, system: string): Promise<ExtractorState> {
  let logId: string | null = null;
  let checkpoint: Checkpoint | null = null;
  let heartbeat: ExtractorHeartbeat | null = null;
  const tasks = new Map<string, TaskState>();
  const slices = new Map<string, SliceState>();
  const holes = new Map<string, HoleState>();
  for await (const { records } of batchesToEnd(log, "extractor-state"))
    for (const record of records) {
      const value = record.value === null ? null : decodeJson(record);
      const [owner, part = "", ...rest] = (record.key ?? "").split(":");
      const id = rest.join(":");
      if (record.key === logIdKey) logId = (value as { log_id: string }).log_id;
      if (owner !== system) continue;
      if (part === "checkpoint") checkpoint = understood(checkpointSchema, value, record);
      // A heartbeat is a hint: one of another version tells nothing, and does no harm.
      else if (part === "status") heartbeat = heartbeatSchema.safeParse(value).data ?? null;
      else if (part === "task") keep(tasks, id, value, taskSchema, record);
      else if (part === "slice") keep(slices, id, value, sliceSchema, record);
      else if (part === "hole") keep(holes, id, value, holeSchema, record);
    }
  return { logId, checkpoint, tasks, slices, holes, heartbeat };
}

function keep<T>(
  map: Map<string, T>,
  id: string,
  value: unknown,
  schema: z.ZodType<T>,
  record: LogRecord,
): void {
  if (value === null) map.delete(id);
  else map.set(id, understood(schema, value, record));
}

function understood<T>(schema: z.ZodType<T>, value: unknown, { key, position }: LogRecord): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Failure(
    "CorruptRecord",
    `extractor-state@${position}, ${key}: ${issue?.path.join(".")} ${issue?.message}`,
    { advice: "Another version may have written it: run that one, or begin with a new log." },
  );
}

/** The record that gives a new log its id. */
export function logIdRecord(logId: string): NewRecord {
  return { topic: "extractor-state", key: logIdKey, value: encodeJson({ log_id: logId }) };
}

/** What is kept in `extractor-state` beside the log's id. */
export type StatePart = "checkpoint" | "status" | "task" | "slice" | "hole";

/** The record of one part of the state; null removes it. `id` tells several of a kind apart. */
export function stateRecord(
  system: string,
  part: StatePart,
  id: string | null,
  value: object | null,
): NewRecord {
  return {
    topic: "extractor-state",
    key: id === null ? `${system}:${part}` : `${system}:${part}:${id}`,
    value: value === null ? null : encodeJson(value),
  };
}

/** What tells the slices of all tasks apart. */
export function sliceId({ task_id, slice }: Pick<SliceState, "task_id" | "slice">): string {
  return `${task_id}:${slice}`;
}
