import {
  type FigureBasis,
  type HeadRun,
  type Instant,
  instantOf,
  type MessageMark,
  type TicketHistory,
  type TicketMetrics,
} from "@thulium-stream/contracts";
import type { FigureRules } from "../rules/figure-rules.ts";
import {
  ballMoves,
  calendarOfTicket,
  type OpenSpan,
  openSpans,
  type Span,
  spokenMessages,
} from "./open-life.ts";
import { isAgentReply, isFromCustomer, type Responses, responsesOf } from "./responses.ts";
import { secondMsOf, wholeSecondMs } from "./second-of.ts";
import { type SlaJudge, slaStanding } from "./service-level.ts";
import { lastingRuns, type StatusSpan, statusTrack } from "./status-track.ts";
import { ballTimes, durationBetween, durationOf, headSteps, sharesOf } from "./time-shares.ts";

/** Which ticket, and what decides its figures. */
export interface FigureContext {
  readonly system: string;
  readonly ticketId: string;
  readonly rules: FigureRules;
  /** What still runs is counted up to here, in milliseconds. Default: the newest observation of the history, so that the figures depend on nothing else. */
  readonly asOfMs?: number;
}

type Calendar = ReturnType<typeof calendarOfTicket>;

/** A ticket's figures with the history that they were made from; packed, it is the record of `ticket-metrics`. */
export type FiguresWithHistory = Omit<TicketMetrics, "history"> & {
  readonly history: TicketHistory;
};

/** What all figures of a ticket are made of. */
interface Life {
  readonly last: HeadRun;
  readonly runs: readonly HeadRun[];
  readonly messages: readonly MessageMark[];
  readonly createdAt: Instant;
  readonly createdMs: number;
  readonly asOfMs: number;
  readonly track: readonly StatusSpan[];
  readonly open: readonly OpenSpan[];
  readonly calendar: Calendar;
}

/** The figures of a ticket from its history; null while no head of it was seen. Pure. */
export function ticketMetricsOf(
  history: TicketHistory,
  context: FigureContext,
): FiguresWithHistory | null {
  const runs = lastingRuns(history.heads);
  const [first, last] = [runs[0], runs.at(-1)];
  if (first === undefined || last === undefined) return null;
  const { system, ticketId, rules } = context;
  const asOf = newestObservation(history);
  const createdAt = last.created_at ?? first.at;
  const createdMs = secondMsOf(createdAt);
  const track = statusTrack(runs, createdMs, rules);
  const life: Life = {
    last,
    runs,
    messages: spokenMessages(history.messages),
    createdAt,
    createdMs,
    asOfMs: Math.max(wholeSecondMs(context.asOfMs ?? secondMsOf(asOf)), createdMs),
    track,
    open: openSpans(track, createdMs),
    calendar: calendarOfTicket(runs, rules),
  };
  const responses = responsesOf(life.messages, createdAt, rules, life.calendar);
  return {
    system,
    ticket_id: ticketId,
    rules_id: rules.id,
    as_of: context.asOfMs === undefined ? asOf : instantOf(life.asOfMs),
    ...nowOf(life),
    ...responseFigures(responses, life),
    ...resolutionFigures(life, rules),
    ...timeFigures(life, rules),
    ...messageFigures(life, rules),
    ...slaFigures(responses, life, rules),
    vendor_first_response_s: last.vendor_first_response_s,
    vendor_close_s: last.vendor_close_s,
    created_known_at: first.observed_at,
    history,
  };
}

function nowOf({ last, open, createdAt }: Life) {
  const { subject, customer_id, queue_id, queue, category, source, agent, status, priority } = last;
  return {
    subject,
    customer_id,
    queue_id,
    queue,
    category,
    source,
    agent,
    status,
    priority,
    created_at: createdAt,
    deleted: last.deleted,
    is_open: open.at(-1)?.toMs === null,
    open: open.map(({ fromMs, toMs }) => ({
      from: instantOf(fromMs),
      to: toMs === null ? null : instantOf(toMs),
    })),
  };
}

function responseFigures({ askedAt, first, next, waitingSince }: Responses, life: Life) {
  const spent = first === null ? null : between(askedAt, first.at, life.calendar);
  const basis: FigureBasis = first === null ? "none" : "messages";
  return {
    first_response_at: first?.at ?? null,
    first_response_s: spent?.s ?? null,
    first_response_business_s: spent?.business_s ?? null,
    first_response_known_at: first?.first_observed_at ?? null,
    first_response_basis: basis,
    next_responses: [...next],
    waiting_since: waitingSince,
  };
}

