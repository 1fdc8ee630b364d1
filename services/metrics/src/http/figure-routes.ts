import type { Aggregate } from "../aggregates/aggregate.ts";
import type { Bucket } from "../local-time.ts";
import type { GroupLine, MetricsView } from "../metrics-view.ts";
import { flatLine, slaLine } from "../report.ts";
import {
  agentsAnswer,
  heatmapAnswer,
  slaAnswer,
  summaryAnswer,
  timeseriesAnswer,
} from "./answer-schemas.ts";
import { answersOf } from "./documented.ts";
import {
  agentsQuery,
  boundsBefore,
  boundsOf,
  filterOf,
  groupsOf,
  mostPoints,
  rangeQuery,
  slaQuery,
  summaryQuery,
  timeseriesQuery,
} from "./query-schemas.ts";
import { linkNext, pageOf, sendCsv, sendJson } from "./send-answer.ts";
import type { ZodApp } from "./zod-provider.ts";

/** Aggregates of a range of days: summary, time series, heat map, agents, service level. */
export function addFigureRoutes(app: ZodApp, view: MetricsView): void {
  addSummary(app, view);
  addTimeseries(app, view);
  addHeatmap(app, view);
  addAgents(app, view);
  addSla(app, view);
}

function addSummary(app: ZodApp, view: MetricsView): void {
  const schema = {
    summary: "Aggregates of a range of local days, in all and by at most two groups",
    querystring: summaryQuery,
    response: answersOf("Aggregates", summaryAnswer, { csv: true }),
  };
  app.get("/api/v1/summary", { schema }, async (request, reply) => {
    const { query } = request;
    const bounds = boundsOf(query, view);
    const groups = groupsOf(query.group_by);
    const found = view.summary({ ...bounds, where: filterOf(query) }, groups);
    const { lines, page } = pageOf(request, reply, found.groups, query);
    const freshness = view.freshness();
    if (query.format === "csv") {
      const all = groups.length === 0 ? [{ key: ["(all)"], ...found.total }] : lines;
      return sendCsv(request, reply, freshness, all.map(flatLine));
    }
    const earlier = boundsBefore(bounds);
    const before =
      query.before === "false"
        ? null
        : { ...earlier, total: view.summary({ ...earlier, where: filterOf(query) }, []).total };
    const body = { ...bounds, group_by: groups, total: found.total, groups: lines, page, before };
    return sendJson(request, reply, freshness, body);
  });
}

function addTimeseries(app: ZodApp, view: MetricsView): void {
  const schema = {
    summary:
      "Aggregates per hour, day, week or month of local time, in all and by at most two groups",
    querystring: timeseriesQuery,
    response: answersOf("One point per interval", timeseriesAnswer, { csv: true }),
  };
  app.get("/api/v1/timeseries", { schema }, async (request, reply) => {
    const { query } = request;
    const { interval } = query;
    const bounds = boundsOf(query, view, interval);
    const asked = { ...bounds, where: filterOf(query) };
    const series = view.timeseries(asked, interval);
    const groups = groupsOf(query.group_by);
    const limit = Math.min(query.limit, Math.max(1, Math.floor(mostPoints / series.length)));
    const { offset } = query;
    const { total, lines } =
      groups.length === 0
        ? { total: 0, lines: [] }
        : view.timeseriesBy(asked, interval, { groups, order: query.order, offset, limit });
    const page = { offset, limit, total };
    linkNext(request, reply, page);
    const freshness = view.freshness();
    if (query.format === "csv") {
      const all = groups.length === 0 ? [{ key: [], points: series }] : lines;
      const flat = all.flatMap(({ key, points }) =>
        points.map(({ label, fromMs: _from, toMs: _to, ...aggregate }) =>
          flatLine({ key: [label, ...key], ...aggregate }),
        ),
      );
      return sendCsv(request, reply, freshness, flat);
    }
    return sendJson(request, reply, freshness, {
      ...bounds,
      interval,
      points: series.map(pointOf),
      group_by: groups,
      groups: lines.map(({ key, points }) => ({ key, points: points.map(pointOf) })),
      page,
    });
  });
}

function addHeatmap(app: ZodApp, view: MetricsView): void {
  const schema = {
    summary: "Tickets created by weekday and hour of local time",
    querystring: rangeQuery,
    response: answersOf("7 × 24 counts", heatmapAnswer),
  };
  app.get("/api/v1/heatmap", { schema }, async (request, reply) => {
    const bounds = boundsOf(request.query, view);
    const created = view.heatmap({ ...bounds, where: filterOf(request.query) });
    return sendJson(request, reply, view.freshness(), { ...bounds, created });
  });
}

function addAgents(app: ZodApp, view: MetricsView): void {
  const schema = {
    summary: "Aggregates per agent, the most tickets first",
    querystring: agentsQuery,
    response: answersOf("One line per agent", agentsAnswer, { csv: true }),
  };
  app.get("/api/v1/agents", { schema }, async (request, reply) => {
    const { query } = request;
    const bounds = boundsOf(query, view);
    const found = view.summary({ ...bounds, where: filterOf(query) }, ["agent"]);
    const { lines, page } = pageOf(request, reply, found.groups.filter(isBusy), query);
    const freshness = view.freshness();
    if (query.format === "csv") return sendCsv(request, reply, freshness, lines.map(flatLine));
    const agents = lines.map(({ key: [agent = null], ...aggregate }) => ({ agent, ...aggregate }));
    return sendJson(request, reply, freshness, { ...bounds, agents, page });
  });
}

function addSla(app: ZodApp, view: MetricsView): void {
  const schema = {
    summary: "Shares within the service level, in all and by at most two groups; open clocks now",
    querystring: slaQuery,
    response: answersOf("The service level", slaAnswer, { csv: true }),
  };
  app.get("/api/v1/sla", { schema }, async (request, reply) => {
    const { query } = request;
    const bounds = boundsOf(query, view);
    const groups = groupsOf(query.group_by);
    const where = filterOf(query);
    const found = view.summary({ ...bounds, where }, groups);
    const { lines, page } = pageOf(request, reply, found.groups, query);
    const freshness = view.freshness();
    if (query.format === "csv") {
      const all = groups.length === 0 ? [{ key: ["(all)"], ...found.total }] : lines;
      return sendCsv(request, reply, freshness, all.map(slaLine));
    }
    return sendJson(request, reply, freshness, {
      ...bounds,
      group_by: groups,
      total: found.total.sla,
      open: view.openClocks(where),
      groups: lines.map(({ key, sla }) => ({ key, ...sla })),
      page,
    });
  });
}

function pointOf({ label, fromMs, toMs, ...aggregate }: Bucket & Aggregate) {
  return { label, from_ms: fromMs, to_ms: toMs, ...aggregate };
}

/** Whether anything happened in the stretch, or is still open. */
function isBusy({ created, closed, backlog }: GroupLine | Aggregate): boolean {
  return created + closed + backlog > 0;
}
