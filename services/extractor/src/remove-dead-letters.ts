import {
  type DeadLetter,
  decodeJson,
  type ErasureList,
  type EventLog,
  isFailure,
  type LogRecord,
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
  readonly newest: Map<string, string>;
}

async function lookThrough(
  log: EventLog,
  list: ErasureList,
  ranges: readonly PartitionRange[],
  signal: AbortSignal,
): Promise<Found> {
  const found: Found = { erased: 0, lastErased: new Map(), newest: new Map() };
  for await (const { records } of batchesToEnd(log, "dead-letters", { ranges, signal }))
    for (const record of records) {
      if (isErased(record, list)) {
        found.lastErased.set(record.partition, record.position);
        found.erased += 1;
      } else found.newest.set(nameOf(record), placeOf(record));
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
      if (newest.get(nameOf(record)) !== placeOf(record)) continue;
      lot.push({ topic, key: key ?? "", value, headers });
      if (lot.length < lettersAtOnce) continue;
      yield lot;
      lot = [];
    }
  if (lot.length > 0) yield lot;
}

function placeOf({ partition, position }: LogRecord): string {
  return `${partition}/${position}`;
}

/** What tells letters apart; a record that is no letter stands for itself. */
function nameOf(record: LogRecord): string {
  try {
    const { letter_id } = decodeJson(record) as Partial<DeadLetter>;
    return letter_id ?? placeOf(record);
  } catch {
    return placeOf(record);
  }
}

/** Whether a dead letter is of what was erased: by its key, or by an id that its raw text names. A letter that cannot be read is searched as it is. */
export function isErased(record: LogRecord, list: ErasureList): boolean {
  if (list.erasureOfRecord(record) !== null) return true;
  try {
    const { raw, key, system } = decodeJson(record) as Partial<DeadLetter>;
    if (system !== list.system) return false;
    const coded = /^base64:(.*)$/s.exec(raw ?? "")?.[1];
    const text =
      coded === undefined ? (raw ?? "") : Buffer.from(coded, "base64").toString("latin1");
    return (list.erasureOfKey(key ?? null) ?? list.erasureOfText(text)) !== null;
  } catch (error) {
    if (isFailure(error, "CorruptRecord")) return false;
    throw error;
  }
}
