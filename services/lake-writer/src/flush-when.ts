/** Limits of what waits before it is written. */
export interface FlushLimits {
  /** The oldest row waits at most so long, in milliseconds. */
  readonly flushIntervalMs: number;
  readonly flushRows: number;
  readonly flushBytes: number;
}

/** What waits. */
export interface Waiting {
  readonly rows: number;
  readonly bytes: number;
  /** When the oldest of it came, epoch milliseconds; null when nothing waits. */
  readonly oldestMs: number | null;
  /** When the log took the oldest of it, epoch milliseconds; null when nothing waits. */
  readonly oldestAppendedMs: number | null;
  /** Whether it is all that the log holds, as far as is known. */
  readonly isAll: boolean;
}

/** Whether no more rows or bytes may wait. */
export function isFull({ rows, bytes }: Waiting, limits: FlushLimits): boolean {
  return rows >= limits.flushRows || bytes >= limits.flushBytes;
}

/**
 * Milliseconds until what waits must be written: 0 = now, infinite when nothing waits. `inBacklog` says that the batch before was full or left something behind in the log.
 * The end of a backlog does not wait: it has been in the log for longer than rows may wait, and nothing else comes to be written with it. Only behind such a batch, so
 * that a clock that is wrong does not make a file of every row.
 */
export function flushInMs(
  waiting: Waiting,
  limits: FlushLimits,
  { nowMs, inBacklog }: { readonly nowMs: number; readonly inBacklog: boolean },
): number {
  const { oldestMs, oldestAppendedMs, isAll } = waiting;
  if (oldestMs === null) return Number.POSITIVE_INFINITY;
  if (isFull(waiting, limits)) return 0;
  const restMs = (sinceMs: number) => Math.max(0, sinceMs + limits.flushIntervalMs - nowMs);
  const isBacklogsEnd =
    inBacklog && isAll && oldestAppendedMs !== null && restMs(oldestAppendedMs) === 0;
  return isBacklogsEnd ? 0 : restMs(oldestMs);
}
