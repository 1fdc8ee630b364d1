/**
 * Every way in which a part of the pipeline can fail. The list is closed: adapters translate foreign
 * errors into one of these codes once, at their own boundary, and one policy table in `runtime`
 * decides what happens next. A code that the table does not know stops the process.
 */
export const failureCodes = [
  /** The caller's AbortSignal fired; nothing is left running. */
  "Cancelled",
  /** The object was closed; a programming error of the caller unless it is shutting down. */
  "Closed",
  /** A position that the log no longer holds (retention passed it) or never held. */
  "PositionLost",
  /** A setting, option or argument breaks its rule; the message names it and the remedy. */
  "InvalidSettings",
  /** The other side does not know these credentials (HTTP 401, SASL failure). */
  "Unauthenticated",
  /** The credentials are known but may not do this (HTTP 403, ACL). */
  "Forbidden",
  /** Told to slow down (HTTP 429, or 503 with Retry-After); `retryAfterMs` when it said how long. */
  "RateLimited",
  /** Not reachable or temporarily broken (refused, reset, HTTP 5xx). */
  "Unavailable",
  /** No answer within the deadline; the request may still have happened. */
  "TimedOut",
  /** An answer that breaks its contract: broken JSON, HTML, another envelope, rows outside the request. */
  "InvalidResponse",
  /** A stored record that cannot be decoded. */
  "CorruptRecord",
  /** Another process took over; whatever this one still holds is void. */
  "Fenced",
  /** Larger than the stated limit. */
  "TooLarge",
  /** Refused for good: repeating the same request cannot succeed (HTTP 400, 404 …). */
  "Rejected",
  /** A condition that must always hold does not. A bug; never retried. */
  "Invariant",
] as const;

/** One of {@link failureCodes}. */
export type FailureCode = (typeof failureCodes)[number];

/** What a {@link Failure} may carry beside its code and message. None of it may hold a secret. */
export interface FailureDetails {
  /** The error that caused this one. */
  readonly cause?: unknown;
  /** How long the other side asked us to wait, in milliseconds from now. */
  readonly retryAfterMs?: number;
  /** HTTP status, when the failure is an HTTP answer. */
  readonly status?: number;
  /** What the operator can do about it, as one sentence. */
  readonly advice?: string;
  /** Up to the first 2 KB of what was received, for a dead letter. */
  readonly raw?: string;
}

/** The one error class that crosses a room's wall. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly code: FailureCode;
  readonly retryAfterMs: number | undefined;
  readonly status: number | undefined;
  readonly advice: string | undefined;
  readonly raw: string | undefined;

  constructor(code: FailureCode, message: string, details: FailureDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryAfterMs = details.retryAfterMs;
    this.status = details.status;
    this.advice = details.advice;
    this.raw = details.raw;
  }
}

/** Whether `error` is a {@link Failure}, and, when codes are given, one of these codes. */
export function isFailure(error: unknown, ...codes: FailureCode[]): error is Failure {
  return error instanceof Failure && (codes.length === 0 || codes.includes(error.code));
}

/**
 * States what must be true at this point.
 * @throws Failure `Invariant` with `message` when `condition` is false.
 */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Failure("Invariant", message);
}
