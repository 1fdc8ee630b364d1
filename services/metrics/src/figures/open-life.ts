import type { HeadRun, MessageMark } from "@thulium-stream/contracts";
import type { BusinessCalendar } from "../calendar/business-calendar.ts";
import type { FigureRules } from "../rules/figure-rules.ts";
import { secondMsOf } from "./second-of.ts";
import type { StatusSpan } from "./status-track.ts";

/** A stretch of time in milliseconds, the end exclusive. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A stretch in which a ticket was open; without an end while it is. */
export interface OpenSpan {
  readonly fromMs: number;
  readonly toMs: number | null;
  /** The close that ended it. */
  readonly close: StatusSpan | null;
}

/** When a ticket was open: from creation or a reopening to the close after it. */
export function openSpans(track: readonly StatusSpan[], createdMs: number): readonly OpenSpan[] {
  const spans: OpenSpan[] = [];
  let fromMs: number | null = createdMs;
  for (const step of track) {
    if (step.isClosed && fromMs !== null) {
      spans.push({ fromMs, toMs: Math.max(step.fromMs, fromMs), close: step });
      fromMs = null;
    } else if (!step.isClosed && fromMs === null) fromMs = step.fromMs;
  }
  if (fromMs !== null) spans.push({ fromMs, toMs: null, close: null });
  return spans;
}

/** The calendar of one ticket: at each moment that of the queue it lay in, the first queue seen counting for the time before. */
export function calendarOfTicket(
  runs: readonly HeadRun[],
  rules: FigureRules,
): Pick<BusinessCalendar, "secondsBetween" | "instantAfter"> {
  const parts: { readonly fromMs: number; readonly calendar: BusinessCalendar }[] = [];
  for (const run of runs) {
    const calendar = rules.calendarOf(run.queue_id, run.queue);
    const fromMs = parts.length === 0 ? Number.NEGATIVE_INFINITY : secondMsOf(run.at);
    if (parts.at(-1)?.calendar !== calendar) parts.push({ fromMs, calendar });
  }
  const [only, ...more] = parts;
  if (only !== undefined && more.length === 0) return only.calendar;
  const pieces = (fromMs: number, toMs: number) =>
    parts.flatMap(({ fromMs: beginMs, calendar }, at) => {
      const endMs = parts[at + 1]?.fromMs ?? Number.POSITIVE_INFINITY;
      const piece = { fromMs: Math.max(fromMs, beginMs), toMs: Math.min(toMs, endMs) };
      return piece.toMs > piece.fromMs ? [{ ...piece, calendar }] : [];
    });
  return {
    secondsBetween: (fromMs, toMs) =>
      pieces(fromMs, toMs).reduce(
        (sum, { calendar, ...piece }) => sum + calendar.secondsBetween(piece.fromMs, piece.toMs),
        0,
      ),
    instantAfter(fromMs, seconds) {
      let left = seconds;
      for (const piece of pieces(fromMs, Number.POSITIVE_INFINITY)) {
        const endMs = piece.calendar.instantAfter(piece.fromMs, left);
        if (endMs !== null && endMs <= piece.toMs) return endMs;
        if (piece.toMs === Number.POSITIVE_INFINITY) return endMs;
        left -= piece.calendar.secondsBetween(piece.fromMs, piece.toMs);
      }
      return null;
    },
  };
}

/** Who is waited for: the help desk (`ours`), the customer (`theirs`), or nobody. */
export type Ball = "ours" | "theirs" | "hold";

/** A moment at which the ball moves. */
interface BallMove {
  readonly ms: number;
  readonly ball: Ball;
}

/**
 * Cuts spans of time by who is waited for. On hold by status goes first, then a status that waits for the customer; else the last message decides: a customer's puts the ball on
 * our side, an agent's reply on theirs. Before any message it is ours.
 */
export function ballMoves(
  track: readonly StatusSpan[],
  messages: readonly { readonly ms: number; readonly isCustomer: boolean }[],
  rules: FigureRules,
): readonly BallMove[] {
  const instants = [
    ...new Set([...track.map(({ fromMs }) => fromMs), ...messages.map(({ ms }) => ms)]),
  ].sort((a, b) => a - b);
  const moves: BallMove[] = [{ ms: Number.NEGATIVE_INFINITY, ball: "ours" }];
  let [inTrack, inMessages] = [-1, -1];
  for (const ms of instants) {
    while ((track[inTrack + 1]?.fromMs ?? Number.POSITIVE_INFINITY) <= ms) inTrack += 1;
    while ((messages[inMessages + 1]?.ms ?? Number.POSITIVE_INFINITY) <= ms) inMessages += 1;
    const status = track[inTrack];
    const message = messages[inMessages];
    const ball =
      status !== undefined && rules.isOnHold(status)
        ? "hold"
        : status !== undefined && rules.isWaitingForCustomer(status)
          ? "theirs"
          : message === undefined || message.isCustomer
            ? "ours"
            : "theirs";
    if (moves.at(-1)?.ball !== ball) moves.push({ ms, ball });
  }
  return moves;
}

/** Messages of a ticket that count, by time, those of one minute by id. */
export function spokenMessages(messages: readonly MessageMark[]): readonly MessageMark[] {
  return messages
    .filter(({ removed }) => !removed)
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : compareIds(a, b)));
}

/** Ids are numbers as text: the shorter is the smaller. */
function compareIds({ message_id: a }: MessageMark, { message_id: b }: MessageMark): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}
