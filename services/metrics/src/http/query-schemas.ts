import { badParameter } from "@thulium-stream/runtime";
import { z } from "zod";
import { type Group, groups } from "../aggregates/aggregate.ts";
import { type Interval, intervals } from "../local-time.ts";
import { type Filter, type MetricsView, seriesOrders } from "../metrics-view.ts";

const day = z
  .string("must be given once")
  .regex(/^\d{4}-\d{2}-\d{2}$/, "must be a day such as 2026-11-23")
  .refine(isDay, "must be a day of the calendar")
  .describe("Local day of the help desk, YYYY-MM-DD");
const value = z
  .string("must be given once")
  .max(200, "must have at most 200 characters")
  .optional()
  .describe("Only tickets that have this value now; empty = only those without one");
const format = z.enum(["json", "csv"], "must be json or csv").default("json");
const one = `(${groups.join("|")})`;

/** Most points of an answer. */
export const mostPoints = 5000;

const filters = { queue: value, category: value, source: value, agent: value, status: value };
const range = {
  from: day.optional(),
  to: day.optional(),
  days: wholeFrom(1, 3660).optional().describe("Instead of `from`: so many days up to `to`"),
  ...filters,
};
const page = {
  limit: wholeFrom(1, 1000).default(200).describe("Most lines of an answer"),
  offset: wholeFrom(0, 10_000_000).default(0).describe("Lines to leave out before the first"),
};

/** Query of answers about a range of days. */
export const rangeQuery = z.strictObject(range);
const grouped = {
  group_by: z
    .string("must be given once")
    .regex(
      new RegExp(`^${one}(,${one})?$`),
      `must be one or two of ${groups.join(", ")}, with a comma between`,
    )
    .refine((text) => new Set(text.split(",")).size === text.split(",").length, "names one twice")
    .optional()
    .describe("One or two groups, with a comma between"),
};

/** Query of `GET /api/v1/summary`. */
export const summaryQuery = z.strictObject({
  ...range,
  ...page,
  ...grouped,
  before: z
    .enum(["true", "false"], "must be true or false")
    .default("false")
    .describe("true: the stretch of the same length before it is told, too"),
  format,
});
/** Query of `GET /api/v1/sla`. */
export const slaQuery = z.strictObject({ ...range, ...page, ...grouped, format });
/** Query of `GET /api/v1/agents`. */
export const agentsQuery = z.strictObject({ ...range, ...page, format });
/** Query of `GET /api/v1/timeseries`. */
export const timeseriesQuery = z.strictObject({
  ...range,
  ...grouped,
  interval: z.enum(intervals, `must be one of ${intervals.join(", ")}`).default("day"),
  limit: page.limit
    .default(20)
    .describe("Most groups of an answer; fewer when they would have more than 5000 points in all"),
  offset: page.offset.describe("Groups to leave out before the first"),
  order: z
    .enum(seriesOrders, `must be one of ${seriesOrders.join(", ")}`)
    .default("tickets")
    .describe(
      "Whether groups with the most tickets come first, or with the largest backlog at the end",
    ),
  format,
});
/** Query of `GET /api/v1/tickets`. */
export const ticketsQuery = z.strictObject({ ...filters, ...page, format });
/** Query of requests that take no parameter. */
export const noQuery = z.strictObject({});

/** The groups that a query names. */
export function groupsOf(groupBy: string | undefined): readonly Group[] {
  return groupBy === undefined ? [] : (groupBy.split(",") as Group[]);
}

/** What a query filters by; an empty value means tickets without one. */
export function filterOf(query: Readonly<Partial<Record<Group, string | undefined>>>): Filter {
  const wanted = groups.flatMap((group) => {
    const text = query[group];
    return text === undefined ? [] : [[group, text === "" ? null : text] as const];
  });
  return Object.fromEntries(wanted);
}

const perDay: Readonly<Record<Interval, number>> = { hour: 25, day: 1, week: 1 / 7, month: 1 / 28 };

/** The stretch of the same length that ends the day before a stretch begins. */
export function boundsBefore({ from, to }: Bounds): Bounds {
  const days = Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000) + 1;
  return { from: daysBefore(from, days), to: daysBefore(from, 1) };
}

/** Local days, inclusive. */
export interface Bounds {
  readonly from: string;
  readonly to: string;
}

/** Fills in the last 30 days. @throws HttpProblem for days beside a start, a reversed range, or one that would have too many points. */
export function boundsOf(
  query: {
    readonly from?: string | undefined;
    readonly to?: string | undefined;
    readonly days?: number | undefined;
  },
  view: Pick<MetricsView, "day">,
  interval: Interval = "month",
): Bounds {
  const { days, to = view.day(0) } = query;
  if (days !== undefined && query.from !== undefined)
    throw badParameter("days", "must not be given beside from");
  const from = query.from ?? daysBefore(to, (days ?? 30) - 1);
  if (from > to) throw badParameter("from", `must not lie after to (${to})`);
  const points = ((Date.parse(to) - Date.parse(from)) / 86_400_000 + 1) * perDay[interval];
  if (points > mostPoints)
    throw badParameter(
      "interval",
      `would give ${Math.ceil(points)} points, at most ${mostPoints} are answered: take a shorter range or a longer interval`,
    );
  return { from, to };
}

function daysBefore(day: string, days: number): string {
  return new Date(Date.parse(day) - days * 86_400_000).toISOString().slice(0, 10);
}

function wholeFrom(least: number, most: number) {
  const rule = `must be a whole number from ${least} to ${most}`;
  return z.coerce.number(rule).int(rule).min(least, rule).max(most, rule);
}

function isDay(text: string): boolean {
  const ms = Date.parse(`${text}T00:00:00.000Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}
