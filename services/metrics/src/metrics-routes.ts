import { createHash } from "node:crypto";
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Interval } from "./local-time.ts";
import type { Filter, MetricsView } from "./metrics-view.ts";
import type { PipelineStatus } from "./pipeline-status.ts";
import {
  boundsOf,
  heatmapQuery,
  parseQuery,
  QueryProblem,
  slowestQuery,
  summaryQuery,
  timeseriesQuery,
} from "./query-schema.ts";
import { csvOf, flatLine } from "./report.ts";

/** What the routes serve beside the engine's answers. */
export interface MetricsRoutesOptions {
  /** How the rest of the pipeline is; without it `/api/v1/pipeline` answers 404. */
  readonly pipeline?: (() => PipelineStatus) | undefined;
}

const perDay: Readonly<Record<Interval, number>> = { hour: 25, day: 1, week: 1 / 7, month: 1 / 28 };
/** Least pause between two messages to a live listener. */
const liveEveryMs = 1000;

/** The HTTP API under `/api/v1`: JSON or CSV, ETags, RFC 9457 problem details; every answer tells how fresh it is. */
export function metricsRoutes(
  engine: MetricsView,
  { pipeline }: MetricsRoutesOptions,
): FastifyPluginAsync {
  return async (app) => {
    app.setErrorHandler((error, request, reply) => {
      if (!(error instanceof QueryProblem)) throw error;
      return reply
        .code(400)
        .type("application/problem+json")
        .send({
          type: "about:blank",
          title: "Bad Request",
          status: 400,
          detail: error.message,
          field: error.field,
          instance: request.url.split("?")[0],
        });
    });
    addFigures(app, engine);
    addTickets(app, engine);
    addState(app, engine, pipeline);
  };
}

function addFigures(app: FastifyInstance, engine: MetricsView): void {
  app.get("/api/v1/summary", async (request, reply) => {
    const { format, group_by, queue, ...range } = parseQuery(summaryQuery, request.query);
    const bounds = boundsOf(range, engine.day(0), engine.day(-29));
    const { total, groups } = engine.summary(
      { ...bounds, where: whereOf(queue) },
      group_by === undefined ? [] : [group_by],
    );
    if (format === "csv")
      return sendCsv(request, reply, [{ key: ["(all)"], ...total }, ...groups].map(flatLine));
    return send(request, reply, engine, { ...bounds, group_by: group_by ?? null, total, groups });
  });
  app.get("/api/v1/timeseries", async (request, reply) => {
    const { format, interval, queue, ...range } = parseQuery(timeseriesQuery, request.query);
    const bounds = boundsOf(range, engine.day(0), engine.day(-29), perDay[interval]);
    const points = engine.timeseries({ ...bounds, where: whereOf(queue) }, interval);
    if (format === "csv")
      return sendCsv(
        request,
        reply,
        points.map(({ label, fromMs: _from, toMs: _to, ...aggregate }) =>
          flatLine({ key: [label], ...aggregate }),
        ),
      );
    return send(request, reply, engine, { ...bounds, interval, points });
  });
  app.get("/api/v1/heatmap", async (request, reply) => {
    const { queue, ...range } = parseQuery(heatmapQuery, request.query);
    const bounds = boundsOf(range, engine.day(0), engine.day(-29));
    return send(request, reply, engine, {
      ...bounds,
      created: engine.heatmap({ ...bounds, where: whereOf(queue) }),
    });
  });
}

function addTickets(app: FastifyInstance, engine: MetricsView): void {
  app.get("/api/v1/tickets/:id", async (request, reply) => {
    const { id } = request.params as { id: string };
    const ticket = engine.ticket(id);
    if (ticket !== null) return send(request, reply, engine, { ticket });
    return reply.code(404).type("application/problem+json").send({
      type: "about:blank",
      title: "Not Found",
      status: 404,
      detail: "There is no ticket of this id, or it was deleted.",
    });
  });
  app.get("/api/v1/slowest", async (request, reply) => {
    const { limit, queue } = parseQuery(slowestQuery, request.query);
    return send(request, reply, engine, engine.slowestOpen(whereOf(queue), { offset: 0, limit }));
  });
}

