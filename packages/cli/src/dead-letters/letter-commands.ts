import {
  type Clock,
  type DeadLetter,
  type EventLog,
  instantOf,
  type NewRecord,
  recordOfLetter,
} from "@thulium-stream/contracts";
import { newId } from "@thulium-stream/runtime";
import { note, print } from "../terminal/console.ts";
import { renderTable, withoutControls } from "../terminal/table.ts";
import { isOpen, letterNamed, readLetters } from "./read-letters.ts";

/** `dlq ls`: letters as a table, or one JSON object a line. */
export async function listLetters(
  log: EventLog,
  { all, json }: { readonly all: boolean; readonly json: boolean },
): Promise<void> {
  const { letters, foreign } = await readLetters(log);
  const shown = letters.filter((letter) => all || isOpen(letter));
  if (json) for (const letter of shown) print(JSON.stringify(letter));
  else print(shown.length === 0 ? "no open dead letters" : tableOfLetters(shown));
  if (foreign > 0) note(`${foreign} records of dead-letters are no letters; they are left out`);
}

/** Letters for people. */
export function tableOfLetters(letters: readonly DeadLetter[]): string {
  return renderTable(
    ["letter", "last time", "stage", "reason", "tries", "key", "state", "detail"],
    letters.map((letter) => [
      letter.letter_id.slice(0, 8),
      letter.last_at.slice(0, 19).replace("T", " "),
      letter.group === undefined ? letter.stage : `${letter.stage} ${letter.group}`,
      letter.reason,
      letter.attempts,
      letter.key,
      letter.state ?? "open",
      letter.detail.length > 60 ? `${letter.detail.slice(0, 59)}…` : letter.detail,
    ]),
  );
}

/** `dlq show`: everything about a letter. */
export async function showLetter(log: EventLog, id: string, json: boolean): Promise<void> {
  const { letters } = await readLetters(log);
  const letter = letterNamed(letters, id);
  print(json ? JSON.stringify(letter) : textOfLetter(letter));
}

/** A letter for people; its raw text last, as it is but for control characters. */
export function textOfLetter(letter: DeadLetter): string {
  const { raw, position, headers = {}, ...fields } = letter;
  const place =
    position === null ? "–" : `${position.topic}[${position.partition}]@${position.position}`;
  const lines = [
    ...Object.entries({ ...fields, state: fields.state ?? "open", position: place }),
    ...Object.entries(headers).map(([name, value]) => [`header ${name}`, value] as const),
  ].map(([name, value]) => `${name.padEnd(22)} ${withoutControls(String(value ?? "–"))}`);
  return [...lines, "", raw.split("\n").map(withoutControls).join("\n")].join("\n");
}

/** `dlq drop`: the letters are given up. */
export async function dropLetters(
  log: EventLog,
  clock: Clock,
  ids: readonly string[],
): Promise<void> {
  const { letters } = await readLetters(log);
  const dropped = ids.map((id) => letterNamed(letters, id));
  const last_at = instantOf(clock.now());
  await appendAll(
    log,
    dropped.map((letter) => recordOfLetter({ ...letter, state: "dropped", last_at })),
  );
  for (const { letter_id } of dropped) print(`${letter_id.slice(0, 8)}: dropped`);
}

/** Appends records as one whole, as a writer of its own. */
export async function appendAll(log: EventLog, records: readonly NewRecord[]): Promise<void> {
  const writer = await log.openWriter(`dlq.${newId()}`);
  try {
    await writer.append(records);
  } finally {
    await writer.close();
  }
}
