import type { FailureCode } from "@thulium-stream/contracts";

/** What follows a failure: try again later, end the process, or put the thing aside and go on. */
export type Action = "retry" | "stop" | "set-aside";

/** One row of the policy table. */
export interface Policy {
  readonly action: Action;
  /** What the operator can do, as one sentence. */
  readonly advice: string;
}

const table: Readonly<Record<FailureCode, Policy>> = {
  Cancelled: { action: "stop", advice: "Nothing to do: the work was cancelled." },
  Closed: {
    action: "stop",
    advice: "Nothing to do when shutting down; otherwise please report it.",
  },
  PositionLost: {
    action: "stop",
    advice: "The log no longer holds this position: raise its retention and rebuild what reads it.",
  },
  InvalidSettings: { action: "stop", advice: "Correct the setting and start again." },
  Unauthenticated: { action: "stop", advice: "Check user name and password." },
  Forbidden: {
    action: "stop",
    advice: "Grant this user the permission; Thulium gives them per API method.",
  },
  RateLimited: {
    action: "retry",
    advice: "Nothing to do; lower REQUESTS_PER_SECOND if it goes on.",
  },
  Unavailable: { action: "retry", advice: "Check that the other side is up and reachable." },
  TimedOut: { action: "retry", advice: "Check the network and the other side's load." },
  InvalidResponse: {
    action: "retry",
    advice: "Check that the address is the API's and no proxy answers in its place.",
  },
  CorruptRecord: { action: "set-aside", advice: "See `thulium-stream dlq ls`." },
  Fenced: { action: "stop", advice: "Another process took over; stop one of the two." },
  TooLarge: { action: "set-aside", advice: "See `thulium-stream dlq ls`." },
  Rejected: {
    action: "set-aside",
    advice: "The other side refuses this request for good; see the message.",
  },
  Invariant: { action: "stop", advice: "This is a bug: please report it with the log." },
};

/** The policy of a failure code. A code outside the closed list stops the process. */
export function policyOf(code: FailureCode): Policy {
  return (
    table[code] ?? { action: "stop", advice: "Unknown failure: please report it with the log." }
  );
}
