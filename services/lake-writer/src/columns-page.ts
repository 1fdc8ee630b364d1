import type { Column, ColumnType } from "@thulium-stream/contracts";

/** A table as the page shows it. */
export interface DocumentedTable {
  readonly table: string;
  readonly topic: string;
  readonly columns: readonly Column[];
  /** The column that is in the folder's name. */
  readonly partition: Column;
}

/** The page `docs/lake-columns.md`: every column of every table with type, unit, meaning and source. */
export function columnsPage(tables: readonly DocumentedTable[]): string {
  const sections = tables.map(
    ({ table, topic, columns, partition }) =>
      `## \`${table}\`\n\nMade of the topic \`${topic}\`.\n\n${head}\n${rowsOf([...columns, partition], "", parents[table] ?? "").join("\n")}`,
  );
  return `<!-- Made by the test of services/lake-writer/src/columns-page.ts (run it with -u); edits are lost. -->

# Columns of the lake

Types by Iceberg's names. Every column may be null; "no value" at the source is null, never an empty text, and no element an empty list. \`id\` is the field id, in Parquet and Iceberg alike: it never changes.
What may be of several types stands as text, a list or an object as its JSON (\`changes[].before\`, \`custom_fields[].value\`). How tables and snapshots are laid out and read: [lake.md](lake.md).

The last column of each table is its partition column: it stands in the folder's name and in the table's metadata, not in the files, and \`lake query\` does not know it. Snapshots have the columns of \`tickets\`, \`messages\` and
\`ticket_metrics\` without it, and two in their folders' names: \`snapshot_date\` (local day of the cut, YYYY-MM-DD) and \`snapshot_at\` (its instant in UTC, YYYYMMDDThhmmssZ).

${sections.join("\n\n")}
`;
}

const head =
  "| Column | Id | Type | Unit | Meaning | Source |\n| --- | --- | --- | --- | --- | --- |";

/** A struct is shown by its own row and one per field; `inherited` is the source of a struct that is the API's as a whole. */
function rowsOf(columns: readonly Column[], path: string, parent: string): readonly string[] {
  return columns.flatMap(({ id, name, type, doc }) => {
    const shown = `${path}${name}`;
    const source = sourceOf(name, parent);
    const meaning = doc.replaceAll("|", "\\|").replace("see Kinds", "see [Kinds](events.md#kinds)");
    const row = `| \`${shown}\` | ${id} | ${typeName(type)} | ${unitOf(name, type)} | ${meaning} | ${source} |`;
    const [fields, suffix] = fieldsOf(type);
    return [row, ...rowsOf(fields, `${shown}${suffix}.`, name)];
  });
}

function fieldsOf(type: ColumnType): readonly [readonly Column[], string] {
  if (typeof type === "string") return [[], ""];
  if (type.kind === "struct") return [type.fields, ""];
  const [fields, suffix] = fieldsOf(type.element);
  return [fields, `[]${suffix}`];
}

const leafNames = {
  text: "string",
  integer: "long",
  boolean: "boolean",
  instant: "timestamptz",
} as const;

function typeName(type: ColumnType): string {
  if (typeof type === "string") return leafNames[type];
  return type.kind === "struct" ? "struct" : `list of ${typeName(type.element)}`;
}

function unitOf(name: string, type: ColumnType): string {
  if (type === "instant") return "UTC, microseconds";
  return /_s$/.test(name) ? "seconds" : "";
}

/** Whose fields the rows of a table are, as a struct of the same name inside an event would say; left out = those of an event. */
const parents: Readonly<Record<string, string>> = {
  tickets: "ticket",
  messages: "message",
  ticket_metrics: "figures",
};

/** Names that are ours in an event and, of the observation, in the content of a ticket or message. */
const ours = {
  event: new Set(
    `system id type time time_is_observation observed_at origin version previous_event_id source_updated_at_ambiguous kinds changes derived
     ticket message event_date`.split(/\s+/),
  ),
  content: new Set(
    "system extra content_hash version last_event_id observed_at listed created_month".split(" "),
  ),
};

/** What the API calls differently. */
const apiNames: Readonly<Record<string, string>> = {
  vendor_close_time_s: "close_time",
  vendor_close_time_raw: "close_time",
  vendor_first_agent_response_time_s: "first_agent_response_time",
  vendor_first_agent_response_time_raw: "first_agent_response_time",
  source_updated_at: "updated_at",
};

/** What figures take over from the API. */
const apiNamesOfFigures: Readonly<Record<string, string>> = {
  ticket_id: "ticket_id",
  subject: "subject",
  customer_id: "customer_id",
  queue_id: "ticket_queue_id",
  queue: "ticket_queue_name",
  category: "category_id",
  source: "source",
  agent: "user_login",
  status: "full_status_name",
  priority: "custom_fields",
  created_at: "created_at",
  rating_last: "ratings",
  vendor_first_response_s: "first_agent_response_time",
  vendor_close_s: "close_time",
};

/** `from` and `type` of tickets and messages are the API's; in an event's own columns they are ours. */
function sourceOf(name: string, parent: string): string {
  if (parent === "extra") return "API, whatever it sent";
  const api = apiNameOf(name, parent);
  return api === null ? "thulium-stream" : `API, \`${api}\``;
}

/** null = ours. Structs inside figures, changes and steps are ours as a whole. */
function apiNameOf(name: string, parent: string): string | null {
  const given = apiNames[name] ?? name.replace(/_raw$/, "");
  switch (parent) {
    case "":
      return ours.event.has(name) ? null : given;
    case "ticket":
    case "message":
      return ours.content.has(name) ? null : given;
    case "custom_fields":
      return parent;
    case "figures":
      return apiNamesOfFigures[name] ?? null;
    default:
      return null;
  }
}
