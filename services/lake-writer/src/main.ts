import {
  type Clock,
  type DeadLetter,
  type EventLog,
  encodeJson,
  Failure,
  type Logger,
  type LogWriter,
  type ObjectStore,
  type ParquetEncoder,
} from "@thulium-stream/contracts";
import { type Lifetime, newId, type Settings } from "@thulium-stream/runtime";
import { LakeWriter, nextRunMs } from "./lake-writer.ts";

/** What a process shares with the lake writer. */
export interface LakeWriterSurroundings {
  readonly log: EventLog;
  readonly store: ObjectStore;
  readonly encoders: { readonly parquetjs: ParquetEncoder; readonly duckdb: ParquetEncoder | null };
  readonly tempFolder: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Bytes of rows that may wait in memory. */
const flushBytes = 64 * 1024 * 1024;

/** Opens the lake writer that the settings describe. @throws Failure `InvalidSettings` for a schedule that is none. */
export async function openLakeWriter(
  settings: Settings,
  surroundings: LakeWriterSurroundings,
  life: Lifetime,
): Promise<LakeWriter> {
  checkSchedule(settings);
  return new LakeWriter(
    {
      ...surroundings,
      newId,
      encoderSetting: settings.PARQUET_ENCODER,
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
    },
  );
}

function checkSchedule({ SNAPSHOT_SCHEDULE: schedule, THULIUM_TIME_ZONE: zone }: Settings): void {
  if (schedule === "off") return;
  try {
    nextRunMs(schedule, zone, 0);
  } catch (cause) {
    throw new Failure(
      "InvalidSettings",
      `SNAPSHOT_SCHEDULE=${JSON.stringify(schedule)}: must be a cron pattern such as "5 0 * * *", or off`,
      { cause },
    );
  }
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
