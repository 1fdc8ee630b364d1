/** A snapshot folder, as far as its age matters. */
export interface AgedSnapshot {
  readonly table: string;
  readonly folder: string;
  /** ISO 8601 instant of the cut, with or without separators. */
  readonly at: string;
  /** Whether its manifest is there. */
  readonly complete: boolean;
}

/** A folder without a manifest is being written, or was given up: after so long the latter (3 days). */
const givenUpMs = 3 * 86_400_000;

/** Snapshot folders that go: complete ones past their age, but for the newest of each table, and those that a killed writer gave up. Pure. */
export function snapshotsToDrop<Snapshot extends AgedSnapshot>(
  snapshots: readonly Snapshot[],
  { retainMs, nowMs }: { readonly retainMs: number | null; readonly nowMs: number },
): readonly Snapshot[] {
  const newest = new Map<string, string>();
  for (const { table, at, complete } of snapshots)
    if (complete && at > (newest.get(table) ?? "")) newest.set(table, at);
  return snapshots.filter(({ table, at, complete }) => {
    const ageMs = nowMs - epochMsOfName(at);
    if (!complete) return ageMs > givenUpMs;
    return retainMs !== null && ageMs > retainMs && at !== newest.get(table);
  });
}

/** `2026-11-23T23:05:00.000Z`, or as in a folder's name `20261123T230500Z`; what is neither counts as now. */
function epochMsOfName(at: string): number {
  const plain = at.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z");
  const ms = Date.parse(plain);
  return Number.isNaN(ms) ? Number.POSITIVE_INFINITY : ms;
}
