import type { Column, ColumnType } from "@thulium-stream/contracts";

/** A table as the page shows it. */
export interface DocumentedTable {
  readonly table: string;
  readonly topic: string;
  readonly columns: readonly Column[];
}

/** The page `docs/lake-columns.md`: every column of every table with type, unit, meaning and source. */
export function columnsPage(tables: readonly DocumentedTable[]): string {
  const sections = tables.map(
    ({ table, topic, columns }) =>
      `## \`${table}\`\n\nMade of the topic \`${topic}\`.\n\n${head}\n${rowsOf(columns, "", "").join("\n")}`,
  );
  return `<!-- Made by the test of services/lake-writer/src/columns-page.ts (run it with -u); edits are lost. -->

# Columns of the lake

Types by Iceberg's names. Every column may be null; "no value" at the source is null, never an empty text. \`id\` is the field id, in Parquet and Iceberg alike: it never changes.
How tables and snapshots are laid out and read: [lake.md](lake.md).

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
    const meaning = (doc || meanings[name] || "").replaceAll("|", "\\|");
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

/** Names that are ours: of the event, of the observation, of the metrics. */
const ours: ReadonlySet<string> = new Set(
  `system id type time time_is_observation observed_at origin version previous_event_id source_updated_at_ambiguous kinds changes derived
   ticket message content_hash last_event_id listed event_date created_month before after field kind at from to extra`.split(
    /\s+/,
  ),
);

/** What the API calls differently. */
const apiNames: Readonly<Record<string, string>> = {
  vendor_close_time_s: "close_time",
  vendor_close_time_raw: "close_time",
  vendor_first_agent_response_time_s: "first_agent_response_time",
  vendor_first_agent_response_time_raw: "first_agent_response_time",
  source_updated_at: "updated_at",
};

/** `from` and `type` of tickets and messages are the API's; in an event's own columns they are ours. */
function sourceOf(name: string, parent: string): string {
  const isApiStruct = parent === "ticket" || parent === "message";
  const api = apiNames[name] ?? name.replace(/_raw$/, "");
  if (name === "system" || name === "extra") return "thulium-stream";
  if (["custom_fields", "extra"].includes(parent)) return `API, \`${parent}\``;
  if (["changes", "derived"].includes(parent)) return "thulium-stream";
  if (!isApiStruct && ours.has(name)) return "thulium-stream";
  return `API, \`${api}\``;
}

/** What the schemas of nested fields leave unsaid. */
const meanings: Readonly<Record<string, string>> = {
  kind: "What the step was",
  from: "Value before the step",
  to: "Value after the step",
  name: "Name",
  value: "Value; JSON text for anything that is no text",
};
