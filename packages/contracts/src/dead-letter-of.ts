import { Failure } from "./failure.ts";
import { hashId } from "./hash-id.ts";
import { instantOf } from "./instant.ts";
import type { LogRecord, NewRecord } from "./ports/event-log.ts";
import { encodeJson, headerNames } from "./record-codec.ts";
import type { DeadLetter } from "./state.ts";

/** Why a record is set aside. */
export interface DeadLetterReason {
  readonly failure: unknown;
  readonly attempts: number;
  /** The subscription that could not handle it, when its handler is what failed. */
  readonly group?: string;
}

/** The dead letter of a log record; the same trouble has the same id however often it is met. */
export function deadLetterOf(
  record: LogRecord,
  { failure, attempts, group }: DeadLetterReason,
  nowMs: number,
): DeadLetter {
  const raw = rawText(record.value ?? new Uint8Array());
  const stage =
    failure instanceof Failure && failure.code === "CorruptRecord" ? "log-record" : "subscriber";
  const owner = stage === "subscriber" && group !== undefined ? { group } : {};
  const identity = `${stage}\n${Object.values(owner)}${record.topic}/${record.partition}/${record.position}\n${raw}`;
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
    headers: record.headers,
    ...owner,
  };
}

/** The record of a dead letter. State and subscription ride in headers, so that a reader can pass over most without parsing. */
export function recordOfLetter(letter: DeadLetter): NewRecord {
  return {
    topic: "dead-letters",
    key: letter.key ?? letter.letter_id,
    value: encodeJson(letter),
    headers: {
      [headerNames.contentType]: "application/json",
      [headerNames.letterState]: letter.state ?? "open",
      ...(letter.group === undefined ? {} : { [headerNames.letterGroup]: letter.group }),
    },
  };
}

/** The record that a letter was made of, as far as it is known: without position when it came from no log. */
export function recordInLetter(letter: DeadLetter): LogRecord {
  const { topic, partition, position } = letter.position ?? {
    topic: "",
    partition: 0,
    position: 0,
  };
  const { raw, key, headers = {} } = letter;
  const value = raw.startsWith(base64)
    ? Buffer.from(raw.slice(base64.length), "base64")
    : new TextEncoder().encode(raw);
  return { topic, partition, position, key, value, headers, appendedAtMs: 0 };
}

/** A letter as its records tell it, given in their order: the newest counts, but it began with the first. */
export function laterLetter(before: DeadLetter | undefined, after: DeadLetter): DeadLetter {
  if (before === undefined) return after;
  const first_at = before.first_at < after.first_at ? before.first_at : after.first_at;
  return { ...after, first_at, attempts: Math.max(before.attempts, after.attempts) };
}

const base64 = "base64:";

function rawText(value: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(value);
  } catch {
    return `${base64}${Buffer.from(value).toString("base64")}`;
  }
}
