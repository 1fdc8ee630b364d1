import { epochMsOf, type MessageMark } from "@thulium-stream/contracts";
import { spokenMessages } from "./open-life.ts";
import { isFromCustomer } from "./responses.ts";
import type { FiguresWithHistory } from "./ticket-metrics-of.ts";

/** Likely reasons why a figure of the vendor is not ours. */
export const vendorReasons = [
  /** Both say the same, to the minute. */
  "same",
  /** The vendor counts working time. */
  "business_hours",
  /** The vendor counts from the ticket's creation, ours from the customer's first message. */
  "from_creation",
  /** The vendor counts an automatic reply. */
  "automatic_reply",
  /** The vendor counts a reply that stands before the customer's first message. */
  "earlier_reply",
  /** The vendor counts an agent's comment as an answer. */
  "comment",
  /** The vendor keeps the first close, ours is the last. */
  "first_close",
  /** The vendor leaves out the time during which the ticket was closed. */
  "open_time_only",
  /** The vendor counts from the first response on. */
  "from_first_response",
  /** The vendor counts since the last reopening. */
  "since_reopening",
  /** The vendor's figure is older than the reopening of the ticket. */
  "reopened",
  /** Only the vendor has one: what it counted was not seen here. */
  "not_observed",
  /** Only we have one. */
  "vendor_has_none",
  /** Nothing that is known explains it. */
  "unexplained",
] as const;
/** One of {@link vendorReasons}. */
export type VendorReason = (typeof vendorReasons)[number];

/** A figure of the vendor beside ours. Seconds. */
export interface VendorDifference {
  readonly figure: "first_response" | "close";
  readonly ours_s: number | null;
  readonly vendor_s: number | null;
  /** Vendor's less ours; null when one of them is missing. */
  readonly difference_s: number | null;
  readonly reason: VendorReason;
  /** What the vendor's figure would be if the reason were right; null when it names none. */
  readonly explained_s: number | null;
}

/** Both sides show minutes, each rounded in its own way. */
const toleranceS = 60;

type Candidate = readonly [reason: VendorReason, seconds: number | null];

/** How the vendor's two figures compare with ours; one that neither side has is left out. The reasons are tried in order, the first that gives the vendor's figure to the minute is named. */
export function vendorDifferences(metrics: FiguresWithHistory): readonly VendorDifference[] {
  const response = compare(
    "first_response",
    metrics.first_response_s,
    metrics.vendor_first_response_s,
    responseCandidates(metrics),
  );
  const close = compare(
    "close",
    metrics.resolution_s,
    metrics.vendor_close_s,
    closeCandidates(metrics),
  );
  return [response, close].filter((difference) => difference !== null);
}

function compare(
  figure: VendorDifference["figure"],
  ours: number | null,
  vendor: number | null,
  candidates: readonly Candidate[],
): VendorDifference | null {
  if (ours === null && vendor === null) return null;
  const difference = ours === null || vendor === null ? null : vendor - ours;
  const answer = { figure, ours_s: ours, vendor_s: vendor, difference_s: difference };
  if (vendor === null) return { ...answer, reason: "vendor_has_none", explained_s: null };
  if (difference !== null && Math.abs(difference) < toleranceS)
    return { ...answer, reason: "same", explained_s: ours };
  const found = candidates.find(
    ([, seconds]) => seconds !== null && Math.abs(vendor - seconds) < toleranceS,
  );
  if (found !== undefined) return { ...answer, reason: found[0], explained_s: found[1] };
  return { ...answer, reason: ours === null ? "not_observed" : "unexplained", explained_s: null };
}

function responseCandidates(metrics: FiguresWithHistory): readonly Candidate[] {
  const createdMs = epochMsOf(metrics.created_at);
  const messages = spokenMessages(metrics.history.messages);
  const askedMs = momentOf(messages.find(isFromCustomer)) ?? createdMs;
  const since = (ms: number | null, startMs: number) =>
    ms === null ? null : Math.max(0, ms - startMs) / 1000;
  const reply = messages.find(({ type }) => type === "REPLY");
  const later = messages.find(({ type, at }) => type === "REPLY" && epochMsOf(at) >= askedMs);
  const comment = messages.find(
    ({ type, user_login }) => type === "COMMENT" && user_login !== null,
  );
  const ourMs = metrics.first_response_at === null ? null : epochMsOf(metrics.first_response_at);
  const isAutomatic = later !== undefined && later.at !== metrics.first_response_at;
  return [
    ["business_hours", metrics.first_response_business_s],
    ["from_creation", since(ourMs, createdMs)],
    ["automatic_reply", isAutomatic ? since(momentOf(later), askedMs) : null],
    ["automatic_reply", isAutomatic ? since(momentOf(later), createdMs) : null],
    ["earlier_reply", reply === later ? null : since(momentOf(reply), createdMs)],
    ["comment", since(momentOf(comment), askedMs)],
    ["comment", since(momentOf(comment), createdMs)],
  ];
}

function closeCandidates(metrics: FiguresWithHistory): readonly Candidate[] {
  const { first_response_at, resolved_at, open } = metrics;
  const until = (start: string | null | undefined) =>
    start == null || resolved_at === null
      ? null
      : Math.max(0, epochMsOf(resolved_at) - epochMsOf(start)) / 1000;
  const isReopened = open.length > 1;
  return [
    ["business_hours", metrics.resolution_business_s],
    [resolved_at === null ? "reopened" : "first_close", metrics.first_resolution_s],
    [resolved_at === null ? "reopened" : "first_close", metrics.first_resolution_business_s],
    ["open_time_only", isReopened ? metrics.open_s : null],
    ["open_time_only", isReopened ? metrics.open_business_s : null],
    ["since_reopening", isReopened ? until(open.at(-1)?.from) : null],
    ["from_first_response", until(first_response_at)],
  ];
}

function momentOf(message: MessageMark | undefined): number | null {
  return message === undefined ? null : epochMsOf(message.at);
}
