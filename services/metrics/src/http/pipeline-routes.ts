import { HttpProblem } from "@thulium-stream/runtime";
import { z } from "zod";
import type { MetricsView } from "../metrics-view.ts";
import type { PipelineWatch } from "../pipeline/pipeline-watch.ts";
import { commandAnswer, pipelineAnswer } from "./answer-schemas.ts";
import { answersOf } from "./documented.ts";
import { noQuery } from "./query-schemas.ts";
import { sendJson } from "./send-answer.ts";
import type { ZodApp } from "./zod-provider.ts";

const taskPath = z.strictObject({
  id: z.string().min(1).max(100),
  command: z.enum(["pause", "resume"], "must be pause or resume"),
});

/** How the pipeline is, and commands to its tasks. */
export function addPipelineRoutes(app: ZodApp, view: MetricsView, pipeline: PipelineWatch): void {
  const schema = {
    summary: "How extraction and lake are",
    querystring: noQuery,
    response: answersOf("Health of the pipeline", pipelineAnswer),
  };
  app.get("/api/v1/pipeline", { schema }, async (request, reply) =>
    sendJson(request, reply, view.freshness(), await pipeline.status()),
  );
  const commandSchema = {
    summary: "Pauses a backfill or goes on with it; needs API_TOKEN to be set",
    params: taskPath,
    querystring: noQuery,
    response: answersOf("The command is on the log", commandAnswer, {
      missing: "There is no such task",
    }),
  };
  app.post(
    "/api/v1/pipeline/tasks/:id/:command",
    { schema: commandSchema },
    async ({ params: { id, command } }, reply) => {
      const { can_command } = await pipeline.status();
      if (!can_command)
        throw new HttpProblem(403, "Commands need a token: set API_TOKEN and send it.");
      const requested_at = await pipeline.tell(command, id);
      if (requested_at === null)
        throw new HttpProblem(404, "There is no task of this id.", {
          field: "id",
          rule: "must be the id of a task, as /api/v1/pipeline lists them",
        });
      return reply.send({ task_id: id, command, requested_at });
    },
  );
}
