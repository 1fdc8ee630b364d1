import {
  type DeadLetter,
  deadLetter,
  decodeJson,
  type ErasureList,
  type EventLog,
  encodeJson,
  isFailure,
  type LogRecord,
  laterLetter,
  type NewRecord,
  type PartitionRange,
} from "@thulium-stream/contracts";
import { batchesToEnd } from "@thulium-stream/runtime";

/** What became of the dead letters of what was erased. */
export interface RemovedLetters {
  readonly removed: number;
  /** Why they have to wait for the topic's retention; null when none has to. */
  readonly left: string | null;
}

/** Letters that are written anew by one append. */
const lettersAtOnce = 50;

/**
 * Removes every dead letter of what was erased. A topic kept by time lets go only of its beginning, so the other letters before the last of them are written again at its
 * end, as far as no newer record of the same letter stands there, and then everything up to it is purged (L15). A process that ends in between leaves letters of others
 * twice, under one letter id, never one too few.
 */
export async function removeDeadLetters(
  { log, system }: { readonly log: EventLog; readonly system: string },
  list: ErasureList,
  signal: AbortSignal,
): Promise<RemovedLetters> {
  const ranges = await log.ends("dead-letters");
  const found = await lookThrough(log, list, ranges, signal);
  if (found.erased === 0) return { removed: 0, left: null };
  // Whoever erases is alone: an older process that still copies is fenced.
  const writer = await log.openWriter(`erasure.${system}`);
  try {
    for await (const lot of othersBefore(log, found, ranges, signal)) await writer.append(lot);
  } finally {
    await writer.close();
  }
  try {
    await log.purge(
      [...found.lastErased].map(([partition, last]) => ({
        topic: "dead-letters",
        partition,
        position: last + 1,
      })),
    );
    return { removed: found.erased, left: null };
  } catch (error) {
    if (!isFailure(error, "Forbidden", "Rejected")) throw error;
    return { removed: 0, left: `${error.code}: ${error.message}` };
  }
}

/** What the topic holds: how much of it is to go, up to where by partition, and the newest place of every other letter. */
interface Found {
  erased: number;
  readonly lastErased: Map<number, number>;
  readonly newest: Map<string, Newest>;
}

/** Where the newest record of a letter stands, and what its earlier ones add to it. */
type Newest = Pick<DeadLetter, "first_at" | "attempts"> & { readonly place: string };

async function lookThrough(
  log: EventLog,
  list: ErasureList,
  ranges: readonly PartitionRange[],
  signal: AbortSignal,
): Promise<Found> {
  const found: Found = { erased: 0, lastErased: new Map(), newest: new Map() };
  for await (const { records } of batchesToEnd(log, "dead-letters", { ranges, signal }))
    for (const record of records) {
      if (erasureOfLetter(record, list) !== null) {
        found.lastErased.set(record.partition, record.position);
        found.erased += 1;
      } else noteOther(found.newest, record);
    }
  return found;
}

async function* othersBefore(
  log: EventLog,
  { lastErased, newest }: Found,
  ranges: readonly PartitionRange[],
  signal: AbortSignal,
): AsyncGenerator<readonly NewRecord[]> {
  let lot: NewRecord[] = [];
  for await (const { records } of batchesToEnd(log, "dead-letters", { ranges, signal }))
    for (const record of records) {
      const { topic, partition, position, key, value, headers } = record;
      if (position > (lastErased.get(partition) ?? -1)) continue;
      const letter = letterOf(record);
      const kept = newest.get(letter?.letter_id ?? placeOf(record));
      if (kept?.place !== placeOf(record)) continue;
      const { first_at, attempts } = kept;
      const whole = letter === null ? value : encodeJson({ ...letter, first_at, attempts });
      lot.push({ topic, key: key ?? "", value: whole, headers });
      if (lot.length < lettersAtOnce) continue;
      yield lot;
      lot = [];
    }
  if (lot.length > 0) yield lot;
}

function placeOf({ partition, position }: LogRecord): string {
  return `${partition}/${position}`;
}

/** A record that is no letter stands for itself. */
function noteOther(newest: Map<string, Newest>, record: LogRecord): void {
  const place = placeOf(record);
  const letter = letterOf(record);
  if (letter === null) newest.set(place, { place, first_at: "", attempts: 0 });
  else {
    const before = newest.get(letter.letter_id);
    const { first_at, attempts } =
      before === undefined ? letter : laterLetter({ ...letter, ...before }, letter);
    newest.set(letter.letter_id, { place, first_at, attempts });
  }
}

function letterOf(record: LogRecord): DeadLetter | null {
  try {
    return deadLetter.parse(decodeJson(record));
  } catch {
    return null;
  }
}

/** The erasure that a dead letter falls under: by its key, or by an id that its raw text names; null for none. A letter that cannot be read is searched as it is. */
export function erasureOfLetter(record: LogRecord, list: ErasureList): string | null {
  const plain = list.erasureOfRecord(record);
  if (plain !== null) return plain;
  try {
    const { raw, key, system } = decodeJson(record) as Partial<DeadLetter>;
    if (system !== list.system) return null;
    const coded = /^base64:(.*)$/s.exec(raw ?? "")?.[1];
    const text =
      coded === undefined ? (raw ?? "") : Buffer.from(coded, "base64").toString("latin1");
    return list.erasureOfKey(key ?? null) ?? list.erasureOfText(text);
  } catch (error) {
    if (isFailure(error, "CorruptRecord")) return null;
    throw error;
  }
}
