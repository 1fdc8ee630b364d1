import type {
  EventLog,
  LogBatch,
  PartitionPosition,
  PartitionRange,
} from "@thulium-stream/contracts";

/** How {@link batchesToEnd} reads. */
export interface ReadToEndOptions {
  /** What `log.ends(topic)` said; asked when left out. */
  readonly ranges?: readonly PartitionRange[];
  /** Where to begin; a partition that is left out begins at its first record. */
  readonly from?: readonly PartitionPosition[];
  readonly signal?: AbortSignal;
}

/**
 * Everything that a topic held when it was asked, batch by batch, and no record that came later. Opens no reader when there is nothing to read.
 * @throws Failure of the log; `Cancelled` when `signal` fires.
 */
export async function* batchesToEnd(
  log: EventLog,
  topic: string,
  { ranges, from = [], signal }: ReadToEndOptions = {},
): AsyncGenerator<LogBatch> {
  const starts = new Map(from.map(({ partition, position }) => [partition, position]));
  const left = new Map(
    (ranges ?? (await log.ends(topic)))
      .filter(
        ({ partition, earliest, end }) => Math.max(earliest, starts.get(partition) ?? 0) < end,
      )
      .map(({ partition, end }) => [partition, end]),
  );
  if (left.size === 0) return;
  const startAt = from.length === 0 ? "earliest" : async () => from;
  const reader = await log.openReader({ topics: [topic], startAt });
  try {
    while (left.size > 0) {
      const delivery = await reader.next({
        timeoutMs: 60_000,
        ...(signal === undefined ? {} : { signal }),
      });
      const end = delivery.kind === "batch" ? left.get(delivery.partition) : undefined;
      if (delivery.kind !== "batch" || end === undefined) continue;
      const records =
        delivery.nextPosition <= end
          ? delivery.records
          : delivery.records.filter(({ position }) => position < end);
      yield { ...delivery, records, nextPosition: Math.min(delivery.nextPosition, end) };
      if (delivery.nextPosition >= end) left.delete(delivery.partition);
    }
  } finally {
    await reader.close();
  }
}
