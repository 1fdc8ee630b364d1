import swagger from "@fastify/swagger";
import type { FastifyPluginAsync } from "fastify";
import type { MetricsView } from "../metrics-view.ts";
import type { PipelineWatch } from "../pipeline/pipeline-watch.ts";
import { addFigureRoutes } from "./figure-routes.ts";
import { addLiveRoute } from "./live-route.ts";
import { addPipelineRoutes } from "./pipeline-routes.ts";
import { addStateRoutes } from "./state-routes.ts";
import { addTicketRoutes } from "./ticket-routes.ts";
import { jsonSchemasOf, withZod } from "./zod-provider.ts";

/** What the routes serve. */
export interface MetricsRoutesOptions {
  readonly view: MetricsView;
  readonly pipeline: PipelineWatch;
  /** Zone whose days and hours the figures are about. */
  readonly zone: string;
}

/**
 * The HTTP API under `/api/v1`: JSON or CSV, ETags, pages, RFC 9457 problem details; every answer tells how fresh it is. `/api/v1/openapi.json` is generated from the schemas
 * that the routes check requests with.
 */
export function metricsRoutes({ view, pipeline, zone }: MetricsRoutesOptions): FastifyPluginAsync {
  return async (app) => {
    await app.register(swagger, {
      openapi: {
        openapi: "3.1.0",
        info: {
          title: "thulium-stream metrics",
          version: "1",
          description: "Response and close times of a help desk, in calendar and working time.",
          license: { name: "Apache-2.0", identifier: "Apache-2.0" },
        },
        components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
        security: [{ token: [] }],
      },
      transform: ({ schema, url }) => ({ schema: jsonSchemasOf(schema), url }),
    });
    const typed = withZod(app);
    addFigureRoutes(typed, view);
    addTicketRoutes(typed, view);
    addStateRoutes(typed, view, zone);
    addPipelineRoutes(typed, view, pipeline);
    addLiveRoute(typed, view);
    app.get("/api/v1/openapi.json", { schema: { hide: true } }, async () => app.swagger());
  };
}
