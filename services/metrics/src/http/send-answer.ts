import { createHash } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Freshness } from "../metrics-view.ts";
import { csvOf } from "../report.ts";

/** How fresh an answer is. */
type AsOf = Pick<Freshness, "as_of" | "lag_s">;

/**
 * Answers with JSON, with the freshness of the figures in front of them and in the headers `as-of` and `lag-s`; 304 to who has the same figures already: the freshness alone makes no new answer.
 */
export function sendJson(
  request: FastifyRequest,
  reply: FastifyReply,
  { as_of, lag_s }: AsOf,
  body: object,
): FastifyReply {
  if (isKnown(request, reply, { as_of, lag_s }, JSON.stringify(body))) return reply;
  return reply.send({ as_of, lag_s, ...body });
}

/** Answers with CSV as a download, with the same headers. */
export function sendCsv(
  request: FastifyRequest,
  reply: FastifyReply,
  freshness: AsOf,
  lines: readonly Readonly<Record<string, unknown>>[],
): FastifyReply {
  const text = csvOf(lines);
  if (isKnown(request, reply, freshness, text)) return reply;
  const name = request.url.split("?", 1)[0]?.split("/").pop();
  return reply
    .type("text/csv; charset=utf-8")
    .header("content-disposition", `attachment; filename="${name}.csv"`)
    .serializer((payload: string) => payload)
    .send(text);
}

/** What a page of a list leaves out, for the answer; the header `link` leads to the next one (RFC 8288). */
export function pageOf<T>(
  request: FastifyRequest,
  reply: FastifyReply,
  lines: readonly T[],
  { offset, limit }: { readonly offset: number; readonly limit: number },
): { readonly lines: readonly T[]; readonly page: Page } {
  const page = { offset, limit, total: lines.length };
  linkNext(request, reply, page);
  return { lines: lines.slice(offset, offset + limit), page };
}

/** Place of an answer's lines among all. */
export interface Page {
  readonly offset: number;
  readonly limit: number;
  readonly total: number;
}

/** Sets the header `link` to the next page when there is one. */
export function linkNext(request: FastifyRequest, reply: FastifyReply, page: Page): void {
  const next = page.offset + page.limit;
  if (next >= page.total) return;
  const url = new URL(request.url, "http://localhost");
  url.searchParams.set("offset", String(next));
  url.searchParams.set("limit", String(page.limit));
  reply.header("link", `<${url.pathname}${url.search}>; rel="next"`);
}

function isKnown(
  request: FastifyRequest,
  reply: FastifyReply,
  { as_of, lag_s }: AsOf,
  text: string,
): boolean {
  const tag = `W/"${createHash("sha256").update(text).digest("base64url").slice(0, 22)}"`;
  reply
    .header("etag", tag)
    .header("cache-control", "no-cache")
    .header("as-of", as_of)
    .header("lag-s", String(lag_s));
  const asked = request.headers["if-none-match"]?.split(",").map((one) => one.trim()) ?? [];
  if (!asked.includes(tag) && !asked.includes("*")) return false;
  reply.code(304).send();
  return true;
}
