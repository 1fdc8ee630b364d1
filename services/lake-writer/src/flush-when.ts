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
}

/** Milliseconds until what waits must be written: 0 = now, infinite when nothing waits. */
export function flushInMs(
  { rows, bytes, oldestMs }: Waiting,
  limits: FlushLimits,
  nowMs: number,
): number {
  if (oldestMs === null) return Number.POSITIVE_INFINITY;
  if (rows >= limits.flushRows || bytes >= limits.flushBytes) return 0;
  return Math.max(0, oldestMs + limits.flushIntervalMs - nowMs);
}
