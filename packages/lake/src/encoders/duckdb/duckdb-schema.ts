import type { Column, ColumnType } from "@thulium-stream/contracts";

/** A name as an SQL identifier. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Text as an SQL literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The SQL type of a column: instants are TIMESTAMP WITH TIME ZONE, which Parquet stores as UTC microseconds. */
export function sqlTypeOf(type: ColumnType): string {
  if (typeof type === "string") return leafTypes[type];
  if (type.kind === "list") return `${sqlTypeOf(type.element)}[]`;
  const fields = type.fields.map((field) => `${identifier(field.name)} ${sqlTypeOf(field.type)}`);
  return `STRUCT(${fields.join(", ")})`;
}

const leafTypes = {
  text: "VARCHAR",
  integer: "BIGINT",
  boolean: "BOOLEAN",
  instant: "TIMESTAMP WITH TIME ZONE",
} as const;

/** A selection without rows that has the columns with their types. */
export function emptySelectionOf(columns: readonly Column[]): string {
  const typed = columns.map(
    ({ name, type }) => `CAST(NULL AS ${sqlTypeOf(type)}) AS ${identifier(name)}`,
  );
  return `SELECT ${typed.join(", ")} WHERE false`;
}

/** Columns for `read_json(columns = …)`. */
export function jsonColumnsOf(columns: readonly Column[]): string {
  const entries = columns.map(({ name, type }) => `${literal(name)}: ${literal(sqlTypeOf(type))}`);
  return `{${entries.join(", ")}}`;
}

/** Field ids for `COPY … (FIELD_IDS …)`, nested ones included. */
export function fieldIdsOf(columns: readonly Column[]): string {
  return `{${columns.map(({ name, id, type }) => `${literal(name)}: ${fieldIdOf(id, type)}`).join(", ")}}`;
}

function fieldIdOf(id: number, type: ColumnType): string {
  if (typeof type === "string") return String(id);
  const nested =
    type.kind === "list"
      ? `element: ${fieldIdOf(type.elementId, type.element)}`
      : fieldIdsOf(type.fields).slice(1, -1);
  return `{__duckdb_field_id: ${id}, ${nested}}`;
}
