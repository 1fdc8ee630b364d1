import {
  type DeadLetter,
  deadLetterOf,
  isFailure,
  type LogRecord,
} from "@thulium-stream/contracts";

/** Takes what cannot be a row; resolves when it is durable. */
export type DeadLetterSink = (letter: DeadLetter) => Promise<void>;

/**
 * Gives records to `append`, which takes all of a call or none. One that is no row goes to the dead letters, before what lacks it can be committed; the others
 * are taken (P3). Returns how many were taken.
 */
export async function appendOrSetAside(
  records: readonly LogRecord[],
  target: {
    readonly append: (records: readonly LogRecord[]) => Promise<void>;
    readonly deadLetter: DeadLetterSink;
    readonly nowMs: number;
  },
): Promise<number> {
  try {
    await target.append(records);
    return records.length;
  } catch (error) {
    if (!isFailure(error, "CorruptRecord")) throw error;
    const [only, ...more] = records;
    if (only === undefined) return 0;
    if (more.length === 0) {
      await target.deadLetter(deadLetterOf(only, { failure: error, attempts: 1 }, target.nowMs));
      return 0;
    }
    // The call took none of its rows: halve until the bad one stands alone.
    const middle = Math.ceil(records.length / 2);
    return (
      (await appendOrSetAside(records.slice(0, middle), target)) +
      (await appendOrSetAside(records.slice(middle), target))
    );
  }
}
