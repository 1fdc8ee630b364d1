import { epochMsOf, instantOf, type StoredHistory } from "@thulium-stream/contracts";
import { groups } from "../aggregates/aggregate.ts";
import {
  countFigures,
  durationFigures,
  instantFigures,
  type TableRow,
} from "../aggregates/table-row.ts";
import { RowReader } from "./row-reader.ts";
import { RowWriter } from "./row-writer.ts";

/** Raise it when rows are written in another form: the store is then made anew from the log. */
export const rowVersion = 4;

/** What is kept of a ticket: what the table needs, and the history, from which all other figures can be made again. */
export interface KeptTicket {
  /** Its partition of `ticket-metrics`. */
  readonly partition: number;
  /** The customer whose it is now. */
  readonly customerId: string | null;
  readonly figures: TableRow;
  readonly history: StoredHistory;
}

type Kind = "count" | "number" | "instant" | "name" | "text" | "flag" | "steps";
type Head = StoredHistory["heads"][number];
type Mark = StoredHistory["messages"][number];

/** Fields of a run and of a message: one that is left out takes a bit. */
const headFields = fieldsOf<Head>({
  version: "count",
  at: "instant",
  observed_at: "instant",
  through: "count",
  last_observed_at: "instant",
  is_observation: "flag",
  deleted: "flag",
  unlisted: "flag",
  status_id: "name",
  status: "name",
  queue_id: "name",
  queue: "name",
  category: "name",
  source: "name",
  agent: "name",
  priority: "name",
  subject: "name",
  customer_id: "name",
  created_at: "instant",
  closed_at: "instant",
  updated_at: "instant",
  vendor_responded_at: "instant",
  vendor_first_response_s: "number",
  vendor_close_s: "number",
  steps: "steps",
});
const markFields = fieldsOf<Mark>({
  message_id: "text",
  at: "instant",
  observed_at: "instant",
  version: "count",
  first_observed_at: "instant",
  type: "name",
  user_login: "name",
  rating: "name",
  removed: "flag",
});

const writer = new RowWriter();

/** A ticket as the store keeps it: a tenth of its JSON. */
export function ticketRow({ partition, customerId, figures, history }: KeptTicket): Buffer {
  writer.count(partition);
  writer.name(customerId);
  writer.name(figures.rulesId);
  writer.instant(figures.asOfMs);
  for (const group of groups) writer.name(figures.groups[group]);
  for (const name of instantFigures) writer.instant(msOf(figures[name]));
  for (const name of durationFigures) writer.number(figures[name]);
  for (const name of countFigures) writer.count(figures[name]);
  writer.count(figures.next.length);
  for (const [at, value] of figures.next.entries())
    if (at % 3 === 0) writer.instant(msOf(value));
    else writer.number(value);
  writer.count(figures.stretches.length);
  for (const second of figures.stretches) writer.instant(msOf(second));
  writer.count(history.heads.length);
  for (const head of history.heads) writeFields(head, headFields);
  writer.count(history.messages.length);
  for (const mark of history.messages) writeFields(mark, markFields);
  return writer.end();
}

/** What a {@link ticketRow} holds beside the history, without reading that. */
export type RowFigures = Omit<KeptTicket, "history">;

/** Reads the figures of a {@link ticketRow}. */
export function figuresOfRow(row: Buffer): RowFigures {
  return readFigures(new RowReader(row));
}

/** Reads a {@link ticketRow}. */
export function ticketOfRow(row: Buffer): KeptTicket {
  const reader = new RowReader(row);
  const figures = readFigures(reader);
  const list = <T>(fields: Fields<T>) =>
    Array.from({ length: reader.count() }, () => readFields(reader, fields));
  return { ...figures, history: { heads: list(headFields), messages: list(markFields) } };
}

function readFigures(reader: RowReader): RowFigures {
  const partition = reader.count();
  const customerId = reader.name();
  const row: Record<string, unknown> = {
    rulesId: reader.name(),
    asOfMs: reader.instant(),
    groups: Object.fromEntries(groups.map((group) => [group, reader.name()])),
  };
  const second = () => (reader.instant() ?? 0) / 1000;
  for (const name of instantFigures) row[name] = second();
  for (const name of durationFigures) row[name] = reader.number();
  for (const name of countFigures) row[name] = reader.count();
  row["next"] = Array.from({ length: reader.count() }, (_, at) =>
    at % 3 === 0 ? second() : reader.number(),
  );
  row["stretches"] = Array.from({ length: reader.count() }, second);
  return { partition, customerId, figures: row as unknown as TableRow };
}

function msOf(second: number): number | null {
  return second === 0 ? null : second * 1000;
}

/** Names and kinds of all fields, in the order in which they are written. */
type Fields<T> = readonly (readonly [name: keyof T & string, kind: Kind])[];

function fieldsOf<T>(kinds: Record<keyof T & string, Kind>): Fields<T> {
  return Object.entries(kinds) as [keyof T & string, Kind][];
}

function writeFields<T>(value: T, fields: Fields<T>): void {
  let told = 0;
  for (const [at, [name]] of fields.entries()) if (value[name] !== undefined) told |= 1 << at;
  writer.count(told);
  for (const [name, kind] of fields) {
    const field = value[name] as unknown;
    if (field === undefined) continue;
    if (kind === "instant") writer.instant(field === null ? null : epochMsOf(field as string));
    else if (kind === "name") writer.name(field as string | null);
    else if (kind === "text") writer.text(field as string);
    else if (kind === "count") writer.count(field as number);
    else if (kind === "flag") writer.count(field === true ? 1 : 0);
    else if (kind === "steps") writer.text(JSON.stringify(field));
    // 0 = null.
    else if (field === null) writer.count(0);
    else {
      writer.count(1);
      writer.number(field as number);
    }
  }
}

function readFields<T>(reader: RowReader, fields: Fields<T>): T {
  const told = reader.count();
  const value: Record<string, unknown> = {};
  for (const [at, [name, kind]] of fields.entries())
    if ((told & (1 << at)) !== 0) value[name] = readField(reader, kind);
  return value as T;
}

function readField(reader: RowReader, kind: Kind): unknown {
  if (kind === "name") return reader.name();
  if (kind === "text") return reader.text();
  if (kind === "count") return reader.count();
  if (kind === "flag") return reader.count() === 1;
  if (kind === "steps") return JSON.parse(reader.text());
  if (kind === "number") return reader.count() === 0 ? null : reader.number();
  const ms = reader.instant();
  return ms === null ? null : instantOf(ms);
}
