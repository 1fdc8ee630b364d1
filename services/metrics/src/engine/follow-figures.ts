import {
  decodeJson,
  type EventLog,
  isFailure,
  type LogBatch,
  type TicketMetrics,
} from "@thulium-stream/contracts";
import {
  type AppliedRecords,
  foldedToHeader,
  foldHeader,
  keptOf,
  type MetricsStore,
} from "../store/metrics-store.ts";

/**
 * Folds of this process by name, and the number of the last flush of each that is in the store. What the store has need not be read again; what was appended and has not
 * reached it yet must be: a kill in between would leave a store that has passed records it never took over.
 */
export type FoldIds = Map<string, number>;

/** What following works with. */
export interface FollowDeps {
  readonly log: EventLog;
  readonly store: MetricsStore;
  readonly system: string;
  /** Folds of this process. */
  readonly foldIds: FoldIds;
  readonly now: () => number;
  /** Called when figures of others came in. */
  readonly onChange: () => void;
}

/**
 * Takes every partition of `ticket-metrics` over into the store until `signal` fires, or with `toEnd` up to its ends as of now.
 * @throws Failure of the log; `PositionLost` when the store does not belong to this log.
 */
export async function followFigures(
  { log, store, system, foldIds, now, onChange }: FollowDeps,
  signal: AbortSignal,
  { toEnd }: { readonly toEnd: boolean },
): Promise<void> {
  const reader = await log.openReader({
    topics: ["ticket-metrics"],
    startAt: async (partitions) =>
      partitions.flatMap((each) => {
        const position = store.position(each.partition);
        return position === null ? [] : [{ ...each, position }];
      }),
  });
  const ends = await log.ends("ticket-metrics");
  const left = new Map(ends.map(({ partition, end }) => [partition, end]));
  const drop = () => {
    for (const [partition, end] of left)
      if (end === 0 || (store.position(partition) ?? 0) >= end) left.delete(partition);
  };
  try {
    drop();
    while (!toEnd || left.size > 0) {
      const delivery = await reader.next({ timeoutMs: 1000, signal });
      if (delivery.kind === "idle" && left.size === 0) await store.caughtUp(now());
      if (delivery.kind !== "batch") continue;
      if ((await store.apply(appliedOf(delivery, system, foldIds))) > 0) onChange();
      drop();
    }
    await store.caughtUp(now());
  } finally {
    await reader.close();
  }
}

/** What a batch of `ticket-metrics` brings: records of this system that the store does not have from this process's own folds. */
export function appliedOf(
  batch: LogBatch,
  system: string,
  foldIds: ReadonlyMap<string, number>,
): AppliedRecords {
  const prefix = `${system}:`;
  const foldedTo: Record<string, number> = {};
  const records: AppliedRecords["records"][number][] = [];
  let told = "";
  for (const record of batch.records) {
    const { key, value, headers } = record;
    if (key === null || !key.startsWith(prefix)) continue;
    const text = headers[foldedToHeader];
    if (text !== undefined && text !== told) {
      told = text;
      raise(foldedTo, text);
    }
    if (isInStore(headers[foldHeader], foldIds)) continue;
    const metrics = value === null ? null : metricsOf(record);
    if (value !== null && metrics === null) continue;
    const kept = metrics === null ? null : keptOf(metrics, batch.partition);
    records.push({ ticketId: key.slice(prefix.length), kept });
  }
  return { partition: batch.partition, records, nextPosition: batch.nextPosition, foldedTo };
}

/** The value of {@link foldHeader}: a fold's flushes are numbered from 1. */
export function flushName(foldId: string, flush: number): string {
  return `${foldId}.${flush}`;
}

function isInStore(name: string | undefined, foldIds: ReadonlyMap<string, number>): boolean {
  const end = name?.lastIndexOf(".") ?? -1;
  if (name === undefined || end < 0) return false;
  return Number(name.slice(end + 1)) <= (foldIds.get(name.slice(0, end)) ?? 0);
}

/** Positions as a header tells them; anything else is no news. */
function raise(foldedTo: Record<string, number>, text: string): void {
  try {
    for (const [topic, position] of Object.entries(JSON.parse(text) as Record<string, unknown>))
      if (typeof position === "number") foldedTo[topic] = Math.max(foldedTo[topic] ?? 0, position);
  } catch {
    // A foreign record's header.
  }
}

/** The figures of a record; null for one that is none, which a foreign writer left. */
function metricsOf(record: LogBatch["records"][number]): TicketMetrics | null {
  try {
    const value = decodeJson(record) as Partial<TicketMetrics> | null;
    return value?.history === undefined || value.as_of === undefined
      ? null
      : (value as TicketMetrics);
  } catch (error) {
    if (isFailure(error, "CorruptRecord")) return null;
    throw error;
  }
}
