import { Cron } from "croner";

/** What stands for no schedule. */
export const offSchedule = "off";

/** Runs that were found before: schedules are looked at every few seconds, and finding a run costs more than all else then. */
const found = new Map<string, number | null>();
const mostFound = 200;

/** The next instant of a cron pattern in a zone, strictly after `nowMs`, in milliseconds since 1970; null when there is none, as for `off`. Pure. @throws when the pattern is none. */
export function nextRunMs(pattern: string, zone: string, nowMs: number): number | null {
  if (pattern === offSchedule) return null;
  const question = `${nowMs} ${zone} ${pattern}`;
  const known = found.get(question);
  if (known !== undefined) return known;
  const cron = new Cron(pattern, { timezone: zone, paused: true });
  const nextMs = cron.nextRun(new Date(nowMs))?.getTime() ?? null;
  if (found.size >= mostFound) found.clear();
  found.set(question, nextMs);
  return nextMs;
}

/** Seconds between two runs of a pattern, as they follow `nowMs`; null when it does not run twice. */
export function intervalS(pattern: string, zone: string, nowMs: number): number | null {
  const first = nextRunMs(pattern, zone, nowMs);
  const second = first === null ? null : nextRunMs(pattern, zone, first);
  return first === null || second === null ? null : (second - first) / 1000;
}

/** Whether a text is a cron pattern, or `off`. */
export function isSchedule(text: string): boolean {
  try {
    nextRunMs(text, "UTC", 0);
    return true;
  } catch {
    return false;
  }
}