function resolutionFigures({ open, createdMs, calendar, messages }: Life, rules: FigureRules) {
  // A ticket that was deleted while it was open came to no close.
  const closes = open.flatMap(({ close }) => (close === null || close.isDeleted ? [] : [close]));
  const [first, last] = [closes[0], open.at(-1)?.toMs === null ? undefined : closes.at(-1)];
  const spent = (close: StatusSpan | undefined) =>
    close === undefined ? null : durationOf([{ fromMs: createdMs, toMs: close.fromMs }], calendar);
  const [toFirst, toLast] = [spent(first), spent(last)];
  const reopenCount = open.length - 1;
  const replies = messages.filter((message) => isAgentReply(message, rules)).length;
  return {
    first_resolved_at: first === undefined ? null : instantOf(first.fromMs),
    first_resolution_s: toFirst?.s ?? null,
    first_resolution_business_s: toFirst?.business_s ?? null,
    resolved_at: last === undefined ? null : instantOf(last.fromMs),
    resolution_s: toLast?.s ?? null,
    resolution_business_s: toLast?.business_s ?? null,
    resolution_precision_s: last === undefined ? null : Math.round(last.precisionMs / 1000),
    resolved_known_at: last === undefined ? null : instantOf(last.knownMs),
    resolution_basis: last?.basis ?? ("none" as const),
    reopen_count: reopenCount,
    one_touch: last !== undefined && reopenCount === 0 && replies === 1,
  };
}

function timeFigures({ runs, messages, track, open, calendar, ...life }: Life, rules: FigureRules) {
  const openTime: Span[] = open.map(({ fromMs, toMs }) => ({
    fromMs,
    toMs: toMs ?? Math.max(life.asOfMs, fromMs),
  }));
  const endMs = openTime.at(-1)?.toMs ?? life.createdMs;
  const moves = ballMoves(
    track,
    messages
      .filter((message) => isFromCustomer(message) || isAgentReply(message, rules))
      .map((message) => ({ ms: secondMsOf(message.at), isCustomer: isFromCustomer(message) })),
    rules,
  );
  const balls = ballTimes(moves, openTime, calendar);
  const total = durationOf(openTime, calendar);
  const seenMs = Math.min(Math.max(track[0]?.fromMs ?? endMs, life.createdMs), endMs);
  const seen = [{ fromMs: life.createdMs, toMs: endMs }];
  const statuses = track.map(({ fromMs, status }) => ({ fromMs, value: status }));
  const [ours, theirs, hold] = [balls.ours, balls.theirs, balls.hold];
  const basis: FigureBasis = track.some((span) => span.basis === "derived from system comment")
    ? "derived from system comment"
    : "status history observed";
  return {
    open_s: total.s,
    open_business_s: total.business_s,
    requester_wait_s: ours.s,
    requester_wait_business_s: ours.business_s,
    agent_wait_s: theirs.s,
    agent_wait_business_s: theirs.business_s,
    on_hold_s: hold.s,
    on_hold_business_s: hold.business_s,
    life_s: durationBetween(life.createdMs, endMs, calendar).s,
    observed_s: durationBetween(seenMs, endMs, calendar).s,
    time_in_status: sharesOf(statuses, seen, calendar),
    time_in_queue: sharesOf(headSteps(runs, "queue"), seen, calendar),
    time_with_agent: sharesOf(headSteps(runs, "agent"), seen, calendar),
    time_basis: seenMs < endMs ? basis : ("none" as const),
  };
}

function messageFigures({ messages }: Life, rules: FigureRules) {
  const replies = messages.filter((message) => isAgentReply(message, rules));
  const comments = messages.filter(({ type }) => type === "COMMENT");
  const writers = [...replies, ...comments].flatMap(({ user_login }) =>
    user_login === null || rules.automaticLogins.has(user_login) ? [] : [user_login],
  );
  return {
    replies: replies.length,
    customer_messages: messages.filter(isFromCustomer).length,
    comments: comments.length,
    agents_involved: new Set(writers).size,
    rating_last: messages.findLast(({ rating }) => rating !== null)?.rating ?? null,
  };
}

function slaFigures(
  { askedAt, first, next, waitingSince }: Responses,
  life: Life,
  rules: FigureRules,
) {
  const { last, open, createdMs, calendar, asOfMs } = life;
  const subject = { queueId: last.queue_id, queue: last.queue, priority: last.priority };
  const judge: SlaJudge = { rules, calendar, subject, asOfMs };
  const endedMs = open.at(-1)?.toMs ?? null;
  const closedMs = last.deleted ? null : endedMs;
  const waiting =
    waitingSince === null
      ? []
      : [{ startedMs: secondMsOf(waitingSince), doneMs: null, droppedMs: endedMs }];
  return {
    sla_first_response: slaStanding(
      "first_response",
      [
        {
          startedMs: secondMsOf(askedAt),
          doneMs: first === null ? null : secondMsOf(first.at),
          droppedMs: endedMs,
        },
      ],
      judge,
    ),
    sla_next_response: slaStanding(
      "next_response",
      [
        ...next.map(({ asked_at, answered_at }) => ({
          startedMs: secondMsOf(asked_at),
          doneMs: secondMsOf(answered_at),
          droppedMs: null,
        })),
        ...waiting,
      ],
      judge,
    ),
    sla_resolution: slaStanding(
      "resolution",
      [{ startedMs: createdMs, doneMs: closedMs, droppedMs: endedMs }],
      judge,
    ),
  };
}

function between(from: Instant, to: Instant, calendar: Calendar) {
  return durationOf([{ fromMs: secondMsOf(from), toMs: secondMsOf(to) }], calendar);
}

function newestObservation({ heads, messages }: TicketHistory): Instant {
  let newest = heads.at(-1)?.last_observed_at ?? "";
  for (const { last_observed_at } of heads)
    if (last_observed_at > newest) newest = last_observed_at;
  for (const { observed_at } of messages) if (observed_at > newest) newest = observed_at;
  return newest;
}
