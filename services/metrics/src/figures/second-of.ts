import { epochMsOf, type Instant } from "@thulium-stream/contracts";

/**
 * The whole second nearest to an instant, in milliseconds. All figures are counted between such seconds: what a ticket's time is divided into, by statuses, queues, calendars or who
 * is waited for, then adds up to the whole exactly, however finely the ticket was observed.
 */
export function secondMsOf(instant: Instant): number {
  return wholeSecondMs(epochMsOf(instant));
}

/** The same of milliseconds. */
export function wholeSecondMs(ms: number): number {
  return Math.round(ms / 1000) * 1000;
}
