import { HttpProblem } from "@thulium-stream/runtime";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { MetricsView } from "../metrics-view.ts";
import { noQuery } from "./query-schemas.ts";
import type { ZodApp } from "./zod-provider.ts";

/** Least pause between two messages to a listener. */
const pauseMs = 1000;
/** Most listeners at once. */
const mostListeners = 200;

/** `GET /api/v1/live`: server-sent events with the freshness, one when figures changed, at most one a second. */
export function addLiveRoute(app: ZodApp, view: MetricsView): void {
  const schema = {
    summary: "Server-sent events: how fresh the figures are, whenever they changed",
    querystring: noQuery,
    response: {
      200: {
        description: "A stream of `data:` lines, each the freshness as JSON",
        content: { "text/event-stream": { schema: { type: "string" } } },
      },
    },
  };
  let listeners = 0;
  app.get("/api/v1/live", { schema }, (request, reply) => {
    if (listeners >= mostListeners)
      throw new HttpProblem(503, `There are ${mostListeners} listeners already.`);
    listeners += 1;
    follow(request, reply, view, () => {
      listeners -= 1;
    });
  });
}

function follow(
  request: FastifyRequest,
  reply: FastifyReply,
  view: MetricsView,
  onEnd: () => void,
): void {
  reply.hijack();
  reply.raw.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  let sentMs = Number.NEGATIVE_INFINITY;
  const tell = () => {
    const freshness = view.freshness();
    const nowMs = Date.parse(freshness.as_of) + freshness.lag_s * 1000;
    // A listener that does not read is not written for: what waits would only grow.
    if (nowMs - sentMs < pauseMs || reply.raw.writableNeedDrain) return;
    sentMs = nowMs;
    reply.raw.write(`data: ${JSON.stringify(freshness)}\n\n`);
  };
  const stop = view.onChange(tell);
  request.raw.once("close", () => {
    stop();
    onEnd();
  });
  tell();
}
