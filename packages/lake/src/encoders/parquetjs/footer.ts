import type { Column, ColumnType } from "@thulium-stream/contracts";
import thrift from "parquetjs-lite/gen-nodejs/parquet_types.js";
import util from "parquetjs-lite/lib/util.js";

/** What the footer says beside the schema. */
export interface FooterFacts {
  readonly rows: number;
  /** Row groups as parquetjs-lite collected them. */
  readonly rowGroups: readonly unknown[];
}

/**
 * The file's last section. parquetjs-lite's own has neither field ids nor logical types; this one has both, so
 * Iceberg finds columns by id, and every reader sees instants as UTC microseconds and counts on the order of bounds.
 */
export function footerOf(columns: readonly Column[], { rows, rowGroups }: FooterFacts): Buffer {
  const root = element({ name: "root", num_children: columns.length });
  const schema = [root, ...columns.flatMap(({ name, id, type }) => elementsOf(name, id, type))];
  const metadata = util.serializeThrift(
    new thrift.FileMetaData({
      version: 1,
      created_by: "thulium-stream (parquetjs-lite)",
      num_rows: rows,
      row_groups: rowGroups,
      schema,
      column_orders: columns.flatMap(({ type }) => ordersOf(type)),
    }),
  );
  const end = Buffer.alloc(8);
  end.writeUInt32LE(metadata.length);
  end.write("PAR1", 4);
  return Buffer.concat([metadata, end]);
}

/** Schema elements of a column and what is in it, depth first: the order of the column chunks. */
function elementsOf(name: string, id: number, type: ColumnType): object[] {
  const optional = { name, field_id: id, repetition_type: thrift.FieldRepetitionType["OPTIONAL"] };
  if (typeof type === "string") return [element({ ...optional, ...leaves[type]() })];
  if (type.kind === "struct")
    return [
      element({ ...optional, num_children: type.fields.length }),
      ...type.fields.flatMap((field) => elementsOf(field.name, field.id, field.type)),
    ];
  return [
    element({
      ...optional,
      num_children: 1,
      converted_type: thrift.ConvertedType["LIST"],
      logicalType: new thrift.LogicalType({ LIST: new thrift.ListType() }),
    }),
    element({
      name: "list",
      num_children: 1,
      repetition_type: thrift.FieldRepetitionType["REPEATED"],
    }),
    ...elementsOf("element", type.elementId, type.element),
  ];
}

const leaves = {
  text: () => ({
    type: thrift.Type["BYTE_ARRAY"],
    converted_type: thrift.ConvertedType["UTF8"],
    logicalType: new thrift.LogicalType({ STRING: new thrift.StringType() }),
  }),
  integer: () => ({
    type: thrift.Type["INT64"],
    converted_type: thrift.ConvertedType["INT_64"],
    logicalType: new thrift.LogicalType({
      INTEGER: new thrift.IntType({ bitWidth: 64, isSigned: true }),
    }),
  }),
  boolean: () => ({ type: thrift.Type["BOOLEAN"] }),
  instant: () => ({
    type: thrift.Type["INT64"],
    converted_type: thrift.ConvertedType["TIMESTAMP_MICROS"],
    logicalType: new thrift.LogicalType({
      TIMESTAMP: new thrift.TimestampType({
        isAdjustedToUTC: true,
        unit: new thrift.TimeUnit({ MICROS: new thrift.MicroSeconds() }),
      }),
    }),
  }),
} as const;

/** One order per leaf: bounds are in the order of the type. */
function ordersOf(type: ColumnType): object[] {
  if (typeof type === "string")
    return [new thrift.ColumnOrder({ TYPE_ORDER: new thrift.TypeDefinedOrder() })];
  return type.kind === "struct"
    ? type.fields.flatMap((field) => ordersOf(field.type))
    : ordersOf(type.element);
}

function element(fields: object): object {
  return new thrift.SchemaElement(fields);
}
