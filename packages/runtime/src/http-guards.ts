import { timingSafeEqual } from "node:crypto";
import { isIP, type Socket } from "node:net";
import compress from "@fastify/compress";
import rateLimit from "@fastify/rate-limit";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { HttpProblem, problemOf, sendProblem } from "./http-problem.ts";

/** Requests a minute that one address may send by default. */
export const defaultRequestsPerMinute = 1200;
/** Longest path with query, in characters. */
const longestUrl = 2048;
/** Longest that all headers may be, in bytes; Node then answers 431. */
export const mostHeaderBytes = 16 * 1024;
/** Longest body that is read, in bytes. */
export const mostBodyBytes = 64 * 1024;

/** Limits of size and rate, compressed answers, and headers that keep browsers from guessing. */
export async function addLimits(app: FastifyInstance, requestsPerMinute: number): Promise<void> {
  await app.register(rateLimit, {
    max: requestsPerMinute,
    timeWindow: 60_000,
    errorResponseBuilder: (_request, { max, after }) =>
      new HttpProblem(429, `More than ${max} requests a minute. Try again in ${after}.`),
  });
  await app.register(compress, { encodings: ["gzip"] });
  app.addHook("onRequest", async (request, reply) => {
    reply.header("x-content-type-options", "nosniff").header("referrer-policy", "no-referrer");
    if (request.url.length > longestUrl) {
      const rule = `must have at most ${longestUrl} characters`;
      throw new HttpProblem(414, `The address ${rule}.`, { field: "url", rule });
    }
  });
}

/**
 * Requires the bearer token everywhere but on public routes. Without a token only this machine can ask, and then by its own name or an address: a page elsewhere
 * whose name was pointed at 127.0.0.1 is refused.
 */
export function requireToken(app: FastifyInstance, token: string | undefined): void {
  const expected = token === undefined ? null : Buffer.from(`Bearer ${token}`);
  // After all onRequest hooks, so that wrong guesses count against the rate limit.
  app.addHook("preParsing", async (request, reply) => {
    if (expected === null) {
      if (isOwnName(request)) return;
      throw new HttpProblem(403, "Without API_TOKEN only localhost or an IP address may be asked.");
    }
    if (request.routeOptions.config.isPublic === true) return;
    const given = Buffer.from(request.headers.authorization ?? "");
    if (given.length === expected.length && timingSafeEqual(given, expected)) return;
    reply.header("www-authenticate", "Bearer");
    await sendProblem(reply, 401, "Send the API_TOKEN as a bearer token.");
  });
}

function isOwnName({ headers, hostname }: FastifyRequest): boolean {
  const name = hostname.replace(/^\[|\]$/g, "");
  return headers.host === undefined || name === "localhost" || isIP(name) !== 0;
}

/** Answers what is not even HTTP, or whose headers are too long, with problem details. */
export function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const isTooLong = error.code === "HPE_HEADER_OVERFLOW";
  const status = isTooLong ? 431 : 400;
  const body = JSON.stringify(
    problemOf(
      status,
      isTooLong
        ? `Address and headers may have at most ${mostHeaderBytes} bytes.`
        : "This is not a request of HTTP/1.1.",
    ),
  );
  socket.end(
    `HTTP/1.1 ${status} Bad\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
