/** Calls of the extractor at which its process can be made to end by SIGKILL. */
export const crashPoints = [
  /** The producer connects. */
  "connect",
  /** The transactional id is initialised, or a transaction begins. */
  "begin",
  /** The empty transaction of the initialisation is aborted. */
  "abort",
  /** Records are sent; the last send of a transaction carries the checkpoint. */
  "send",
  "commit",
  /** The ends are read until what was committed is visible. */
  "ends",
  /** The local index takes over what was appended. */
  "index-write",
] as const;

/** One of {@link crashPoints}. */
export type CrashPoint = (typeof crashPoints)[number];

/** Where a process ends, or falls asleep: before the call is made or after it was answered, at the `nth` time that it comes there. */
export interface Crash<Point extends string = CrashPoint> {
  readonly point: Point;
  readonly when: "before" | "after";
  readonly nth: number;
  /** Default SIGKILL; by SIGSTOP it sleeps until somebody sends SIGCONT. */
  readonly by?: "SIGKILL" | "SIGSTOP";
}

/** Points that a process passes once in its life; the others it passes again and again. */
export const passedOnce: readonly CrashPoint[] = ["connect", "abort"];
