import type { Clock } from "@thulium-stream/contracts";

/** Time that one request may take whatever its size, in milliseconds. */
const baseMs = 30_000;

/** Slowest line that is still waited for, in bytes a millisecond (256 KB/s). */
const slowestBytesPerMs = 256;

/** How long a request that moves `bytes` may take, in milliseconds. */
export function deadlineMsOf(bytes: number): number {
  return baseMs + Math.ceil(bytes / slowestBytesPerMs);
}

/** Runs `request` and aborts its signal when it is not done after `ms`; leaves no timer behind. */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  request: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const done = new AbortController();
  const watching = clock.sleep(ms, done.signal).then(
    () => late.abort(),
    () => undefined,
  );
  try {
    return await request(late.signal);
  } finally {
    done.abort();
    await watching;
  }
}
