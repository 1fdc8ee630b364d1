import { readFileSync } from "node:fs";
import {
  type ChangeEvent,
  type Command,
  type DeadLetter,
  type EventLog,
  encodeJson,
  Failure,
  headerNames,
  instantOf,
  messageEvent,
  type NewRecord,
  recordOfEvent,
  recordOfLetter,
  ticketEvent,
} from "@thulium-stream/contracts";
import { batchesToEnd, newId } from "@thulium-stream/runtime";
import type { ProcessContext } from "../process-context.ts";
import { print } from "../terminal/console.ts";
import { appendAll } from "./letter-commands.ts";
import { letterNamed, readLetters } from "./read-letters.ts";

/** What trying a letter again means: records to append, the letter among them, and how to say it. */
export interface Retry {
  readonly records: readonly NewRecord[];
  readonly told: string;
}

/** `dlq retry`: each letter by what it is; `valueFile` holds the repaired value of the only one. */
export async function retryLetters(
  log: EventLog,
  { clock, settings }: Pick<ProcessContext, "clock" | "settings">,
  ids: readonly string[],
  valueFile: string | undefined,
): Promise<void> {
  if (valueFile !== undefined && ids.length > 1)
    throw new Failure("InvalidSettings", "--value is the repaired value of one letter: name one");
  const value = valueFile === undefined ? null : readValue(valueFile);
  const { letters } = await readLetters(log);
  const retries = ids.map((id) =>
    retryOf(letterNamed(letters, id), value, {
      nowMs: clock.now(),
      system: settings.system,
      newId,
    }),
  );
  for (const { records, told } of retries) {
    await refuseTwins(log, records);
    await appendAll(log, records);
    print(told);
  }
}

/**
 * What trying a letter again means. Pure. An event goes back to the subscription that failed, behind what its ticket has by now; a
 * repaired record is published at the end of its ticket's partition; a row of the source is read again by the extractor.
 * @throws Failure `InvalidSettings` saying what to do instead.
 */
export function retryOf(
  letter: DeadLetter,
  value: unknown,
  { nowMs, system, newId }: { nowMs: number; system: string; newId: () => string },
): Retry {
  const id = letter.letter_id.slice(0, 8);
  const last_at = instantOf(nowMs);
  const settled = recordOfLetter({ ...letter, state: "retried", last_at });
  if (letter.stage === "source-page")
    throw refusal(
      id,
      "the extractor tries this window again by itself (status tells its holes): drop the letter",
    );
  if (letter.stage === "source-row") {
    const minute = minuteIn(letter.raw);
    const told = `${id}: the extractor of ${system} reads the tickets created at ${minute} again`;
    return { records: [rereadOf(minute, id, { system, last_at, newId }), settled], told };
  }
  if (letter.stage === "subscriber") {
    if (letter.group === undefined)
      throw refusal(
        id,
        "no subscription takes it back: verify --repair reads the ticket again, then drop the letter",
      );
    const raw = value === null ? letter.raw : JSON.stringify(eventIn(value, id));
    const record = recordOfLetter({ ...letter, raw, state: "retry", last_at });
    return { records: [record], told: `${id}: given to ${letter.group} again` };
  }
  const topic = letter.position?.topic;
  if (topic !== "ticket-events" && topic !== "message-events")
    throw refusal(
      id,
      `a broken record of ${topic} is written anew by verify --repair: run it, then drop the letter`,
    );
  if (value === null)
    throw refusal(
      id,
      "the record is broken: give the event that it should have been with --value FILE",
    );
  const event = recordOfEvent(eventIn(value, id), 0);
  if (event.topic !== topic || event.key !== (letter.key ?? event.key))
    throw refusal(
      id,
      `--value is an event of ${event.key} for ${event.topic}; the letter is about ${letter.key} in ${topic}`,
    );
  return { records: [event, settled], told: `${id}: published as the newest of ${event.key}` };
}

function eventIn(value: unknown, id: string): ChangeEvent {
  const parsed = ticketEvent.or(messageEvent).safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw refusal(
    id,
    `its value is no event: ${issue?.path.join(".")} ${issue?.message}; docs/events.md has the fields`,
  );
}

/** The minute in which the ticket of a source row was created, wherever in the text it is told. */
function minuteIn(raw: string): string {
  const [, minute] = /"created_at(?:_raw)?"\s*:\s*"(\d{4}-\d{2}-\d{2} \d{2}:\d{2})/.exec(raw) ?? [];
  if (minute !== undefined) return minute;
  throw new Failure(
    "InvalidSettings",
    "the row does not tell when its ticket was created: run backfill --from --to over the time it may be from, then drop the letter",
  );
}

function rereadOf(
  minute: string,
  id: string,
  { system, last_at, newId }: { system: string; last_at: string; newId: () => string },
): NewRecord {
  const command: Command = {
    command: "start",
    system,
    task_id: `dlq-${id}-${newId().slice(-6).toLowerCase()}`,
    request: { kind: "repair", created_minutes: [minute] },
    requested_at: last_at,
  };
  return { topic: "commands", key: system, value: encodeJson(command) };
}

function readValue(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Failure("InvalidSettings", `--value ${file} is no JSON file: ${String(error)}`);
  }
}

/** An event whose id is on the log already would come twice. */
async function refuseTwins(log: EventLog, records: readonly NewRecord[]): Promise<void> {
  for (const { topic, headers } of records) {
    const id = headers?.[headerNames.id];
    if (id === undefined) continue;
    for await (const batch of batchesToEnd(log, topic)) {
      const twin = batch.records.find((record) => record.headers[headerNames.id] === id);
      if (twin !== undefined)
        throw new Failure(
          "InvalidSettings",
          `the event ${id} is on the log already, at ${topic}[${twin.partition}]@${twin.position}: drop the letter`,
        );
    }
  }
}

function refusal(id: string, why: string): Failure {
  return new Failure("InvalidSettings", `${id}: ${why}`);
}
