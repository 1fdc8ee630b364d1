import type { Table } from "../table/table.ts";
import { type CompactionLimits, compactionPlan } from "./compaction-plan.ts";
import { type RewriteDeps, rewriteFiles } from "./rewrite-files.ts";

/** What a compaction did. */
export interface Compacted {
  readonly filesBefore: number;
  readonly filesAfter: number;
  /** Bytes written. */
  readonly bytes: number;
  /** Groups that another commit came before; the next run plans them anew. */
  readonly conflicts: number;
}

/**
 * Lays small and unsorted files of an append table together, one group after the other, each committed by itself: memory and disk hold one group.
 * `isAtRest` tells whether a partition grows no more. Ends early, between two groups, when `signal` fires.
 */
export async function compactTable(
  table: Table,
  deps: RewriteDeps,
  options: {
    readonly isAtRest: (partition: string | null) => boolean;
    readonly limits?: CompactionLimits;
    readonly signal?: AbortSignal;
  },
): Promise<Compacted> {
  const { isAtRest, limits, signal } = options;
  await table.refresh();
  let [filesBefore, filesAfter, bytes, conflicts] = [0, 0, 0, 0];
  for (const { partition, files } of compactionPlan(await table.liveFiles(), isAtRest, limits)) {
    if (signal?.aborted) break;
    const made = await rewriteFiles(table, deps, { partition, files, operation: "replace" });
    if (made.outcome === "committed") {
      filesBefore += files.length;
      filesAfter += made.rows > 0 ? 1 : 0;
      bytes += made.bytes;
    } else conflicts += 1;
  }
  return { filesBefore, filesAfter, bytes, conflicts };
}
