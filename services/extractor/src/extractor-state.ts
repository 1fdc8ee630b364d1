import {
  type EventLog,
  type ExtractorState,
  ExtractorStateFold,
  encodeJson,
  type NewRecord,
  type SliceState,
} from "@thulium-stream/contracts";
import { batchesToEnd } from "@thulium-stream/runtime";

const logIdKey = "log-id";

/** Reads `extractor-state` to its end: only the log is believed after a start or any doubt. @throws Failure `CorruptRecord`. */
export async function readExtractorState(log: EventLog, system: string): Promise<ExtractorState> {
  const state = new ExtractorStateFold(system);
  for await (const { records } of batchesToEnd(log, "extractor-state"))
    for (const record of records) state.apply(record);
  return state;
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
