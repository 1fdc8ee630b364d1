import { Failure, type Logger } from "@thulium-stream/contracts";
import fastify, { type FastifyInstance, type FastifyPluginAsync } from "fastify";
import type { Registry } from "prom-client";
import {
  addLimits,
  answerBrokenRequest,
  defaultRequestsPerMinute,
  mostBodyBytes,
  mostHeaderBytes,
  requireToken,
} from "./http-guards.ts";
import { answerProblems } from "./http-problem.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Served without the token: holds no data. */
    isPublic?: boolean;
  }
}

/** What {@link openHttpServer} serves and where. */
export interface HttpServerOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** Bearer token that every route that is not public then requires. */
  readonly apiToken?: string | undefined;
  readonly registry: Registry;
  readonly logger: Logger;
  /** Why the process is not ready yet, or null when it is. */
  readonly notReady: () => string | null;
  /** Requests a minute from one address; 1200 by default. */
  readonly requestsPerMinute?: number;
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
 * `/metrics` (Prometheus text) and the service's own routes. Errors are RFC 9457 problem details; addresses,
 * headers, bodies and the rate of requests are limited.
 * @throws Failure `InvalidSettings` naming HTTP_PORT when the port is taken, HTTP_HOST when the address is not ours.
 */
export async function openHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const app = fastify({
    logger: false,
    bodyLimit: mostBodyBytes,
    forceCloseConnections: true,
    http: { maxHeaderSize: mostHeaderBytes },
    clientErrorHandler: answerBrokenRequest,
    routerOptions: { maxParamLength: 200 },
  });
  await addLimits(app, options.requestsPerMinute ?? defaultRequestsPerMinute);
  requireToken(app, options.apiToken);
  answerProblems(app, options.logger);
  addHealth(app, options);
  for (const plugin of options.plugins ?? []) await app.register(plugin);
  return { url: await listen(app, options), close: () => app.close() };
}

function addHealth(app: FastifyInstance, options: HttpServerOptions): void {
  // Asked by supervisors, often, and without a token.
  const health = { config: { isPublic: true, rateLimit: false } } as const;
  app.get("/livez", health, async (_request, reply) => reply.type("text/plain").send("ok\n"));
  app.get("/readyz", health, async (_request, reply) => {
    const reason = options.notReady();
    return reply
      .code(reason === null ? 200 : 503)
      .type("text/plain")
      .send(`${reason ?? "ok"}\n`);
  });
  app.get("/metrics", async (_request, reply) =>
    reply.type(options.registry.contentType).send(await options.registry.metrics()),
  );
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
