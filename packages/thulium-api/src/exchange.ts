import { Pool } from "undici";
import type { HeaderMap } from "./failures.ts";

/** The head of an answer; the body is read to its end or given up by leaving the loop over it. */
export interface ExchangedAnswer {
  readonly status: number;
  readonly headers: HeaderMap;
  readonly body: AsyncIterable<Buffer>;
}

/** How requests reach the source: over HTTP, or in process where a simulation stands in for the network. */
export interface Exchange {
  /** Sends one GET. Rejects with what the transport reports; an abort rejects, too. */
  get(
    path: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<ExchangedAnswer>;
  /** Cuts what is open. */
  close(): Promise<void>;
}

/** Settings of {@link httpExchange}. */
export interface HttpExchangeOptions {
  readonly url: string;
  readonly connections: number;
  readonly deadlineMs: number;
}

/** Exchange over HTTP connections that are kept open. */
export function httpExchange({ url, connections, deadlineMs }: HttpExchangeOptions): Exchange {
  const pool = new Pool(url, {
    connections,
    pipelining: 1,
    connectTimeout: 10_000,
    headersTimeout: deadlineMs,
    bodyTimeout: 30_000,
  });
  return {
    async get(path, headers, signal) {
      const answer = await pool.request({ method: "GET", path, headers, signal });
      return { status: answer.statusCode, headers: answer.headers, body: answer.body };
    },
    close: () => pool.destroy(),
  };
}
