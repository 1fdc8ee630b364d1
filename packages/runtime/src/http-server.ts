import { timingSafeEqual } from "node:crypto";
import { Failure, type Logger } from "@thulium-stream/contracts";
import fastify, { type FastifyInstance, type FastifyPluginAsync } from "fastify";
import type { Registry } from "prom-client";

/** What {@link openHttpServer} serves and where. */
export interface HttpServerOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** Bearer token that every route but `/livez` and `/readyz` then requires. */
  readonly apiToken?: string | undefined;
  readonly registry: Registry;
  readonly logger: Logger;
  /** Why the process is not ready yet, or null when it is. */
  readonly notReady: () => string | null;
  /** Routes of the service. */
  readonly plugins?: readonly FastifyPluginAsync[];
}

/** A running server. */
export interface HttpServer {
  /** Where it listens, `http://host:port`. */
  readonly url: string;
  /** Ends connections and frees the port. Idempotent. */
  close(): Promise<void>;
}

/**
 * The process's one HTTP server: `/livez` (the process runs), `/readyz` (503 with the reason until it works),
 * `/metrics` (Prometheus text) and the service's own routes. Errors are RFC 9457 problem details.
 * @throws Failure `InvalidSettings` naming HTTP_PORT when the port is taken, HTTP_HOST when the address is not ours.
 */
export async function openHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const app = fastify({
    logger: false,
    bodyLimit: 64 * 1024,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200 },
  });
  requireToken(app, options.apiToken);
  answerProblems(app, options.logger);
  app.get("/livez", async (_request, reply) => reply.type("text/plain").send("ok\n"));
  app.get("/readyz", async (_request, reply) => {
    const reason = options.notReady();
    return reply
      .code(reason === null ? 200 : 503)
      .type("text/plain")
      .send(`${reason ?? "ok"}\n`);
  });
  app.get("/metrics", async (_request, reply) =>
    reply.type(options.registry.contentType).send(await options.registry.metrics()),
  );
  for (const plugin of options.plugins ?? []) await app.register(plugin);
  return { url: await listen(app, options), close: () => app.close() };
}

async function listen(
  app: FastifyInstance,
  { host, port }: Pick<HttpServerOptions, "host" | "port">,
): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (cause) {
    await app.close();
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "EADDRINUSE")
      throw new Failure(
        "InvalidSettings",
        `HTTP_PORT=${port} is in use on ${host}. Stop the other program or choose another port.`,
        { cause },
      );
    if (code === "EACCES")
      throw new Failure(
        "InvalidSettings",
        `HTTP_PORT=${port} may not be opened by this user. Choose a port above 1023.`,
        { cause },
      );
    throw new Failure(
      "InvalidSettings",
      `HTTP_HOST=${host} cannot be listened on (${code}). Use an address of this machine.`,
      { cause },
    );
  }
}

function requireToken(app: FastifyInstance, token: string | undefined): void {
  if (token === undefined) return;
  const expected = Buffer.from(`Bearer ${token}`);
  app.addHook("onRequest", async (request, reply) => {
    if (request.url === "/livez" || request.url === "/readyz") return;
    const given = Buffer.from(request.headers.authorization ?? "");
    if (given.length === expected.length && timingSafeEqual(given, expected)) return;
    await reply
      .code(401)
      .header("www-authenticate", "Bearer")
      .type("application/problem+json")
      .send({
        type: "about:blank",
        title: "Unauthorized",
        status: 401,
        detail: "Send the API_TOKEN as a bearer token.",
      });
  });
}

function answerProblems(app: FastifyInstance, logger: Logger): void {
  app.setNotFoundHandler((request, reply) => {
    const detail = `There is nothing at ${request.url.split("?")[0]}.`;
    return reply
      .code(404)
      .type("application/problem+json")
      .send({ type: "about:blank", title: "Not Found", status: 404, detail });
  });
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) logger.error({ error, route: request.routeOptions.url }, "a request failed");
    const detail = status >= 500 ? "The request failed; the log tells why." : error.message;
    return reply
      .code(status)
      .type("application/problem+json")
      .send({
        type: "about:blank",
        title: status >= 500 ? "Internal Server Error" : "Bad Request",
        status,
        detail,
      });
  });
}

/**
 * Tries an address for a moment, so that a taken port is told before anything else is touched.
 * @throws Failure `InvalidSettings` naming HTTP_PORT or HTTP_HOST.
 */
export async function proveAddress(
  address: Pick<HttpServerOptions, "host" | "port">,
): Promise<void> {
  const app = fastify({ logger: false });
  await listen(app, address);
  await app.close();
}
