import {
  catalogue,
  eventHeaders,
  kindMeanings,
  type PublishedRecord,
  type PublishedTopic,
  topicSpec,
} from "./catalogue.ts";
import { type JsonSchema, jsonSchemaOf } from "./json-schema.ts";

/** The page `docs/events.md`: topics, headers, kinds, and every record with fields and an example. */
export function eventsPage(): string {
  const [heads = "", ...records] = [
    introduction(),
    ...catalogue.filter((topic) => topic.records.length > 0).map((topic) => section(topic)),
  ];
  return `${[heads, ...records].join("\n\n")}\n`;
}

function introduction(): string {
  const topicRows = catalogue.map(({ topic, summary, key }) => {
    const { partitions, cleanUp } = topicSpec(topic);
    const keeps =
      cleanUp.by === "time" ? `${cleanUp.retentionMs / 86_400_000} days` : "newest per key";
    return [`\`${topic}\``, summary, key, String(partitions), keeps];
  });
  return `<!-- Made by \`npm run contracts\` from packages/contracts; edits are lost. -->

# Events

What lies on the log, for whoever reads it. The same as JSON Schema 2020-12 and AsyncAPI 3.0: [packages/contracts/schema](../packages/contracts/schema).
How to read it with other clients: [consuming.md](consuming.md).

## Topics

On Kafka each name has \`TOPIC_PREFIX\` (\`thulium.\`) in front. Everything is written in transactions: read with \`isolation.level=read_committed\`.
The ticket topics are partitioned alike, by murmur2 of \`<system>:<ticket_id>\` (the default of Java's client), so that all about one ticket lies in
partitions of one number, in order.

${table(["Topic", "What", "Key", "Partitions", "Keeps"], topicRows)}

## What stays the same

The major version of a record is in \`ce_dataschema\` (1 where there is none). Within a major, fields are added and never removed, renamed or retyped: pass over
fields that you do not know. Types of events may be added: pass over those, too. A record of a newer major is not to be guessed at: set it aside.

"No value" is always \`null\`, an empty list \`[]\`. Instants are UTC text with milliseconds, so that text order is time order. Ids are text.

A record whose header \`ce_dataref\` names a key is too large for the log: its value is a [claim](../packages/contracts/schema/claim.json), and the body lies under that key in the
lake's object store. Our own readers fetch it when they are given the lake.

Events come at least once to a subscriber, exactly once to the log: \`id\` tells them apart, and \`previous_event_id\` makes the events of a ticket (or of a message) a chain.

## Headers of events

[CloudEvents 1.0](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md), binary mode: attributes are headers, the value is the event.

${table(
  ["Header", "Meaning", "Example"],
  eventHeaders.map(({ name, meaning, example }) => [`\`${name}\``, meaning, `\`${example}\``]),
)}

## Kinds

The meaning of a ticket's change; one event has one or more.

${table(
  ["Kind", "Meaning"],
  Object.entries(kindMeanings).map(([kind, meaning]) => [`\`${kind}\``, meaning]),
)}`;
}

function section(topic: PublishedTopic): string {
  const tombstone =
    topic.tombstone === undefined ? "" : ` A record without value: ${topic.tombstone}`;
  return [
    `## ${topic.title}: \`${topic.topic}\``,
    `${topic.summary} Key: ${topic.key}.${tombstone}`,
    ...sharedFields(topic),
    ...topic.records.map((record) => recordPart(record, topic)),
  ].join("\n\n");
}

/** The events of a topic have the same fields: they are told once. */
function sharedFields({ isCloudEvent, records }: PublishedTopic): string[] {
  const [first] = records;
  return isCloudEvent && first !== undefined
    ? [
        `All of them have these fields; \`type\` is its own in each:\n\n${fieldTables(jsonSchemaOf(first))}`,
      ]
    : [];
}

function recordPart(record: PublishedRecord, { isCloudEvent }: PublishedTopic): string {
  const key = record.key === undefined ? "" : ` Key: ${record.key}.`;
  return [
    `### \`${isCloudEvent ? "thulium." : ""}${record.name}\``,
    `${record.summary}${key} Schema: [${record.name}.json](../packages/contracts/schema/${record.name}.json).`,
    ...(isCloudEvent ? [] : [fieldTables(jsonSchemaOf(record))]),
    ...(record.example === undefined ? [] : [exampleBlock(record.example)]),
  ].join("\n\n");
}

/** One line per field of the outermost object, so that an example can be taken in at a glance. */
function exampleBlock(example: unknown): string {
  const lines = Object.entries(example as object).map(
    ([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`,
  );
  return `\`\`\`json\n{\n${lines.join(",\n")}\n}\n\`\`\``;
}

/** A table of an object's fields, and one more for each object inside it. */
function fieldTables(schema: JsonSchema): string {
  const variants = alternatives(schema);
  if (variants.length > 1) return variants.map(fieldTables).join("\n\n");
  const rows = Object.entries(schema.properties ?? {}).map(([name, field]) => [
    `\`${name}\``,
    typeOf(field),
    escaped(field.description ?? ""),
  ]);
  const inner = Object.entries(schema.properties ?? {}).flatMap(([name, field]) =>
    objectsIn(field).map((object) => `In \`${name}\`:\n\n${fieldTables(object)}`),
  );
  return [table(["Field", "Type", "Meaning"], rows), ...inner].join("\n\n");
}

function alternatives(schema: JsonSchema): JsonSchema[] {
  return (schema["anyOf"] ?? schema["oneOf"] ?? [schema]) as JsonSchema[];
}

function objectsIn(field: JsonSchema): JsonSchema[] {
  return alternatives(field).flatMap((each) => {
    if (each.properties !== undefined) return [each];
    return each["items"] === undefined ? [] : objectsIn(each["items"] as JsonSchema);
  });
}

function typeOf(field: JsonSchema): string {
  if (field["const"] !== undefined) return `\`${JSON.stringify(field["const"])}\``;
  if (field["enum"] !== undefined) {
    const values = field["enum"] as string[];
    return values.length > 6 ? "text" : values.map((value) => `\`"${value}"\``).join(", ");
  }
  if (field["anyOf"] !== undefined || field["oneOf"] !== undefined)
    return [...new Set(alternatives(field).map(typeOf))].join(" or ");
  if (field["type"] === "array") return `list of ${typeOf(field["items"] as JsonSchema)}`;
  if (String(field["pattern"] ?? "").includes("T\\d")) return "instant";
  const types = [field["type"]].flat().map((type) => words[String(type)] ?? String(type));
  return types.join(" or ");
}

const words: Readonly<Record<string, string>> = {
  string: "text",
  integer: "whole number",
  boolean: "true or false",
};

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n");
}

function escaped(text: string): string {
  return text.replaceAll("|", "\\|");
}
