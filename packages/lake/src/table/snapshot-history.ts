import type { IcebergSnapshot, SnapshotRef, TableMetadata } from "./table-metadata.ts";

/** Which snapshots a table keeps. */
export interface HistoryLimits {
  /** The newest so many. Default 100. */
  readonly newest: number;
  /** Of older ones the last of each UTC day, so many days back. Default 30. */
  readonly days: number;
}

/** See {@link HistoryLimits}. */
export const defaultHistory: HistoryLimits = { newest: 100, days: 30 };

const dayMs = 86_400_000;
/** Iceberg's own table properties for it (docs, "Configuration: table behavior properties"), so that an expiry by another engine keeps the same age. */
const [ageProperty, leastProperty] = [
  "history.expire.max-snapshot-age-ms",
  "history.expire.min-snapshots-to-keep",
] as const;

/** Table properties that say which snapshots it keeps. Pure. */
export function historyProperties({
  newest,
  days,
}: HistoryLimits): Readonly<Record<string, string>> {
  return { [ageProperty]: String(days * dayMs), [leastProperty]: String(newest) };
}

/** Which snapshots a table keeps, by its properties; what they do not say, or say wrongly, is as by default. Pure. */
export function historyOf({ properties }: Pick<TableMetadata, "properties">): HistoryLimits {
  const numberOf = (name: string) => {
    const value = Number(properties[name] ?? Number.NaN);
    return Number.isSafeInteger(value) && value >= 0 ? value : null;
  };
  const [ageMs, newest] = [numberOf(ageProperty), numberOf(leastProperty)];
  return {
    newest: newest ?? defaultHistory.newest,
    days: ageMs === null ? defaultHistory.days : Math.ceil(ageMs / dayMs),
  };
}

/** How old a tag may become: as old as the last snapshots of days. Pure. */
export function tagAgeOf(metadata: Pick<TableMetadata, "properties">): {
  readonly "max-ref-age-ms": number;
} {
  // Iceberg allows no age of 0.
  return { "max-ref-age-ms": Math.max(1, historyOf(metadata).days * dayMs) };
}

/** Branches, and the tags that still count: a tag ends with its age, and with its snapshot. Pure. */
export function livingRefs(
  { refs, snapshots }: Pick<TableMetadata, "refs" | "snapshots">,
  nowMs: number,
): TableMetadata["refs"] {
  const madeMs = new Map(snapshots.map((each) => [each["snapshot-id"], each["timestamp-ms"]]));
  const lives = ({ type, ...ref }: SnapshotRef) => {
    const atMs = madeMs.get(ref["snapshot-id"]);
    const maxAgeMs = ref["max-ref-age-ms"] ?? Number.POSITIVE_INFINITY;
    return type === "branch" || (atMs !== undefined && nowMs - atMs <= maxAgeMs);
  };
  return Object.fromEntries(Object.entries(refs).filter(([, ref]) => lives(ref)));
}

/** The snapshots that stay: the newest, one a day before these, and whatever a branch or tag names. In the order given. Pure. */
export function keptSnapshots(
  snapshots: readonly IcebergSnapshot[],
  refs: TableMetadata["refs"],
  limits: HistoryLimits,
  nowMs: number,
): readonly IcebergSnapshot[] {
  const named = new Set(Object.values(refs).map((ref) => ref["snapshot-id"]));
  const newestFirst = [...snapshots].sort((a, b) => b["sequence-number"] - a["sequence-number"]);
  const kept = new Set(newestFirst.slice(0, Math.max(1, limits.newest)));
  const days = new Set<number>();
  for (const snapshot of newestFirst) {
    const day = Math.floor(snapshot["timestamp-ms"] / dayMs);
    const isLastOfDay = !days.has(day);
    days.add(day);
    if (isLastOfDay && day >= Math.floor(nowMs / dayMs) - limits.days) kept.add(snapshot);
    if (named.has(snapshot["snapshot-id"])) kept.add(snapshot);
  }
  return snapshots.filter((snapshot) => kept.has(snapshot));
}

/** Metadata that knows no other snapshots than these: the log of snapshots begins where it is whole again, as the spec asks. Pure. */
export function withSnapshots(
  metadata: TableMetadata,
  snapshots: readonly IcebergSnapshot[],
): TableMetadata {
  const ids = new Set(snapshots.map((snapshot) => snapshot["snapshot-id"]));
  const log = metadata["snapshot-log"];
  const lastGone = log.findLastIndex((entry) => !ids.has(entry["snapshot-id"]));
  return { ...metadata, snapshots, "snapshot-log": log.slice(lastGone + 1) };
}
