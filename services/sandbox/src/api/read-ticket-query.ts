import { categories, queues, sources, statuses } from "../population/catalogue.ts";
import { ApiError } from "./api-error.ts";
import { parseNaiveTime } from "./naive-time.ts";
import { PhpArray, type PhpValue } from "./php-query-parser.ts";
import type { Switches } from "./switches.ts";
import type { OrderKey, TicketQuery, WallRange } from "./ticket-query.ts";

type Parameters = ReadonlyMap<string, PhpValue>;

const known = new Set([
  "limit",
  "offset",
  "date_from",
  "date_to",
  "create_date_from",
  "create_date_to",
  "company_id",
  "customer_id",
  "user_login",
  "source",
  "ticket_queue_id",
  "category_id",
  "message_id",
  "status_id",
  "custom_fields",
  "include_custom_fields",
  "order",
]);

/**
 * Understands the parameters of `GET tickets` (thulium-api.md §2) as the switches say.
 * @throws ApiError 400, 404 or 500.
 */
export function readTicketQuery(
  parameters: Parameters,
  switches: Switches,
  logins: readonly string[],
): TicketQuery {
  if (switches.unknown_param === "400") {
    for (const name of parameters.keys()) {
      if (!known.has(name)) throw new ApiError(400, "unknown_parameter", name);
    }
  }
  const text = (name: string) => scalar(parameters, name);
  const reference = (name: string, find: (value: string) => number) => {
    const value = text(name);
    return value === null ? null : orUnknown(find(value), name, switches);
  };
  return {
    updated: readRange(text("date_from"), text("date_to"), "date", switches),
    created: readRange(text("create_date_from"), text("create_date_to"), "create_date", switches),
    order: readOrder(text("order"), switches),
    offset: readOffset(text("offset"), switches),
    limit: readLimit(text("limit"), switches),
    companyId: readId(text("company_id"), "company_id"),
    customerId: readId(text("customer_id"), "customer_id"),
    messageId: readId(text("message_id"), "message_id"),
    user: reference("user_login", (login) => (login === "" ? -1 : logins.indexOf(login))),
    source: reference("source", (name) => sources.findIndex((source) => source.name === name)),
    queue: reference("ticket_queue_id", (id) =>
      queues.findIndex((queue) => String(queue.id) === id),
    ),
    category: reference("category_id", (id) =>
      categories.findIndex((category) => String(category.id) === id),
    ),
    statusIds: readStatuses(parameters.get("status_id"), switches),
    customFields: readCustomFields(parameters.get("custom_fields")),
    includeCustomFields: isTruthy(text("include_custom_fields")),
  };
}

/** PHP's `(bool)`: only `""` and `"0"` are false, so `"false"` is true. */
export function isTruthy(value: string | null): boolean {
  return value !== null && value !== "" && value !== "0";
}

/** A scalar parameter; an empty one counts as left out, one with brackets is a 400. */
function scalar(parameters: Parameters, name: string): string | null {
  const value = parameters.get(name);
  if (value instanceof PhpArray) throw new ApiError(400, "invalid", name);
  return value === undefined || value === "" ? null : value;
}

function orUnknown(found: number, name: string, switches: Switches): number {
  if (found >= 0 || switches.unknown_ref === "empty") return found;
  if (switches.unknown_ref === "404") throw new ApiError(404, "unknown_object", name);
  throw new ApiError(400, "invalid", name);
}

function readId(text: string | null, name: string): number | null {
  if (text === null) return null;
  if (!/^\d{1,15}$/.test(text)) throw new ApiError(400, "invalid", name);
  return Number(text);
}

function readRange(
  from: string | null,
  to: string | null,
  name: string,
  switches: Switches,
): WallRange | null {
  if (from === null && to === null) return null;
  const byMinute = switches.cmp === "minute";
  let fromS = Number.NEGATIVE_INFINITY;
  let toS = Number.POSITIVE_INFINITY;
  if (from !== null) {
    const bound = parseNaiveTime(from);
    if (bound === null) throw new ApiError(400, "invalid", `${name}_from`);
    const stepS = byMinute ? 60 : 1;
    fromS = Math.floor(bound.wallS / stepS) * stepS;
    if (switches.bounds === "left_open") fromS += stepS;
  }
  if (to !== null) {
    const bound = parseNaiveTime(to);
    if (bound === null) throw new ApiError(400, "invalid", `${name}_to`);
    const endOfDay = bound.dateOnly && switches.date_only_to === "end_of_day";
    const wallS = bound.wallS + (endOfDay ? 86_399 : 0);
    const minuteS = Math.floor(wallS / 60) * 60;
    if (switches.bounds === "right_open") toS = (byMinute ? minuteS : wallS) - 1;
    else toS = byMinute ? minuteS + 59 : wallS;
  }
  return { fromS, toS };
}

function readOrder(text: string | null, switches: Switches): readonly OrderKey[] {
  const byDefault: readonly OrderKey[] = [{ by: "updated", descending: true }];
  if (text === null) return byDefault;
  const keys: OrderKey[] = [];
  for (const part of text.split(",")) {
    const name = part.trim().replace(/^-/, "");
    const by = name === "create_date" ? "created" : name === "update_date" ? "updated" : null;
    if (by !== null) keys.push({ by, descending: part.trim().startsWith("-") });
    else if (switches.bad_order === "400") throw new ApiError(400, "invalid", "order");
    else if (switches.bad_order === "500") throw new ApiError(500, "internal");
  }
  return keys.length === 0 ? byDefault : keys;
}

function readLimit(text: string | null, switches: Switches): number {
  if (text === null) return 100;
  const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 1 && value <= 100) return value;
  refuseNumber("limit", switches);
  return Number.isNaN(value) ? 100 : Math.min(100, Math.max(1, value));
}

function readOffset(text: string | null, switches: Switches): number {
  if (text === null) return 0;
  const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 0) return value;
  refuseNumber("offset", switches);
  return 0;
}

function refuseNumber(name: string, switches: Switches): void {
  if (switches.bad_limit === "400") throw new ApiError(400, "invalid", name);
  if (switches.bad_limit === "500") throw new ApiError(500, "internal");
}

function readStatuses(value: PhpValue | undefined, switches: Switches): readonly number[] | null {
  if (value === undefined || value === "") return null;
  if (!(value instanceof PhpArray)) {
    if (switches.scalar_status === "500") throw new ApiError(500, "internal");
    if (switches.scalar_status === "400") throw new ApiError(400, "invalid", "status_id");
    if (switches.scalar_status === "ignore") return null;
  }
  const values = value instanceof PhpArray ? value.values() : [value];
  return values.map((id) => {
    const found = statuses.find((status) => String(status.id) === id)?.id ?? -1;
    return orUnknown(found, "status_id", switches);
  });
}

function readCustomFields(
  value: PhpValue | undefined,
): ReadonlyMap<string, readonly string[]> | null {
  if (!(value instanceof PhpArray)) return null;
  const fields = new Map<string, readonly string[]>();
  for (const [name, held] of value.entries) {
    const alternatives = held instanceof PhpArray ? held.values() : [held];
    fields.set(
      name,
      alternatives.filter((alternative) => typeof alternative === "string"),
    );
  }
  return fields.size === 0 ? null : fields;
}