function addState(
  app: FastifyInstance,
  engine: MetricsView,
  pipeline: (() => PipelineStatus) | undefined,
): void {
  app.get("/api/v1/freshness", async (request, reply) =>
    send(request, reply, engine, { queues: engine.valuesOf("queue") }),
  );
  if (pipeline !== undefined)
    app.get("/api/v1/pipeline", async (request, reply) =>
      send(request, reply, engine, { ...pipeline() }),
    );
  app.get("/api/v1/live", (request, reply) => sendLive(request, reply, engine));
  app.get("/api/v1/openapi.json", async (_request, reply) => reply.send(openApi()));
}

function whereOf(queue: string | undefined): Filter {
  return queue === undefined ? {} : { queue };
}

/** Server-sent events: one message when figures changed, at most one a second. */
function sendLive(request: FastifyRequest, reply: FastifyReply, engine: MetricsView): void {
  reply.hijack();
  reply.raw.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  let sentMs = 0;
  const tell = () => {
    const freshness = engine.freshness();
    const nowMs = Date.parse(freshness.as_of) + freshness.lag_s * 1000;
    if (nowMs - sentMs < liveEveryMs) return;
    sentMs = nowMs;
    reply.raw.write(`data: ${JSON.stringify(freshness)}\n\n`);
  };
  const stop = engine.onChange(tell);
  request.raw.on("close", stop);
  tell();
}

function send(
  request: FastifyRequest,
  reply: FastifyReply,
  engine: MetricsView,
  body: object,
): FastifyReply {
  const { as_of, lag_s } = engine.freshness();
  const tag = tagOf(JSON.stringify(body));
  reply.header("etag", tag).header("cache-control", "no-cache");
  if (request.headers["if-none-match"] === tag) return reply.code(304).send();
  return reply.send({ as_of, lag_s, ...body });
}

function sendCsv(
  request: FastifyRequest,
  reply: FastifyReply,
  lines: readonly Readonly<Record<string, unknown>>[],
): FastifyReply {
  const text = csvOf(lines);
  reply
    .header("etag", tagOf(text))
    .header(
      "content-disposition",
      `attachment; filename="${request.url.split("?")[0]?.split("/").pop()}.csv"`,
    );
  return reply.type("text/csv; charset=utf-8").send(text);
}

/** Weak: the freshness beside the figures moves on. */
function tagOf(text: string): string {
  return `W/"${createHash("sha256").update(text).digest("base64url").slice(0, 22)}"`;
}

function openApi(): object {
  const parameters = (schema: z.ZodObject) => {
    const { properties = {} } = z.toJSONSchema(schema, { io: "input" }) as {
      properties?: Record<string, object>;
    };
    return Object.entries(properties).map(([name, inner]) => ({
      name,
      in: "query",
      required: false,
      schema: inner,
    }));
  };
  const responses = {
    200: { description: "The answer, with as_of and lag_s" },
    400: { description: "Problem details naming the parameter and its rule" },
  };
  const get = (summary: string, schema: z.ZodObject) => ({
    get: { summary, parameters: parameters(schema), responses },
  });
  return {
    openapi: "3.1.0",
    info: { title: "thulium-stream metrics", version: "0.1.0" },
    paths: {
      "/api/v1/summary": get(
        "Aggregates of a range of local days, in all and by group",
        summaryQuery,
      ),
      "/api/v1/timeseries": get("Aggregates per interval of local time", timeseriesQuery),
      "/api/v1/heatmap": get("Tickets created by weekday and hour", heatmapQuery),
      "/api/v1/slowest": get("Open tickets, the oldest first", slowestQuery),
      "/api/v1/tickets/{id}": {
        get: {
          summary: "Figures of one ticket",
          parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }],
          responses: { ...responses, 404: { description: "No such ticket" } },
        },
      },
      "/api/v1/freshness": get("How fresh the figures are", z.object({})),
      "/api/v1/pipeline": get("How extraction and lake are", z.object({})),
      "/api/v1/live": get("Server-sent events when figures change", z.object({})),
    },
  };
}
