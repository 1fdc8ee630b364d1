import { createHash } from "node:crypto";
import type { Column, ColumnType } from "@thulium-stream/contracts";

/** Rows and their checksum: what every reader must come to. */
export interface RowChecksum {
  readonly rows: number;
  readonly checksum: string;
}

/** The checksum that `checksum.py` makes of what a reader read, here of the rows as the log has them (JSON). */
export function rowChecksum(columns: readonly Column[], rows: Iterable<object>): RowChecksum {
  let [count, total] = [0, 0n];
  for (const row of rows) {
    const text = JSON.stringify(plainStruct(columns, row));
    total += createHash("sha256").update(text).digest().readBigUInt64BE();
    count += 1;
  }
  return { rows: count, checksum: String(total % 2n ** 64n) };
}

/** Column types as the Python scripts want them. */
export function typesByName(columns: readonly Column[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(columns.map(({ name, type }) => [name, pythonType(type)]));
}

function pythonType(type: ColumnType): unknown {
  if (typeof type === "string") return type;
  return type.kind === "list"
    ? { element: pythonType(type.element) }
    : { fields: typesByName(type.fields) };
}

function plainStruct(columns: readonly Column[], row: object): unknown[] {
  const values = row as Readonly<Record<string, unknown>>;
  return columns.map(({ name, type }) => plain(type, values[name]));
}

function plain(type: ColumnType, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (type === "instant") return String(BigInt(Date.parse(String(value))) * 1000n);
  if (type === "integer") return String(value);
  if (type === "text") return typeof value === "string" ? value : JSON.stringify(value);
  if (typeof type === "string") return value;
  if (type.kind === "struct") return plainStruct(type.fields, value as object);
  return (value as readonly unknown[]).map((element) => plain(type.element, element));
}
