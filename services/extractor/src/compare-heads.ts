import type { Change, Kind, NamedValue, Ticket } from "@thulium-stream/contracts";

/** Which statuses count as closed: ids, or names as they begin the full status name. */
export interface ClosedRule {
  readonly closedStatuses: readonly string[];
}

/** Field by field, what the semantic reading of a change is. */
const kindOfField: Partial<Record<keyof Ticket, Kind>> = {
  status_id: "status_changed",
  substatus_id: "status_changed",
  ticket_queue_id: "moved_queue",
  category_id: "recategorised",
  customer_id: "customer_changed",
  from: "customer_changed",
  subject: "subject_changed",
  tags: "tagged",
  first_agent_responded_at: "vendor_timing_changed",
  vendor_close_time_s: "vendor_timing_changed",
  vendor_first_agent_response_time_s: "vendor_timing_changed",
};

/** Names shown for ids: a change of the name alone is a renaming, not an event of this ticket. */
const nameOfId: readonly (readonly [keyof Ticket, readonly (keyof Ticket)[]])[] = [
  ["ticket_queue_name", ["ticket_queue_id"]],
  ["full_status_name", ["status_id", "substatus_id"]],
];

/** A stamp or duration and the raw text that tells whether it changed. */
const rawOf: readonly (readonly [keyof Ticket, keyof Ticket])[] = [
  ["created_at", "created_at_raw"],
  ["updated_at", "updated_at_raw"],
  ["closed_at", "closed_at_raw"],
  ["first_agent_responded_at", "first_agent_responded_at_raw"],
];
const rawDurations: readonly (readonly [keyof Ticket, keyof Ticket])[] = [
  ["vendor_close_time_s", "vendor_close_time_raw"],
  ["vendor_first_agent_response_time_s", "vendor_first_agent_response_time_raw"],
];
const plain: readonly (keyof Ticket)[] = [
  "user_login",
  "from",
  "ticket_queue_id",
  "ticket_queue_name",
  "subject",
  "category_id",
  "source",
  "status_id",
  "substatus_id",
  "full_status_name",
  "customer_id",
];

/** What changed between two heads, field by field. The first appearance of an unknown field is no change. */
export function changesBetween(before: Ticket, after: Ticket): readonly Change[] {
  const changes: Change[] = [];
  const note = (field: string, from: unknown, to: unknown) =>
    changes.push({ field, before: from as Change["before"], after: to as Change["after"] });
  for (const field of plain)
    if (before[field] !== after[field]) note(field, before[field], after[field]);
  for (const [field, raw] of rawOf)
    if (minute(before[raw]) !== minute(after[raw]))
      note(field, before[field] ?? before[raw], after[field] ?? after[raw]);
  for (const [field, raw] of rawDurations)
    if (before[raw] !== after[raw])
      note(field, before[field] ?? before[raw], after[field] ?? after[raw]);
  if (before.tags.join("\n") !== after.tags.join("\n")) note("tags", before.tags, after.tags);
  changes.push(...namedChanges("custom_fields", before.custom_fields, after.custom_fields, true));
  changes.push(...namedChanges("extra", before.extra, after.extra, false));
  return changes;
}

/** The kinds of a set of changes, in the contract's order of meaning; `other` when none fits. */
export function kindsOf(
  changes: readonly Change[],
  before: Ticket,
  after: Ticket,
  rule: ClosedRule,
): readonly Kind[] {
  const changed = new Set(changes.map(({ field }) => field));
  const kinds = new Set<Kind>();
  for (const { field } of changes) {
    const kind = kindOfField[field as keyof Ticket];
    if (kind !== undefined) kinds.add(kind);
    if (field.startsWith("custom_fields.")) kinds.add("custom_field_changed");
  }
  if (changed.has("user_login")) kinds.add(after.user_login === null ? "unassigned" : "assigned");
  if (isClosed(after, rule) && !isClosed(before, rule)) kinds.add("closed");
  if (!isClosed(after, rule) && isClosed(before, rule)) kinds.add("reopened");
  for (const [name, ids] of nameOfId)
    if (changed.has(name) && !ids.some((id) => changed.has(id))) kinds.add("renamed");
  return [...kinds];
}

/** Whether a head's status counts as closed, by id or by the name that its full status name begins with. */
export function isClosed(
  { status_id, full_status_name }: Ticket,
  { closedStatuses }: ClosedRule,
): boolean {
  if (status_id !== null && closedStatuses.includes(status_id)) return true;
  return closedStatuses.some(
    (name) => full_status_name === name || full_status_name?.startsWith(`${name} - `) === true,
  );
}

/** Stamps count by the minute: seconds may come and go between answers. */
function minute(text: unknown): unknown {
  return typeof text === "string" ? text.slice(0, 16) : text;
}

function namedChanges(
  prefix: string,
  before: readonly NamedValue[],
  after: readonly NamedValue[],
  countsWhenNew: boolean,
): Change[] {
  const old = new Map(before.map(({ name, value }) => [name, value]));
  const now = new Map(after.map(({ name, value }) => [name, value]));
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((name) => {
    const [from, to] = [old.get(name) ?? null, now.get(name) ?? null];
    return from === to || (!countsWhenNew && !old.has(name))
      ? []
      : [{ field: `${prefix}.${name}`, before: from, after: to }];
  });
}
