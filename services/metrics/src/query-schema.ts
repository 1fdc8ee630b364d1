import { z } from "zod";
import { groups } from "./aggregate.ts";
import { intervals } from "./local-time.ts";

const day = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}$/, "must be a day such as 2026-11-23")
  .refine(isDay, "must be a day of the calendar");
const queue = z.string().max(200, "must have at most 200 characters").optional();
const format = z.enum(["json", "csv"], "must be json or csv").default("json");

/** Most points of a time series. */
const mostPoints = 5000;

const range = { from: day.optional(), to: day.optional(), queue, format };

/** Query of `GET /api/v1/summary`. */
export const summaryQuery = z.object({
  ...range,
  group_by: z.enum(groups, `must be one of ${groups.join(", ")}`).optional(),
});
/** Query of `GET /api/v1/timeseries`. */
export const timeseriesQuery = z.object({
  ...range,
  interval: z.enum(intervals, `must be one of ${intervals.join(", ")}`).default("day"),
});
/** Query of `GET /api/v1/heatmap`. */
export const heatmapQuery = z.object({ from: day.optional(), to: day.optional(), queue });
/** Query of `GET /api/v1/slowest`. */
export const slowestQuery = z.object({
  queue,
  limit: z.coerce.number().int().min(1).max(200, "must be at most 200").default(20),
});

/** A broken rule of a query: the parameter and what it must be. */
export class QueryProblem extends Error {
  readonly field: string;

  constructor(field: string, rule: string) {
    super(`${field}: ${rule}`);
    this.field = field;
  }
}

/** Parses a query; unknown parameters are refused, since a misspelt filter would answer another question. @throws QueryProblem. */
export function parseQuery<T extends z.ZodObject>(schema: T, query: unknown): z.infer<T> {
  const parsed = schema.strict().safeParse(query);
  if (parsed.success) return parsed.data as z.infer<T>;
  const issue = parsed.error.issues[0];
  const field =
    issue?.code === "unrecognized_keys"
      ? issue.keys.join(", ")
      : (issue?.path.join(".") ?? "query");
  throw new QueryProblem(
    field,
    issue?.code === "unrecognized_keys"
      ? "is no parameter of this request"
      : (issue?.message ?? "is not valid"),
  );
}

/** Fills in the last 30 days. @throws QueryProblem for a reversed range, or one that would have too many points. */
export function boundsOf(
  query: { from?: string | undefined; to?: string | undefined },
  today: string,
  monthAgo: string,
  perDay = 1,
): { from: string; to: string } {
  const to = query.to ?? today;
  const from = query.from ?? (monthAgo < to ? monthAgo : to);
  if (from > to) throw new QueryProblem("from", `must not lie after to (${to})`);
  const points = ((Date.parse(to) - Date.parse(from)) / 86_400_000 + 1) * perDay;
  if (points > mostPoints)
    throw new QueryProblem(
      "interval",
      `would give ${Math.ceil(points)} points; at most ${mostPoints}: take a shorter range or a longer interval`,
    );
  return { from, to };
}

function isDay(text: string): boolean {
  const ms = Date.parse(`${text}T00:00:00.000Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}
