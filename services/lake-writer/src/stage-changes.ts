import {
  appendOf,
  Failure,
  headerNames,
  isErasureNews,
  type LogRecord,
  type PartitionRange,
} from "@thulium-stream/contracts";
import type { Positions, StateChange, StateMerge } from "@thulium-stream/lake";
import { batchesToEnd } from "@thulium-stream/runtime";
import { appendOrSetAside, type DeadLetterSink } from "./append-or-set-aside.ts";
import type { TableWriterDeps } from "./table-writer.ts";

/** What of a topic goes into a merge. */
export interface StageOptions {
  readonly topic: string;
  /** Where reading begins. */
  readonly from: Positions;
  /** What was read before, at least: reading never ends below it, and what was set aside there is not set aside again. */
  readonly read: Positions;
  /** Records of later appends stay in the log. */
  readonly cutAppend: number;
  /** Reading ends beyond so many bytes of changes. */
  readonly mostBytes: number;
  readonly signal: AbortSignal;
}

/** What {@link stageChanges} came to. */
export interface StagedChanges {
  /** Next position of each partition that was read. */
  readonly to: Positions;
  readonly changes: number;
  /** Those among them that were not read before. */
  readonly news: number;
  /** Whether everything was read that the topic held, up to the cut. */
  readonly isToEnd: boolean;
}

/** Records given to the merge at once. */
const recordsAtOnce = 1000;
/** Partition of tickets whose creation the source does not tell. */
export const unknownMonth = "unknown";

/** Gives a topic's records on to a merge, up to a bound. @throws Failure `PositionLost` when the table was written from another log; of the log; `Cancelled`. */
export async function stageChanges(
  { log, deadLetter, clock }: Pick<TableWriterDeps, "log" | "deadLetter" | "clock">,
  merge: StateMerge,
  options: StageOptions,
): Promise<StagedChanges> {
  const { topic, read, cutAppend, mostBytes, signal } = options;
  const ranges = await log.ends(topic);
  refuseOther(topic, ranges, read);
  const from = Object.entries(options.from).map(([partition, position]) => ({
    topic,
    partition: Number(partition),
    position,
  }));
  const to: Record<string, number> = {};
  const cut = new Set<number>();
  let [changes, news] = [0, 0];
  const isPast = () =>
    Object.entries(read).every(
      ([each, position]) => (to[each] ?? options.from[each] ?? 0) >= position,
    );
  for await (const batch of batchesToEnd(log, topic, { ranges, from, signal })) {
    const { partition, records, nextPosition } = batch;
    if (cut.has(partition)) continue;
    const readTo = read[partition] ?? 0;
    const end = records.find(
      (record) => record.position >= readTo && appendOf(record) > cutAppend,
    )?.position;
    if (end !== undefined) cut.add(partition);
    to[partition] = end ?? nextPosition;
    const rows = records.filter(
      (record) =>
        record.key !== null && !isErasureNews(record) && record.position < (end ?? nextPosition),
    );
    const append = (part: readonly LogRecord[]) => merge.add(part.map(changeOf));
    const take = async (part: readonly LogRecord[], sink: DeadLetterSink) => {
      let taken = 0;
      for (let at = 0; at < part.length; at += recordsAtOnce)
        taken += await appendOrSetAside(part.slice(at, at + recordsAtOnce), {
          append,
          deadLetter: sink,
          nowMs: clock.now(),
        });
      return taken;
    };
    const again = rows.filter(({ position }) => position < readTo);
    // What is read again was set aside then.
    changes += await take(again, async () => {});
    const taken = await take(rows.slice(again.length), deadLetter);
    [changes, news] = [changes + taken, news + taken];
    if (merge.bytes >= mostBytes && isPast()) return { to, changes, news, isToEnd: false };
  }
  return { to, changes, news, isToEnd: true };
}

function refuseOther(topic: string, ranges: readonly PartitionRange[], read: Positions): void {
  for (const [partition, position] of Object.entries(read)) {
    const end = ranges.find((range) => range.partition === Number(partition))?.end ?? 0;
    if (position > end)
      throw new Failure(
        "PositionLost",
        `the lake's table of ${topic} has read partition ${partition} up to ${position}, but the topic ends at ${end}`,
        { advice: "It was written from another log: use that log, or another LAKE_URL." },
      );
  }
}

/** A record as a change of its row. A key without a colon is foreign: its row, if it has one, says itself what it is. */
function changeOf({
  key,
  value,
  partition: logPartition,
  position,
  headers,
}: LogRecord): StateChange {
  const text = key ?? "";
  const [, ticketId = ""] = text.split(":");
  const partition = headers[headerNames.createdMonth] ?? unknownMonth;
  return { key: text, ticketId, logPartition, position, partition, value };
}
