import type { Column, ColumnType } from "@thulium-stream/contracts";

/** Metadata of an Iceberg v2 table without rows, partitioned by the day of one column: what a sink that wants a typed table is given. */
export function emptyIcebergTable(options: {
  readonly location: string;
  readonly columns: readonly Column[];
  readonly dayColumn: string;
}): object {
  const { location, columns, dayColumn } = options;
  const sourceId = columns.find(({ name }) => name === dayColumn)?.id;
  return {
    "format-version": 2,
    "table-uuid": "3c4de3f4-6e1f-4f4a-9d52-0e5f4f0f8a11",
    location,
    "last-sequence-number": 0,
    "last-updated-ms": 0,
    "last-column-id": 1_000_000,
    schemas: [{ type: "struct", "schema-id": 0, fields: fieldsOf(columns) }],
    "current-schema-id": 0,
    "partition-specs": [
      {
        "spec-id": 0,
        fields: [{ name: "day", transform: "day", "source-id": sourceId, "field-id": 1_000_001 }],
      },
    ],
    "default-spec-id": 0,
    "last-partition-id": 1_000_001,
    "sort-orders": [{ "order-id": 0, fields: [] }],
    "default-sort-order-id": 0,
    properties: { "write.format.default": "parquet" },
    snapshots: [],
  };
}

function fieldsOf(columns: readonly Column[]): object[] {
  return columns.map(({ id, name, type }) => ({ id, name, required: false, type: typeOf(type) }));
}

function typeOf(type: ColumnType): unknown {
  if (typeof type === "string") return leafTypes[type];
  if (type.kind === "struct") return { type: "struct", fields: fieldsOf(type.fields) };
  return {
    type: "list",
    "element-id": type.elementId,
    "element-required": false,
    element: typeOf(type.element),
  };
}

const leafTypes = {
  text: "string",
  integer: "long",
  boolean: "boolean",
  instant: "timestamptz",
} as const;
