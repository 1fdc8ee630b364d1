import { join } from "node:path";
import {
  type Clock,
  type DeadLetter,
  type EventLog,
  encodeJson,
  type Logger,
  type LogWriter,
  type ObjectStore,
  type ParquetEncoder,
} from "@thulium-stream/contracts";
import { type BulkEncoder, defaultHistory, openFileCache } from "@thulium-stream/lake";
import { type Lifetime, newId, type Settings } from "@thulium-stream/runtime";
import { LakeWriter } from "./lake-writer.ts";

/** What a process shares with the lake writer. */
export interface LakeWriterSurroundings {
  readonly log: EventLog;
  readonly store: ObjectStore;
  readonly encoders: { readonly parquetjs: ParquetEncoder; readonly duckdb: BulkEncoder | null };
  readonly tempFolder: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

const dayMs = 86_400_000;
/** Bytes of rows that may wait; as much again may be on its way into the table. */
const flushBytes = 64 * 1024 * 1024;

/** Opens the lake writer that the settings describe. */
export async function openLakeWriter(
  settings: Settings,
  surroundings: LakeWriterSurroundings,
  life: Lifetime,
): Promise<LakeWriter> {
  return new LakeWriter(
    {
      ...surroundings,
      newId,
      cache: openFileCache({
        url: settings.LAKE_URL,
        store: surroundings.store,
        folder: join(settings.STATE_DIR, "merge-cache"),
        clock: surroundings.clock,
        newId,
      }),
      encoderSetting: settings.PARQUET_ENCODER,
      history: { ...defaultHistory, days: Math.ceil(settings.TABLE_HISTORY_RETAIN / dayMs) },
      deadLetter: deadLetterSink(surroundings.log, life),
      limits: {
        flushIntervalMs: settings.LAKE_FLUSH_INTERVAL,
        flushRows: settings.LAKE_FLUSH_ROWS,
        flushBytes,
      },
    },
    {
      system: settings.system,
      zone: settings.THULIUM_TIME_ZONE,
      snapshotSchedule: settings.SNAPSHOT_SCHEDULE,
      mergeIntervalMs: settings.MERGE_INTERVAL,
      retainSnapshotsMs: settings.SNAPSHOT_RETAIN,
    },
  );
}

/** Appends dead letters with a writer of its own, opened when the first one comes. Each process has its own writer id: there is nothing to fence. */
function deadLetterSink(log: EventLog, life: Lifetime): (letter: DeadLetter) => Promise<void> {
  let opening: Promise<LogWriter> | null = null;
  return async (letter) => {
    opening ??= log
      .openWriter(`dead-letters.lake-writer.${newId()}`)
      .then((writer) => life.own("dead letters", writer, (closing) => closing.close()));
    const writer = await opening;
    await writer.append([
      { topic: "dead-letters", key: letter.key ?? letter.letter_id, value: encodeJson(letter) },
    ]);
  };
}
