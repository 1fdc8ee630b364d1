import {
  type Checkpoint,
  checkpoint as checkpointSchema,
  decodeJson,
  type EventLog,
  encodeJson,
  type HoleState,
  holeState as holeSchema,
  type NewRecord,
  type SliceState,
  sliceState as sliceSchema,
} from "@thulium-stream/contracts";

/** What the log says about the extractor's own progress. */
export interface ExtractorState {
  /** Random value of the log, written once; null on a new log. */
  readonly logId: string | null;
  readonly checkpoint: Checkpoint | null;
  readonly slices: readonly SliceState[];
  /** Open holes by id. */
  readonly holes: ReadonlyMap<string, HoleState>;
}

const logIdKey = "log-id";

/** Reads `extractor-state` to its end: only the log is believed after a start or any doubt. @throws Failure `CorruptRecord`. */
export async function readExtractorState(log: EventLog, system: string): Promise<ExtractorState> {
  const [range] = await log.ends("extractor-state");
  let logId: string | null = null;
  let checkpoint: Checkpoint | null = null;
  const slices = new Map<string, SliceState>();
  const holes = new Map<string, HoleState>();
  if (range === undefined || range.earliest >= range.end)
    return { logId, checkpoint, slices: [], holes };
  const reader = await log.openReader({ topics: ["extractor-state"], startAt: "earliest" });
  try {
    for (let position = range.earliest; position < range.end; ) {
      const delivery = await reader.next({ timeoutMs: 60_000 });
      if (delivery.kind !== "batch") continue;
      position = delivery.nextPosition;
      for (const record of delivery.records) {
        const key = record.key ?? "";
        if (key === logIdKey) logId = (decodeJson(record) as { log_id: string }).log_id;
        else if (key === checkpointKey(system))
          checkpoint = checkpointSchema.parse(decodeJson(record));
        else if (key.startsWith(`${system}:slice:`)) {
          if (record.value === null) slices.delete(key);
          else slices.set(key, sliceSchema.parse(decodeJson(record)));
        } else if (key.startsWith(`${system}:hole:`)) {
          const id = key.slice(`${system}:hole:`.length);
          if (record.value === null) holes.delete(id);
          else holes.set(id, holeSchema.parse(decodeJson(record)));
        }
      }
    }
  } finally {
    await reader.close();
  }
  const inOrder = [...slices.values()].sort((a, b) => a.slice - b.slice);
  return { logId, checkpoint, slices: inOrder, holes };
}

/** The record that gives a new log its id. */
export function logIdRecord(logId: string): NewRecord {
  return { topic: "extractor-state", key: logIdKey, value: encodeJson({ log_id: logId }) };
}

/** The record of a checkpoint. */
export function checkpointRecord(checkpoint: Checkpoint): NewRecord {
  return {
    topic: "extractor-state",
    key: checkpointKey(checkpoint.system),
    value: encodeJson(checkpoint),
  };
}

/** The record of a slice; null removes it. */
export function sliceRecord(system: string, slice: number, state: SliceState | null): NewRecord {
  return {
    topic: "extractor-state",
    key: `${system}:slice:${slice}`,
    value: state === null ? null : encodeJson(state),
  };
}

/** The record of a hole; null removes it. */
export function holeRecord(system: string, holeId: string, state: HoleState | null): NewRecord {
  return {
    topic: "extractor-state",
    key: `${system}:hole:${holeId}`,
    value: state === null ? null : encodeJson(state),
  };
}

function checkpointKey(system: string): string {
  return `${system}:checkpoint`;
}
