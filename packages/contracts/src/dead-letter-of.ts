import { Failure } from "./failure.ts";
import { hashId } from "./hash-id.ts";
import { instantOf } from "./instant.ts";
import type { LogRecord } from "./ports/event-log.ts";
import type { DeadLetter } from "./state.ts";

/** Why a record is set aside. */
export interface DeadLetterReason {
  readonly failure: unknown;
  readonly attempts: number;
}

/** The dead letter of a log record; the same trouble has the same id however often it is met. */
export function deadLetterOf(
  record: LogRecord,
  { failure, attempts }: DeadLetterReason,
  nowMs: number,
): DeadLetter {
  const raw = rawText(record.value ?? new Uint8Array());
  const stage =
    failure instanceof Failure && failure.code === "CorruptRecord" ? "log-record" : "subscriber";
  const identity = `${stage}\n${record.topic}/${record.partition}/${record.position}\n${raw}`;
  return {
    system: record.key?.split(":")[0] ?? "",
    letter_id: hashId(identity),
    reason: failure instanceof Failure ? failure.code : "Rejected",
    detail: failure instanceof Error ? failure.message : String(failure),
    stage,
    key: record.key,
    attempts,
    first_at: instantOf(nowMs),
    last_at: instantOf(nowMs),
    raw,
    position: { topic: record.topic, partition: record.partition, position: record.position },
  };
}

function rawText(value: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(value);
  } catch {
    return `base64:${Buffer.from(value).toString("base64")}`;
  }
}
