import {
  categories,
  customFields,
  queues,
  sources,
  statuses,
  statusIds,
  tags,
} from "../population/catalogue.ts";
import { mix } from "../population/draw.ts";
import type { Population } from "../population/population.ts";
import { fates, type TicketFold } from "../population/ticket-fold.ts";
import { fromOf, subjectOf } from "../population/ticket-text.ts";
import { durationText } from "./naive-time.ts";
import { canonicalNotation, type Notation, notationOf } from "./notation.ts";
import { messagesOf } from "./render-messages.ts";
import type { Switches } from "./switches.ts";
import { workingSecondsBetween } from "./working-time.ts";

/** What rendering depends on beside the ticket. */
export interface Rendering {
  readonly population: Population;
  readonly seed: number;
  readonly switches: Switches;
  /** Reused; its content is only good during one call. */
  readonly fold: TicketFold;
}

/** A rendered ticket: JSON values by field name. */
export type Row = Record<string, unknown>;

/** Field numbers for {@link Notation}, stable over versions so that a ticket keeps its notation. */
const fields = {
  ticket_id: 1,
  user_login: 2,
  from: 3,
  ticket_queue_id: 4,
  subject: 5,
  category_id: 6,
  status_id: 7,
  substatus_id: 8,
  customer_id: 9,
  created_at: 10,
  updated_at: 11,
  closed_at: 12,
  close_time: 13,
  first_agent_responded_at: 14,
  first_agent_response_time: 15,
  tags: 16,
  custom_fields: 20,
} as const;

/** The ticket as a row of `GET tickets`. */
export function renderListed(
  to: Rendering,
  row: number,
  request: { readonly customFields: boolean; readonly salt: number },
): Row {
  const fold = to.population.foldOf(row, to.fold);
  const notation = notationOf(to.switches, fold.number, request.salt);
  const head = headOf(to, row, notation);
  const customs = request.customFields ? phpMap(customsOf(fold), notation) : undefined;
  const order = to.switches.message_order;
  const messages = messagesOf(to, row, notation, { order, salt: request.salt, ratings: true });
  const rendered: Row = { ...head, messages };
  if (request.customFields) rendered["custom_fields"] = customs;
  if (to.switches.new_field === "on") rendered["sla_policy"] = { id: 7, name: "standard" };
  return rendered;
}

/** The ticket as `GET tickets/:id`: another id type, newest message first, no source, tags and ratings. */
export function renderSingle(
  to: Rendering,
  row: number,
  request: { readonly customFields: boolean; readonly salt: number },
): Row {
  const fold = to.population.foldOf(row, to.fold);
  const notation = notationOf(to.switches, fold.number, request.salt);
  const rendered = headOf(to, row, notation);
  const category = fold.category;
  rendered["ticket_id"] = notation.id(to.population.ticketIdOf(row), "int", fields.ticket_id);
  if (category >= 0) {
    rendered["category_id"] = notation.id(
      categories[category]?.id ?? 0,
      "string",
      fields.category_id,
    );
  }
  delete rendered["source"];
  delete rendered["tags"];
  if (request.customFields) rendered["custom_fields"] = phpMap(customsOf(fold), notation);
  const salt = request.salt;
  rendered["messages"] = messagesOf(to, row, notation, {
    order: "newest_first",
    salt,
    ratings: false,
  });
  return rendered;
}

/** The ticket as truth: every field present, ids as text, null for no value, lists in canonical order. */
export function renderCanonical(to: Rendering, row: number): Row {
  const fold = to.population.foldOf(row, to.fold);
  const rendered = headOf(to, row, canonicalNotation);
  const byName = (a: [string, unknown], b: [string, unknown]) => (a[0] < b[0] ? -1 : 1);
  const customs = Object.fromEntries(
    [...customsOf(fold)]
      .map(([name, value]) => [name, value === "" ? null : value] as [string, unknown])
      .sort(byName),
  );
  const messages = messagesOf(to, row, canonicalNotation, {
    order: "by_id",
    salt: 0,
    ratings: true,
  });
  const sorted = [...(rendered["tags"] as string[])].sort();
  return { ...rendered, tags: sorted, messages, custom_fields: customs };
}

/** Values of the ticket's custom fields by name; empty when it has none. */
export function customsOf(fold: TicketFold): Map<string, unknown> {
  const customs = new Map<string, unknown>();
  if (fold.hasCustoms) {
    customFields.forEach(({ name, values }, field) => {
      customs.set(name, values[fold.customs[field] ?? 0] ?? null);
    });
  }
  for (const [name, value] of fold.namedCustoms ?? []) customs.set(name, value);
  return customs;
}

