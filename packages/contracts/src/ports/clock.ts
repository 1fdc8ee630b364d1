/**
 * The only source of time. Rules, cited as C1–C3:
 *
 * C1 `now()` never steps back within one process by more than the system clock itself does; it has
 *    milliseconds since 1970-01-01T00:00Z.
 * C2 `sleep(ms, signal)` resolves no earlier than `ms` later; 0 or less yields once to other work.
 * C3 An aborted sleep rejects with `Cancelled` and leaves no timer behind.
 */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00Z. */
  now(): number;
  /** Waits. @throws Failure `Cancelled` when `signal` fires first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
