import {
  type Column,
  type ColumnType,
  messageEvent,
  messageState,
  ticketEvent,
  ticketState,
} from "@thulium-stream/contracts";
import { z } from "zod";

/** What is read off a JSON Schema to make a column. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly pattern?: string;
  readonly description?: string;
}

/** Field ids of a nested level begin here, times the id of its column: fields may be added at the end of any level without moving others. */
const nestedIds = 100;

/**
 * The columns of a record type, from the very schema that its JSON keeps: names are equal, so that the log's own bytes can be encoded. Ids follow
 * the order of declaration; a released schema only grows at its end, which a test holds.
 */
function columnsOf(properties: Readonly<Record<string, Schema>>, firstId = 1): readonly Column[] {
  return Object.entries(properties).map(([name, schema], at) => {
    const id = firstId + at;
    return { id, name, type: typeOf(schema, id), doc: schema.description ?? "" };
  });
}

function typeOf(schema: Schema, id: number): ColumnType {
  const [only, ...more] = (schema.anyOf ?? []).filter(({ type }) => type !== "null");
  if (only !== undefined && more.length === 0) return typeOf(only, id);
  if (schema.type === "object" && schema.properties !== undefined)
    return { kind: "struct", fields: columnsOf(schema.properties, id * nestedIds + 1) };
  if (schema.type === "array" && schema.items !== undefined)
    return {
      kind: "list",
      elementId: id * nestedIds,
      element: typeOf(schema.items, id * nestedIds),
    };
  if (schema.type === "integer") return "integer";
  if (schema.type === "boolean") return "boolean";
  // Text, and whatever may be of several types, as text.
  return schema.pattern?.includes("T") ? "instant" : "text";
}

function propertiesOf(
  type: z.ZodType,
  leaveOut: readonly string[] = [],
): Readonly<Record<string, Schema>> {
  const schema = z.toJSONSchema(type) as Schema;
  const properties = schema.properties ?? schema.oneOf?.[0]?.properties ?? {};
  return Object.fromEntries(
    Object.entries(properties).filter(([name]) => !leaveOut.includes(name)),
  );
}

/** Columns of the table `ticket_events`: the event itself, the head after it in `ticket`. */
export const ticketEventColumns: readonly Column[] = columnsOf(propertiesOf(ticketEvent));
/** Columns of the table `message_events`. */
export const messageEventColumns: readonly Column[] = columnsOf(propertiesOf(messageEvent));
/** Columns of `tickets`: the current head with its hash and version; messages are a table of their own. */
export const ticketColumns: readonly Column[] = columnsOf(
  propertiesOf(ticketState, ["messages", "hash_version"]),
);
/** Columns of `messages`: the current content of each message. */
export const messageColumns: readonly Column[] = columnsOf(
  propertiesOf(messageState, ["hash_version"]),
);

/** The append tables, and the topic each is made of. */
export const eventTables = [
  { table: "ticket_events", topic: "ticket-events", columns: ticketEventColumns },
  { table: "message_events", topic: "message-events", columns: messageEventColumns },
] as const;

/** What a snapshot holds, and the compacted topic each is made of. */
export const stateTables = [
  { table: "tickets", topic: "tickets", columns: ticketColumns },
  { table: "messages", topic: "messages", columns: messageColumns },
] as const;