/** All tags of the ticket. */
export function tagsOf(fold: TicketFold): string[] {
  const names = tags.filter((_, bit) => (fold.tagMask & (1 << bit)) !== 0);
  return [...names, ...fold.extraTags.filter((tag) => !names.includes(tag))];
}

function headOf(to: Rendering, row: number, notation: Notation): Row {
  const { fold, population } = to;
  const { zone } = population;
  const number = fold.number;
  const none = (field: number) => notation.none(field);
  const text = (value: string, field: number) => (value === "" ? none(field) : value);
  const status = statuses.find(({ id }) => id === fold.status);
  const substatus = status?.substatuses.find(({ id }) => id === fold.substatus);
  const queue = queues[fold.queue];
  const source = sources[fold.source]?.name ?? "";
  const category = categories[fold.category]?.id;
  const tagNames = tagsOf(fold);
  const sub = substatusOf(fold, notation);
  return {
    ticket_id: notation.id(population.ticketIdOf(row), "string", fields.ticket_id),
    user_login: text(population.logins[fold.user] ?? "", fields.user_login),
    from: text(fold.from ?? fromOf(to.seed, number, source), fields.from),
    ticket_queue_name: queue?.name,
    ticket_queue_id: notation.id(queue?.id ?? 0, "int", fields.ticket_queue_id),
    subject: text(fold.subject ?? subjectOf(to.seed, number), fields.subject),
    category_id:
      category === undefined
        ? none(fields.category_id)
        : notation.id(category, "int", fields.category_id),
    source,
    status_id: notation.id(fold.status, "string", fields.status_id),
    substatus_id: sub,
    tags:
      tagNames.length > 0 || notation === canonicalNotation ? tagNames : noTags(none(fields.tags)),
    customer_id:
      fold.customer === 0
        ? none(fields.customer_id)
        : notation.id(fold.customer, "int", fields.customer_id),
    full_status_name:
      substatus === undefined ? status?.name : `${status?.name} - ${substatus.name}`,
    created_at: notation.stamp(zone.wallOf(fold.createdS), fields.created_at),
    updated_at: notation.stamp(zone.wallOf(fold.updatedS), fields.updated_at),
    ...timingOf(to, notation),
  };
}

/** A list without entries: `[]`, null or no key, never text. */
function noTags(none: "" | null | undefined): [] | null | undefined {
  return none === "" ? [] : none;
}

/** "0" is what one ticket in nine without a sub-status shows. */
function substatusOf(fold: TicketFold, notation: Notation): unknown {
  if (fold.substatus !== 0) return notation.id(fold.substatus, "string", fields.substatus_id);
  if (mix(fold.number, 77) % 9 === 0) return notation.id(0, "string", fields.substatus_id);
  return notation.none(fields.substatus_id);
}

function timingOf(to: Rendering, notation: Notation): Row {
  const { fold, switches } = to;
  const { zone } = to.population;
  const { durations } = switches;
  const between = (fromS: number, toS: number) =>
    durationText(
      durations === "business"
        ? workingSecondsBetween(zone.wallOf(fromS), zone.wallOf(toS))
        : toS - fromS,
    );
  const closedShown =
    fold.closedS > 0 && (fold.status === statusIds.closed || switches.on_reopen === "keep");
  const closedFromS = durations === "last_close" ? fold.closedSpanFromS : fold.createdS;
  const replied = fold.firstReplyS > 0;
  return {
    closed_at: closedShown
      ? notation.stamp(zone.wallOf(fold.closedS), fields.closed_at)
      : notation.none(fields.closed_at),
    close_time: closedShown ? between(closedFromS, fold.closedS) : notation.none(fields.close_time),
    first_agent_responded_at: replied
      ? notation.stamp(zone.wallOf(fold.firstReplyS), fields.first_agent_responded_at)
      : notation.none(fields.first_agent_responded_at),
    first_agent_response_time: replied
      ? between(fold.createdS, fold.firstReplyS)
      : notation.none(fields.first_agent_response_time),
  };
}

/** A map as `json_encode` writes it: `[]` when empty, a list when its keys are 0, 1, … */
function phpMap(map: ReadonlyMap<string, unknown>, notation: Notation): unknown {
  const names = [...map.keys()];
  const value = (name: string, index: number) => {
    const held = map.get(name) ?? null;
    // Inside a map "no value" is null or text: leaving a field out would say that it does not exist.
    return held === null ? (notation.none(fields.custom_fields + index) ?? null) : held;
  };
  if (names.every((name, index) => name === String(index))) return names.map(value);
  return Object.fromEntries(names.map((name, index) => [name, value(name, index)]));
}

/** Whether the row is shown by `GET tickets/:id`. */
export function isReachable(population: Population, row: number): boolean {
  return population.columns.fate[row] !== fates.deleted;
}
