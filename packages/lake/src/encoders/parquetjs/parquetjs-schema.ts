import type { Column, ColumnType } from "@thulium-stream/contracts";
import type { FieldDefinition } from "parquetjs-lite";
import { type JsonRow, textOf } from "../row-check.ts";

/**
 * Fields as parquetjs-lite wants them. Statistics only on top-level integers and instants: on text its bounds are in
 * UTF-16 order, so readers that skip by them lose rows.
 */
export function fieldsOf(columns: readonly Column[], top = true): Record<string, FieldDefinition> {
  return Object.fromEntries(columns.map(({ name, type }) => [name, fieldOf(type, top)]));
}

function fieldOf(type: ColumnType, top: boolean): FieldDefinition {
  if (typeof type === "string") {
    const statistics = top && (type === "integer" || type === "instant");
    return { type: leafTypes[type], optional: true, compression: "GZIP", statistics };
  }
  if (type.kind === "struct") return { optional: true, fields: fieldsOf(type.fields, false) };
  // The three levels of the Parquet specification's LIST.
  const list = { repeated: true, fields: { element: fieldOf(type.element, false) } };
  return { type: "LIST", optional: true, fields: { list } };
}

const leafTypes = {
  text: "UTF8",
  integer: "INT_64",
  boolean: "BOOLEAN",
  instant: "TIMESTAMP_MICROS",
} as const;

/**
 * Compiles the change of a checked row into what parquetjs-lite shreds: lists as `{ list: [{ element }] }`, instants as
 * Date. It counts distinct Dates by identity, so `dateOf` should return one object for equal texts.
 */
export function recordOf(
  columns: readonly Column[],
  dateOf: (instant: string) => Date,
): (row: JsonRow) => object {
  const shape = shapeOf({ kind: "struct", fields: columns }, dateOf);
  return (row) => shape(row) as object;
}

function shapeOf(type: ColumnType, dateOf: (text: string) => Date): (value: unknown) => unknown {
  if (type === "text") return (value) => (value == null ? null : textOf(value));
  if (type === "instant") return (value) => (value == null ? null : dateOf(value as string));
  if (typeof type === "string") return (value) => value;
  if (type.kind === "list") {
    const shape = shapeOf(type.element, dateOf);
    return (value) =>
      value == null
        ? null
        : { list: (value as readonly unknown[]).map((item) => ({ element: shape(item) })) };
  }
  const fields = type.fields.map(({ name, type }) => ({ name, shape: shapeOf(type, dateOf) }));
  return (value) => {
    if (value == null) return null;
    const record: Record<string, unknown> = {};
    for (const { name, shape } of fields) record[name] = shape((value as JsonRow)[name]);
    return record;
  };
}
