import { categories, queues, statuses } from "../population/catalogue.ts";
import { ApiError } from "./api-error.ts";
import { delayOf, failure, racyCount, spoiled } from "./faults.ts";
import type { OccasionContext } from "./occasion.ts";
import { parsePhpQuery } from "./php-query-parser.ts";
import { isTruthy, readTicketQuery } from "./read-ticket-query.ts";
import { isReachable, type Rendering, renderListed, renderSingle } from "./render-ticket.ts";
import type { SandboxResponse } from "./response.ts";
import { search } from "./search.ts";
import type { Switches } from "./switches.ts";

/** A request to the API, authenticated. */
export interface ApiRequest {
  /** Below `/api/`. */
  readonly path: string;
  readonly query: string;
  /** Its number among the API's requests, from 1. */
  readonly number: number;
  /** Differs with every request. */
  readonly salt: number;
}

const json = { "content-type": "application/json; charset=utf-8" };

/** Answers `GET /api/…`. @throws ApiError for every documented error. */
export function answerApi(rendering: Rendering, request: ApiRequest): SandboxResponse {
  const { switches } = rendering;
  if (request.path === "tickets") return listTickets(rendering, request);
  const single = /^tickets\/(\d{1,15})$/.exec(request.path);
  if (single !== null) return getTicket(rendering, request, Number(single[1]));
  const names = namesOf(request.path);
  if (names === null) throw new ApiError(404, "unknown_uri");
  forbid(switches, "all");
  return { status: 200, headers: json, body: write(names, switches) };
}

function listTickets(rendering: Rendering, request: ApiRequest): SandboxResponse {
  const { population, switches, fold } = rendering;
  forbid(switches, "tickets");
  const query = readTicketQuery(parsePhpQuery(request.query), switches, population.logins);
  const { max_offset } = switches;
  const beyond = max_offset !== null && query.offset > max_offset;
  if (beyond && switches.max_offset_answer !== "empty") {
    const status = Number(switches.max_offset_answer);
    throw new ApiError(status, status === 500 ? "internal" : "unavailable");
  }
  const unitS = switches.stamps === "minute" ? 60 : 1;
  const ties = { shuffled: switches.ties === "shuffled", salt: request.salt, unitS };
  const found = search(population, query, ties, fold);
  if (found.count > 0 && query.offset >= found.count && switches.past_end === "404") {
    throw new ApiError(404, "unknown_object");
  }
  const rows = beyond ? [] : found.rows;
  const context = contextOf(rendering, request, rows);
  const failed = failure(switches, context);
  if (failed !== null) return failed;
  const options = { customFields: query.includeCustomFields, salt: request.salt };
  const result = rows.map((row) => renderListed(rendering, row, options));
  const count = switches.count === "racy" ? racyCount(found.count, request.salt) : found.count;
  const envelope = { count, result };
  const body = spoiled(write(envelope, switches), envelope, switches, context);
  return guarded(
    { status: 200, headers: json, body, delayMs: delayOf(switches, context) },
    switches,
  );
}

function getTicket(rendering: Rendering, request: ApiRequest, ticketId: number): SandboxResponse {
  const { population, switches } = rendering;
  forbid(switches, "ticket");
  const row = population.rowOfTicket(ticketId);
  if (row < 0) throw new ApiError(404, "unknown_object", String(ticketId));
  if (!isReachable(population, row)) {
    if (switches.deleted === "404") throw new ApiError(404, "unknown_object", String(ticketId));
    throw new ApiError(410, "gone", String(ticketId));
  }
  const context = contextOf(rendering, request, [row]);
  const failed = failure(switches, context);
  if (failed !== null) return failed;
  const include = parsePhpQuery(request.query).get("include_custom_fields");
  const customFields = typeof include === "string" && isTruthy(include);
  const body = write(renderSingle(rendering, row, { customFields, salt: request.salt }), switches);
  return guarded(
    { status: 200, headers: json, body, delayMs: delayOf(switches, context) },
    switches,
  );
}

/** The neighbouring lists of names; their bodies are undocumented, these are plain lists. */
function namesOf(path: string): unknown {
  if (path === "ticket_statuses") {
    return statuses.map(({ id, name, substatuses }) => ({
      status_id: String(id),
      name,
      substatuses: substatuses.map((sub) => ({ substatus_id: String(sub.id), name: sub.name })),
    }));
  }
  if (path === "ticket_queues")
    return queues.map(({ id, name }) => ({ ticket_queue_id: id, name }));
  if (path === "ticket_categories")
    return categories.map(({ id, name }) => ({ category_id: id, name }));
  return null;
}

function forbid(switches: Switches, method: "tickets" | "ticket" | "all"): void {
  const { forbidden } = switches;
  if (forbidden === "all" || forbidden === method) throw new ApiError(403, "forbidden");
}

function contextOf(
  rendering: Rendering,
  request: ApiRequest,
  rows: readonly number[],
): OccasionContext {
  const { population } = rendering;
  return {
    request: request.number,
    salt: request.salt,
    tickets: rows.map((row) => ({
      ticketId: population.ticketIdOf(row),
      createdWallS: population.columns.createdWallS[row] as number,
    })),
  };
}

/** A25: an answer that PHP's memory limit would have stopped. */
function guarded(response: SandboxResponse, switches: Switches): SandboxResponse {
  const { max_page_mb } = switches;
  const bytes = typeof response.body === "string" ? response.body.length : 0;
  if (max_page_mb !== null && bytes > max_page_mb * 1_000_000) throw new ApiError(500, "internal");
  return response;
}

function write(value: unknown, switches: Switches): string {
  const text = JSON.stringify(value);
  if (switches.json === "plain") return text;
  return text
    .replaceAll("/", "\\/")
    .replace(
      /[\u0080-\uffff]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
}
