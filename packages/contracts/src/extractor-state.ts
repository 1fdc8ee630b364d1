import type { z } from "zod";
import { ErasureRecords } from "./erasure-records.ts";
import { Failure } from "./failure.ts";
import type { LogRecord } from "./ports/event-log.ts";
import { decodeJson } from "./record-codec.ts";
import {
  type Checkpoint,
  checkpoint as checkpointSchema,
  type HoleState,
  holeState,
  type SliceState,
  sliceState,
} from "./state.ts";
import { type ExtractorHeartbeat, extractorHeartbeat, type TaskState, taskState } from "./tasks.ts";

/** What the topic `extractor-state` says about the extractor's own progress. */
export interface ExtractorState {
  /** Random value of the log, written once; null on a new log. */
  readonly logId: string | null;
  readonly checkpoint: Checkpoint | null;
  /** Open tasks, and the last of those that ended, by id. */
  readonly tasks: ReadonlyMap<string, TaskState>;
  /** Slices of open tasks by task and number, `<task>:<n>`. */
  readonly slices: ReadonlyMap<string, SliceState>;
  /** Open holes by id. */
  readonly holes: ReadonlyMap<string, HoleState>;
  /** What a running extractor last said about itself; null when none ever did. */
  readonly heartbeat: ExtractorHeartbeat | null;
  /** What was erased, and how far that has come. */
  readonly erasures: ErasureRecords;
}

const logIdKey = "log-id";

/** Folds the records of `extractor-state`, in the log's order, into {@link ExtractorState}. */
export class ExtractorStateFold implements ExtractorState {
  logId: string | null = null;
  checkpoint: Checkpoint | null = null;
  heartbeat: ExtractorHeartbeat | null = null;
  readonly tasks = new Map<string, TaskState>();
  readonly slices = new Map<string, SliceState>();
  readonly holes = new Map<string, HoleState>();
  readonly erasures: ErasureRecords;
  readonly #system: string;

  constructor(system: string) {
    this.#system = system;
    this.erasures = new ErasureRecords(system);
  }

  /** Takes one record; one of another system changes nothing. @throws Failure `CorruptRecord` naming position, key and field. */
  apply(record: LogRecord): void {
    if (this.erasures.take(record)) return;
    const value = record.value === null ? null : decodeJson(record);
    const [owner, part = "", ...rest] = (record.key ?? "").split(":");
    const id = rest.join(":");
    if (record.key === logIdKey) this.logId = (value as { log_id: string }).log_id;
    if (owner !== this.#system) return;
    if (part === "checkpoint") this.checkpoint = understood(checkpointSchema, value, record);
    // A heartbeat is a hint: one of another version tells nothing, and does no harm.
    else if (part === "status") this.heartbeat = extractorHeartbeat.safeParse(value).data ?? null;
    else if (part === "task") keep(this.tasks, id, value, taskState, record);
    else if (part === "slice") keep(this.slices, id, value, sliceState, record);
    else if (part === "hole") keep(this.holes, id, value, holeState, record);
  }
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
