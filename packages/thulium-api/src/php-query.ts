import type { PageFilter, PageRequest } from "@thulium-stream/contracts";

/** What PHP's query parser can carry: text, numbers, lists and maps of them. */
export type QueryValue =
  | string
  | number
  | readonly QueryValue[]
  | { readonly [name: string]: QueryValue };

/**
 * A query string that PHP reads back as `params`: lists of scalars as `name[]=…`, maps as `name[key]=…`, nested ones by more brackets.
 * A name that PHP would mangle (a dot, space or bracket in it, an empty one) is the caller's mistake.
 */
export function encodeQuery(params: Readonly<Record<string, QueryValue>>): string {
  return Object.entries(params)
    .flatMap(([name, value]) => pairs(name, value))
    .map(
      ([name, value]) =>
        `${encodeURIComponent(name.toWellFormed())}=${encodeURIComponent(value.toWellFormed())}`,
    )
    .join("&");
}

function pairs(name: string, value: QueryValue): [string, string][] {
  if (typeof value === "string" || typeof value === "number") return [[name, String(value)]];
  if (!Array.isArray(value))
    return Object.entries(value).flatMap(([key, inner]) => pairs(`${name}[${key}]`, inner));
  // A list inside a list needs its index: PHP would start a new inner list at every `[]`.
  return value.flatMap((inner: QueryValue, index) =>
    pairs(typeof inner === "object" ? `${name}[${index}]` : `${name}[]`, inner),
  );
}

/**
 * The query of one list request. Always asks for custom fields; status ids always go in brackets (a scalar `status_id` made a
 * live system answer 500); dates always carry hour and minute (what a date alone means as an upper bound is undocumented).
 */
export function queryOfPageRequest(request: PageRequest): string {
  const { created, updated, filter = {}, orderBy, offset, limit } = request;
  const order = orderBy === "update_date" ? "update_date,create_date" : "create_date,update_date";
  return encodeQuery({
    limit,
    offset,
    ...present("date_from", updated?.from),
    ...present("date_to", updated?.to),
    ...present("create_date_from", created?.from),
    ...present("create_date_to", created?.to),
    ...filterParams(filter),
    order,
    include_custom_fields: "true",
  });
}

function filterParams({ statusIds, queueId, source }: PageFilter): Record<string, QueryValue> {
  return {
    ...(statusIds === undefined ? {} : { status_id: statusIds }),
    ...present("ticket_queue_id", queueId),
    ...present("source", source),
  };
}

function present(name: string, value: string | null | undefined): Record<string, string> {
  return value === null || value === undefined ? {} : { [name]: value };
}
