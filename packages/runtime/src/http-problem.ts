import { STATUS_CODES } from "node:http";
import type { Logger } from "@thulium-stream/contracts";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

/** What was wrong with one part of a request. */
export interface BrokenRule {
  /** Parameter, header or path part. */
  readonly field: string;
  /** What it must be. */
  readonly rule: string;
}

/** A request that cannot be answered as asked: becomes RFC 9457 problem details. Its words go to the client, so they hold nothing secret. */
export class HttpProblem extends Error {
  override readonly name = "HttpProblem";
  readonly statusCode: number;
  readonly broken: BrokenRule | null;

  constructor(statusCode: number, detail: string, broken: BrokenRule | null = null) {
    super(detail);
    this.statusCode = statusCode;
    this.broken = broken;
  }
}

/** A 400 for a parameter that breaks its rule. */
export function badParameter(field: string, rule: string): HttpProblem {
  return new HttpProblem(400, `${field}: ${rule}`, { field, rule });
}

/** Answers with RFC 9457 problem details. */
export function sendProblem(
  reply: FastifyReply,
  status: number,
  detail: string,
  extra: object = {},
): FastifyReply {
  return reply
    .code(status)
    .type("application/problem+json")
    .header("cache-control", "no-store")
    .send(problemOf(status, detail, extra));
}

/** Problem details as an object; the type is `about:blank`, so the title is the status' own phrase. */
export function problemOf(status: number, detail: string, extra: object = {}): object {
  return { type: "about:blank", title: STATUS_CODES[status], status, detail, ...extra };
}

/** Makes every failure of a request problem details; what the client did not cause is logged and told without detail. */
export function answerProblems(app: FastifyInstance, logger: Logger): void {
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, (request, reply) =>
    sendProblem(reply, 404, `There is nothing at ${pathOf(request)}.`),
  );
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const instance = pathOf(request);
    if (error instanceof HttpProblem)
      return sendProblem(reply, error.statusCode, error.message, { instance, ...error.broken });
    const status = error.statusCode ?? 500;
    if (status < 500) return sendProblem(reply, status, error.message, { instance });
    logger.error({ error, route: request.routeOptions.url }, "a request failed");
    return sendProblem(reply, status, "The request failed; the log tells why.", { instance });
  });
}

function pathOf({ url }: FastifyRequest): string {
  return url.split("?", 1)[0] ?? url;
}
