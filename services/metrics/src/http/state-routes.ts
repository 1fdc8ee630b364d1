import { groups } from "../aggregates/aggregate.ts";
import type { MetricsView } from "../metrics-view.ts";
import { filtersAnswer, freshnessAnswer } from "./answer-schemas.ts";
import { answersOf } from "./documented.ts";
import { noQuery } from "./query-schemas.ts";
import { sendJson } from "./send-answer.ts";
import type { ZodApp } from "./zod-provider.ts";

/** How fresh the figures are, and what can be filtered by. */
export function addStateRoutes(app: ZodApp, view: MetricsView, zone: string): void {
  const freshness = {
    summary: "How fresh the figures are",
    querystring: noQuery,
    response: answersOf("The freshness", freshnessAnswer),
  };
  app.get("/api/v1/freshness", { schema: freshness }, async (request, reply) => {
    const { tickets, events, ...asOf } = view.freshness();
    return sendJson(request, reply, asOf, {
      is_caught_up: view.isCaughtUp,
      tickets,
      events,
      zone,
    });
  });
  const filters = {
    summary: "Values that can be filtered by",
    querystring: noQuery,
    response: answersOf("Values by group, by name", filtersAnswer),
  };
  app.get("/api/v1/filters", { schema: filters }, async (request, reply) =>
    sendJson(
      request,
      reply,
      view.freshness(),
      Object.fromEntries(groups.map((group) => [group, view.valuesOf(group)])),
    ),
  );
}
