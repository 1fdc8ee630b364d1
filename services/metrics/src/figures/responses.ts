import type { Instant, MessageMark, NextResponse } from "@thulium-stream/contracts";
import type { BusinessCalendar } from "../calendar/business-calendar.ts";
import type { FigureRules } from "../rules/figure-rules.ts";
import { secondMsOf } from "./second-of.ts";
import { durationBetween } from "./time-shares.ts";

type Calendar = Pick<BusinessCalendar, "secondsBetween">;

/** What the messages of a ticket say about its answers. */
export interface Responses {
  /** First customer message, else creation: where the first response is counted from. */
  readonly askedAt: Instant;
  readonly first: MessageMark | null;
  readonly next: readonly NextResponse[];
  /** The first customer message that is still unanswered. */
  readonly waitingSince: Instant | null;
}

/** Whether the customer wrote a message. */
export function isFromCustomer({ type, user_login }: MessageMark): boolean {
  return type === "MAIL" && user_login === null;
}

/** Whether a message is an agent's reply to the customer; automatic ones are nobody's. */
export function isAgentReply(
  { type, user_login }: MessageMark,
  { automaticLogins }: Pick<FigureRules, "automaticLogins">,
): boolean {
  return type === "REPLY" && user_login !== null && !automaticLogins.has(user_login);
}

/** First and next responses from messages in order of time. */
export function responsesOf(
  messages: readonly MessageMark[],
  createdAt: Instant,
  rules: Pick<FigureRules, "automaticLogins">,
  calendar: Calendar,
): Responses {
  const asked = messages.findIndex(isFromCustomer);
  const askedAt = messages[asked]?.at ?? createdAt;
  const first = messages.find(
    (message, at) => at > asked && message.at >= askedAt && isAgentReply(message, rules),
  );
  const next: NextResponse[] = [];
  let waitingSince: Instant | null = null;
  for (const message of messages) {
    if (isFromCustomer(message)) waitingSince ??= message.at;
    else if (waitingSince !== null && isAgentReply(message, rules)) {
      next.push(responseOf(waitingSince, message.at, calendar));
      waitingSince = null;
    }
  }
  return { askedAt, first: first ?? null, next, waitingSince };
}

function responseOf(askedAt: Instant, answeredAt: Instant, calendar: Calendar): NextResponse {
  const spent = durationBetween(secondMsOf(askedAt), secondMsOf(answeredAt), calendar);
  return {
    asked_at: askedAt,
    answered_at: answeredAt,
    response_s: spent.s,
    response_business_s: spent.business_s,
  };
}
