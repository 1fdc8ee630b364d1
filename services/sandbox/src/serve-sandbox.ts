import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Clock, Failure, type Logger } from "@thulium-stream/contracts";
import type { SandboxResponse } from "./api/response.ts";
import type { Sandbox } from "./sandbox.ts";

/** What {@link serveSandbox} needs. */
export interface ServeOptions {
  readonly sandbox: Sandbox;
  /** Default `127.0.0.1`. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Basic credentials to ask for; the sandbox's own when left out. Give both or none. */
  readonly user?: string;
  readonly password?: string;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** A sandbox that listens. */
export interface SandboxServer {
  /** `http://127.0.0.1:<port>`, without a slash at the end: what goes into `THULIUM_URL`. */
  readonly url: string;
  /** Stops listening and cuts what is open. Idempotent. */
  close(): Promise<void>;
}

/** A larger request body is refused. */
const mostBodyBytes = 16_000_000;

/**
 * Serves a sandbox over HTTP: reads a request, lets the population live up to now, hands over, writes the answer.
 * @throws Failure `InvalidSettings` when the address cannot be listened on.
 */
export async function serveSandbox(options: ServeOptions): Promise<SandboxServer> {
  const { sandbox, clock, logger, host = "127.0.0.1", port = 0 } = options;
  const { user, password } = options;
  const credentials =
    user === undefined || password === undefined ? {} : { credentials: { user, password } };
  const closing = new AbortController();
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.destroy();
      if (!closing.signal.aborted && !response.errored) {
        logger.warn({ error: String(error) }, "sandbox: a request could not be answered");
      }
    });
  });
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = request.method === "GET" ? "" : await bodyOf(request);
    const receivedAtMs = clock.now();
    sandbox.advanceTo(receivedAtMs);
    const headers = {
      authorization: request.headers.authorization,
      "accept-language": request.headers["accept-language"],
    };
    const method = request.method ?? "GET";
    const answered = sandbox.handle(method, request.url ?? "/", headers, {
      receivedAtMs,
      body,
      ...credentials,
    });
    logger.debug({ method, url: request.url, status: answered.status }, "sandbox answered");
    if (answered.delayMs) await clock.sleep(answered.delayMs, closing.signal);
    await write(response, answered);
  }
  await listen(server, host, port);
  const address = server.address() as AddressInfo;
  const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
  let closed: Promise<void> | null = null;
  return {
    url: `http://${name}:${address.port}`,
    close: () => {
      closing.abort();
      closed ??= new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return closed;
    },
  };
}

async function write(response: ServerResponse, answered: SandboxResponse): Promise<void> {
  if (answered.reset) {
    response.destroy();
    return;
  }
  if (typeof answered.body !== "string") {
    response.writeHead(answered.status, answered.headers);
    await pipeline(Readable.from(answered.body), response);
    return;
  }
  const bytes = Buffer.from(answered.body, "utf8");
  response.writeHead(answered.status, { ...answered.headers, "content-length": bytes.length });
  response.end(bytes);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > mostBodyBytes) throw new Failure("TooLarge", "the request body is over 16 MB");
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const why = cause.code === "EADDRINUSE" ? "it is in use" : cause.message;
      reject(new Failure("InvalidSettings", `cannot listen on ${host}:${port}: ${why}`, { cause }));
    });
    server.listen(port, host, resolve);
  });
}
