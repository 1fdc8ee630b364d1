import { Failure, type HeadRun, hashId } from "@thulium-stream/contracts";
import { parseDuration } from "@thulium-stream/runtime";
import {
  type BusinessCalendar,
  createBusinessCalendar,
  type Schedule,
} from "../calendar/business-calendar.ts";
import { businessHoursRule, parseBusinessHours } from "../calendar/business-hours.ts";
import { isHolidayCountry } from "../calendar/public-holidays.ts";
import { addDays, localDay } from "../local-time.ts";
import type { MetricsSettings } from "./metrics-settings.ts";

/** What decides a ticket's figures, from all settings. */
export interface RuleOptions {
  /** IANA zone of local days. */
  readonly zone: string;
  /** Statuses that count as closed: ids, or names that the full status name begins with. */
  readonly closedStatuses: readonly string[];
  /** Logins whose replies are automatic. */
  readonly automaticLogins: readonly string[];
  /** `Mon-Fri 08:00-16:00`: the calendar where the file names none. */
  readonly businessHours: string;
  /** Country code, or `none`: its holidays. */
  readonly holidays: string;
  /** Working seconds to the first response and to the resolution, where no rule of the file says more; null = no target. */
  readonly slaFirstResponseS: number | null;
  readonly slaResolutionS: number | null;
  readonly file: MetricsSettings;
}

/** The three clocks of a service level. */
export type SlaClock = "first_response" | "next_response" | "resolution";

/** What a clock is measured against. */
export interface SlaTarget {
  readonly seconds: number;
  readonly isBusiness: boolean;
}

/** The rules of figures, ready to be asked. */
export interface FigureRules {
  /** Hash of all that the rules were made of: equal rules, equal id. */
  readonly id: string;
  readonly automaticLogins: ReadonlySet<string>;
  /** Custom field with the priority; null = there is none. */
  readonly priorityField: string | null;
  isClosed(head: Pick<HeadRun, "status_id" | "status">): boolean;
  isOnHold(head: Pick<HeadRun, "status_id" | "status">): boolean;
  isWaitingForCustomer(head: Pick<HeadRun, "status_id" | "status">): boolean;
  /** The calendar of a queue, by id or name. */
  calendarOf(queueId: string | null, queue: string | null): BusinessCalendar;
  /** What a clock that started at an instant is measured against; null = nothing. */
  targetOf(clock: SlaClock, ticket: SlaSubject): SlaTarget | null;
}

/** What service levels tell tickets apart by. */
export interface SlaSubject {
  readonly queueId: string | null;
  readonly queue: string | null;
  readonly priority: string | null;
  readonly startedMs: number;
}

/** Raise it when the same history gives other figures than before: what was published is then made anew. */
const rulesVersion = 1;

/** Makes the rules that settings describe. @throws Failure `InvalidSettings` naming BUSINESS_HOURS or HOLIDAYS; the file was checked when it was read. */
export function createFigureRules(options: RuleOptions): FigureRules {
  const { closedStatuses, automaticLogins, file } = options;
  const calendars = calendarsOf(options);
  const fallback = calendars.get(file.default_calendar ?? "") ?? defaultCalendar(options);
  const byQueue = new Map(
    Object.entries(file.queue_calendars).map(([queue, name]) => [queue, calendars.get(name)]),
  );
  return {
    id: hashId(`figure rules ${rulesVersion}: ${canonical(options)}`),
    automaticLogins: new Set(automaticLogins),
    priorityField: file.priority_field ?? null,
    isClosed: statusCheck(closedStatuses),
    isOnHold: statusCheck(file.on_hold_statuses ?? ["Odłożone"]),
    isWaitingForCustomer: statusCheck(file.waiting_statuses ?? ["Oczekuje na klienta"]),
    calendarOf: (queueId, queue) =>
      byQueue.get(queueId ?? "") ?? byQueue.get(queue ?? "") ?? fallback,
    targetOf: targetFinder(options),
  };
}

/** JSON that does not depend on the order in which settings were written. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** Whether a head has one of the statuses, each given by id, by full name, or by the name before the sub-status. */
function statusCheck(names: readonly string[]): FigureRules["isClosed"] {
  const ids = new Set(names);
  // A help desk has few statuses, and every head is asked about.
  const known = new Map<string, boolean>();
  return ({ status_id, status }) => {
    if (status_id !== null && ids.has(status_id)) return true;
    if (status === null) return false;
    let is = known.get(status);
    if (is === undefined) {
      is = ids.has(status) || names.some((name) => status.startsWith(`${name} - `));
      known.set(status, is);
    }
    return is;
  };
}

function targetFinder(options: RuleOptions): FigureRules["targetOf"] {
  const { zone, file, slaFirstResponseS, slaResolutionS } = options;
  const fallback: Readonly<Record<SlaClock, number | null>> = {
    first_response: slaFirstResponseS,
    next_response: null,
    resolution: slaResolutionS,
  };
  if (file.sla.length === 0 && slaFirstResponseS === null && slaResolutionS === null)
    return () => null;
  return (clock, { queueId, queue, priority, startedMs }) => {
    let day: string | undefined;
    for (const rule of file.sla) {
      const text = rule[clock];
      if (text === undefined) continue;
      if (rule.queue !== undefined && rule.queue !== queueId && rule.queue !== queue) continue;
      if (rule.priority !== undefined && rule.priority !== priority) continue;
      if (rule.valid_from !== undefined) {
        day ??= localDay(startedMs, zone);
        if (day < rule.valid_from) continue;
      }
      return {
        seconds: Math.round((parseDuration(text) ?? 0) / 1000),
        isBusiness: rule.measure === "business",
      };
    }
    const seconds = fallback[clock];
    return seconds === null ? null : { seconds, isBusiness: true };
  };
}

function calendarsOf({ zone, file }: RuleOptions): ReadonlyMap<string, BusinessCalendar> {
  return new Map(
    Object.entries(file.calendars).map(([name, schedules]) => [
      name,
      createBusinessCalendar(
        zone,
        schedules.map(
          ({ valid_from, hours, holidays, closures }): Schedule => ({
            validFrom: valid_from ?? null,
            week: parseBusinessHours(hours) ?? [],
            holidays,
            closures: new Set(closures.flatMap(daysOf)),
          }),
        ),
      ),
    ]),
  );
}

function defaultCalendar({ zone, businessHours, holidays }: RuleOptions): BusinessCalendar {
  const week = parseBusinessHours(businessHours);
  if (week === null)
    throw new Failure(
      "InvalidSettings",
      `BUSINESS_HOURS=${JSON.stringify(businessHours)}: ${businessHoursRule}`,
    );
  if (!isHolidayCountry(holidays))
    throw new Failure(
      "InvalidSettings",
      `HOLIDAYS=${JSON.stringify(holidays)}: must be a country code such as PL, or none`,
    );
  return createBusinessCalendar(zone, [{ validFrom: null, week, holidays, closures: new Set() }]);
}

function daysOf(text: string): readonly string[] {
  const [first = "", last = first] = text.split("/");
  const days: string[] = [];
  for (let day = first; day <= last; day = addDays(day, 1)) days.push(day);
  return days;
}
