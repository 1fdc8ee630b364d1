import {
  type DeadLetter,
  deadLetter,
  decodeJson,
  type EventLog,
  Failure,
  type LogRecord,
  laterLetter,
} from "@thulium-stream/contracts";
import { batchesToEnd } from "@thulium-stream/runtime";

/** All letters that the log holds, the oldest first, and how many records of the topic are none. */
export interface Letters {
  readonly letters: readonly DeadLetter[];
  readonly foreign: number;
}

/** Reads `dead-letters` to its end; the newest record of a letter counts. */
export async function readLetters(log: EventLog): Promise<Letters> {
  const found = new Map<string, DeadLetter>();
  let foreign = 0;
  for await (const { records } of batchesToEnd(log, "dead-letters"))
    for (const record of records) {
      const letter = letterOf(record);
      if (letter === null) foreign += 1;
      else found.set(letter.letter_id, laterLetter(found.get(letter.letter_id), letter));
    }
  const letters = [...found.values()].sort((a, b) => (a.first_at < b.first_at ? -1 : 1));
  return { letters, foreign };
}

function letterOf(record: LogRecord): DeadLetter | null {
  try {
    return deadLetter.parse(decodeJson(record));
  } catch {
    return null;
  }
}

/** Whether somebody still has to decide about it. */
export function isOpen({ state = "open" }: DeadLetter): boolean {
  return state === "open" || state === "retry";
}

/** The one letter whose id begins so. @throws Failure `InvalidSettings` when there is none, or several. */
export function letterNamed(letters: readonly DeadLetter[], id: string): DeadLetter {
  const found = letters.filter(({ letter_id }) => letter_id.startsWith(id));
  const [letter] = found;
  if (letter !== undefined && found.length === 1) return letter;
  throw new Failure(
    "InvalidSettings",
    letter === undefined
      ? `there is no dead letter ${JSON.stringify(id)}: see dlq ls --all`
      : `${found.length} dead letters begin with ${JSON.stringify(id)}: say more of the id`,
  );
}
