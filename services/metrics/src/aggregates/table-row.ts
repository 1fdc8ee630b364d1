import {
  epochMsOf,
  type Instant,
  type SlaStanding,
  type TicketMetrics,
} from "@thulium-stream/contracts";
import { factsOf } from "../history/stored-history.ts";
import type { Group } from "./aggregate.ts";

/** Standings of a clock, by the number that a column keeps. */
export const standings = ["none", "met", "breached", "running"] as const;

/** Figures that are instants, in seconds since 1970-01-01T00:00Z; 0 = none. */
export const instantFigures = [
  "created",
  "responded",
  "resolved",
  /** End of the last stretch in which it was open; 0 = it still is. */
  "ended",
  "createdKnown",
  "respondedKnown",
  "resolvedKnown",
  "dueFirst",
  "dueNext",
  "dueResolution",
] as const;

/** Figures that are durations, in seconds; −1 = unknown. */
export const durationFigures = [
  "response",
  "responseBusiness",
  "resolution",
  "resolutionBusiness",
] as const;

/** Figures that are counts, or numbers that stand for something. */
export const countFigures = [
  "reopens",
  /** 1 = deleted. */
  "deleted",
  /** A place in {@link standings} per clock. */
  "slaFirst",
  "slaNext",
  "slaResolution",
  /** How many facts the record holds: of two as old as each other the one with more is newer. */
  "facts",
] as const;

type Figure =
  | (typeof instantFigures)[number]
  | (typeof durationFigures)[number]
  | (typeof countFigures)[number];

/** A ticket as the table of figures holds it. */
export interface TableRow extends Readonly<Record<Figure, number>> {
  readonly rulesId: string;
  /** Newest observation of the record, in milliseconds. */
  readonly asOfMs: number;
  readonly groups: Readonly<Record<Group, string | null>>;
  /** Per next response: second of the answer, duration, working duration (−1 = unknown). */
  readonly next: readonly number[];
  /** All open stretches of a ticket that was reopened: from, to (0 = none), … in seconds; else nothing. */
  readonly stretches: readonly number[];
}

/** What a row is made from. */
export type RowSource = Pick<
  TicketMetrics,
  | "rules_id"
  | "as_of"
  | Group
  | "created_at"
  | "deleted"
  | "open"
  | "first_response_at"
  | "first_response_s"
  | "first_response_business_s"
  | "next_responses"
  | "resolved_at"
  | "resolution_s"
  | "resolution_business_s"
  | "reopen_count"
  | "sla_first_response"
  | "sla_next_response"
  | "sla_resolution"
  | "created_known_at"
  | "first_response_known_at"
  | "resolved_known_at"
  | "history"
>;

/** The row of a record. */
export function tableRowOf(metrics: RowSource): TableRow {
  const { queue, category, source, agent, status, open } = metrics;
  return {
    rulesId: metrics.rules_id,
    asOfMs: epochMsOf(metrics.as_of),
    facts: factsOf(metrics.history),
    groups: { queue, category, source, agent, status },
    created: secondsOf(metrics.created_at),
    responded: secondsOf(metrics.first_response_at),
    resolved: secondsOf(metrics.resolved_at),
    ended: secondsOf(open.at(-1)?.to ?? null),
    createdKnown: secondsOf(metrics.created_known_at),
    respondedKnown: secondsOf(metrics.first_response_known_at),
    resolvedKnown: secondsOf(metrics.resolved_known_at),
    response: wholeOf(metrics.first_response_s),
    responseBusiness: wholeOf(metrics.first_response_business_s),
    resolution: wholeOf(metrics.resolution_s),
    resolutionBusiness: wholeOf(metrics.resolution_business_s),
    reopens: metrics.reopen_count,
    deleted: metrics.deleted ? 1 : 0,
    slaFirst: codeOf(metrics.sla_first_response),
    slaNext: codeOf(metrics.sla_next_response),
    slaResolution: codeOf(metrics.sla_resolution),
    dueFirst: secondsOf(metrics.sla_first_response?.due_at ?? null),
    dueNext: secondsOf(metrics.sla_next_response?.due_at ?? null),
    dueResolution: secondsOf(metrics.sla_resolution?.due_at ?? null),
    next: metrics.next_responses.flatMap(({ answered_at, response_s, response_business_s }) => [
      secondsOf(answered_at),
      wholeOf(response_s),
      wholeOf(response_business_s),
    ]),
    stretches:
      open.length > 1 ? open.flatMap(({ from, to }) => [secondsOf(from), secondsOf(to)]) : [],
  };
}

function codeOf(standing: SlaStanding | null): number {
  return standing === null ? 0 : standings.indexOf(standing.state);
}

function wholeOf(seconds: number | null): number {
  return seconds === null ? -1 : Math.round(seconds);
}

function secondsOf(instant: Instant | null): number {
  return instant === null ? 0 : Math.max(1, Math.round(epochMsOf(instant) / 1000));
}
