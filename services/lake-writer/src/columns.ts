import {
  type Column,
  type ColumnType,
  messageEvent,
  messageState,
  ticketEvent,
  ticketMetrics,
  ticketState,
} from "@thulium-stream/contracts";
import type { HistoryLimits, TableSpec } from "@thulium-stream/lake";
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

/** Columns of `ticket_metrics`: a ticket's figures, without the history that they are folded from. */
export const ticketMetricsColumns: readonly Column[] = columnsOf(
  propertiesOf(ticketMetrics, ["history"]),
);

/** A column by whose value a table's files are laid out. It stands in the folder's name and in the table's metadata, not in the files. Ids from here on are such columns'. */
const partitionColumn = (name: string, doc: string): Column => ({
  id: 90,
  name,
  type: "text",
  doc,
});

/** Partition column of the append tables. */
export const eventDateColumn = partitionColumn(
  "event_date",
  "UTC day on which the change was observed, YYYY-MM-DD",
);
/** Partition column of the current-state tables. */
export const createdMonthColumn = partitionColumn(
  "created_month",
  "UTC month in which the ticket was created, YYYY-MM; `unknown` when the source does not say",
);

/** What a table of the lake is made of. */
export interface LakeTable {
  readonly table: string;
  /** The one topic it is made of. */
  readonly topic: string;
  /** Columns of its files. */
  readonly columns: readonly Column[];
  /** The column that is in the folder's name. */
  readonly partition: Column;
  /** Columns that sorted files are sorted by. */
  readonly sort: readonly string[];
}

/** A table of the current state: one row a key. */
export interface StateTable extends LakeTable {
  /** Names of the columns that make up the key of its records, in its order. */
  readonly key: readonly string[];
}

const byDay = { partition: eventDateColumn, sort: ["ticket_id", "system"] } as const;
const byTicket = {
  partition: createdMonthColumn,
  sort: ["ticket_id", "system"],
  key: ["system", "ticket_id"],
} as const;
const byMessage = {
  partition: createdMonthColumn,
  sort: ["ticket_id", "system", "message_id"],
  key: ["system", "ticket_id", "message_id"],
} as const;

/** The append tables: every event, once. */
export const eventTables = [
  { table: "ticket_events", topic: "ticket-events", columns: ticketEventColumns, ...byDay },
  { table: "message_events", topic: "message-events", columns: messageEventColumns, ...byDay },
] as const satisfies readonly LakeTable[];

/** The current-state tables that one append changes together, made of compacted topics: the newest record of each key, nothing for a tombstone. */
export const stateTables = [
  { table: "tickets", topic: "tickets", columns: ticketColumns, ...byTicket },
  { table: "messages", topic: "messages", columns: messageColumns, ...byMessage },
] as const satisfies readonly StateTable[];

/** The figures of each ticket, made by the metrics service from the events. */
export const ticketMetricsTable = {
  table: "ticket_metrics",
  topic: "ticket-metrics",
  columns: ticketMetricsColumns,
  ...byTicket,
} as const satisfies StateTable;

/** The current-state tables: those that are merged, and that snapshots hold. */
export const mergedTables = [
  ...stateTables,
  ticketMetricsTable,
] as const satisfies readonly StateTable[];

/** Every table of the lake. */
export const lakeTables: readonly LakeTable[] = [...eventTables, ...mergedTables];

/** A table as the lake keeps it: the partition column among its columns. */
export function tableSpecOf(
  { topic, columns, partition, sort }: LakeTable,
  history?: HistoryLimits,
): TableSpec {
  return {
    topic,
    columns: [...columns, partition],
    partition: partition.name,
    sort,
    ...(history === undefined ? {} : { history }),
  };
}
