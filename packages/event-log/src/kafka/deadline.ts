import { type Clock, Failure } from "@thulium-stream/contracts";

/**
 * `work`, or `TimedOut` when it takes longer than `ms`. The work itself goes on: its outcome is unknown,
 * and whoever calls this must treat what it used as spent.
 */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  what: string,
  work: Promise<T>,
): Promise<T> {
  const done = new AbortController();
  const late = clock.sleep(ms, done.signal).then(
    () => {
      throw new Failure("TimedOut", `${what}: no answer within ${ms / 1000} s`);
    },
    // Cancelled because the work has ended: never settles, the work's own outcome counts.
    () => new Promise<never>(() => {}),
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    done.abort();
  }
}
