import { type BoundValue, type Column, type ColumnStats, Failure } from "@thulium-stream/contracts";
import { optional, required } from "./avro-field.ts";
import { decodeAvro, encodeAvro } from "./avro-file.ts";
import { decodeBound, encodeBound, type LeafType } from "./bound.ts";
import type { DataFile, SnapshotId } from "./data-file.ts";
import { type IcebergSchema, schemaOf } from "./iceberg-schema.ts";
import { partitionFieldId } from "./table-metadata.ts";

/** What became of a file in the snapshot that wrote a manifest entry. */
export const entryStatus = { existing: 0, added: 1, deleted: 2 } as const;

/** An entry of a manifest, as Avro has it: fields of other engines survive a rewrite. */
export interface ManifestEntry {
  readonly status: number;
  readonly snapshot_id: SnapshotId | null;
  /** null = the sequence number of the manifest itself. */
  readonly sequence_number: number | null;
  readonly file_sequence_number: number | null;
  readonly data_file: IcebergDataFile;
}

/** A pair of a map with integer keys, which Avro has as a list. */
interface Pair<T> {
  readonly key: number;
  readonly value: T;
}

/** `data_file` of the spec's manifest schema. */
export interface IcebergDataFile {
  readonly content: number;
  readonly file_path: string;
  readonly file_format: string;
  readonly partition: Readonly<Record<string, unknown>>;
  readonly record_count: number;
  readonly file_size_in_bytes: number;
  readonly value_counts: readonly Pair<number>[] | null;
  readonly null_value_counts: readonly Pair<number>[] | null;
  readonly lower_bounds: readonly Pair<Uint8Array>[] | null;
  readonly upper_bounds: readonly Pair<Uint8Array>[] | null;
  readonly sort_order_id: number | null;
}

const list = (id: number, items: unknown) => ({ type: "array", items, "element-id": id });
const pairs = (keyId: number, valueId: number, value: unknown) => ({
  type: "array",
  logicalType: "map",
  items: {
    type: "record",
    name: `k${keyId}_v${valueId}`,
    fields: [required("key", keyId, "int"), required("value", valueId, value)],
  },
});

/** Avro schema of a manifest (Iceberg spec, "Manifests") of a table that is partitioned by one text column. */
function manifestSchema(partition: string): object {
  const dataFile = {
    type: "record",
    name: "r2",
    fields: [
      required("content", 134, "int"),
      required("file_path", 100, "string"),
      required("file_format", 101, "string"),
      required("partition", 102, {
        type: "record",
        name: "r102",
        fields: [optional(partition, partitionFieldId, "string")],
      }),
      required("record_count", 103, "long"),
      required("file_size_in_bytes", 104, "long"),
      optional("column_sizes", 108, pairs(117, 118, "long")),
      optional("value_counts", 109, pairs(119, 120, "long")),
      optional("null_value_counts", 110, pairs(121, 122, "long")),
      optional("nan_value_counts", 137, pairs(138, 139, "long")),
      optional("lower_bounds", 125, pairs(126, 127, "bytes")),
      optional("upper_bounds", 128, pairs(129, 130, "bytes")),
      optional("key_metadata", 131, "bytes"),
      optional("split_offsets", 132, list(133, "long")),
      optional("equality_ids", 135, list(136, "int")),
      optional("sort_order_id", 140, "int"),
    ],
  };
  return {
    type: "record",
    name: "manifest_entry",
    fields: [
      required("status", 0, "int"),
      optional("snapshot_id", 1, "long"),
      optional("sequence_number", 3, "long"),
      optional("file_sequence_number", 4, "long"),
      required("data_file", 2, dataFile),
    ],
  };
}

/** What describes the table in a manifest's own header. */
export interface ManifestTable {
  readonly schema: IcebergSchema;
  /** Name of the partition column. */
  readonly partition: string;
  readonly partitionFields: readonly object[];
}

/** Bytes of a manifest. */
export function encodeManifest(table: ManifestTable, entries: readonly ManifestEntry[]): Buffer {
  return encodeAvro(manifestSchema(table.partition), entries, {
    schema: JSON.stringify(table.schema),
    "schema-id": String(table.schema["schema-id"]),
    "partition-spec": JSON.stringify(table.partitionFields),
    "partition-spec-id": "0",
    "format-version": "2",
    content: "data",
  });
}

/** Entries of a manifest. @throws Failure `CorruptRecord` naming the key when it cannot be read or lacks entries. */
export async function decodeManifest(
  key: string,
  bytes: Uint8Array,
  expected: number,
): Promise<readonly ManifestEntry[]> {
  let entries: readonly unknown[];
  try {
    entries = await decodeAvro(bytes);
  } catch (cause) {
    throw corrupt(key, "it cannot be read as Avro", cause);
  }
  if (entries.length !== expected)
    throw corrupt(key, `it has ${entries.length} entries, its list says ${expected}`);
  return entries as readonly ManifestEntry[];
}

/** A failure that names an unreadable file of a table's metadata. */
export function corrupt(key: string, what: string, cause?: unknown): Failure {
  return new Failure("CorruptRecord", `${key} is damaged: ${what}`, {
    ...(cause === undefined ? {} : { cause }),
    advice: "Restore it from a backup or the bucket's versions; without either see docs/lake.md.",
  });
}

/** A new file as a manifest has it. */
export function icebergFileOf(
  file: DataFile,
  { columns, partition, uri }: { columns: readonly Column[]; partition: string; uri: string },
): IcebergDataFile {
  const types = leafTypesOf(columns);
  const pair = <T>(of: (stats: ColumnStats, type: LeafType) => T | null) =>
    file.columns.flatMap((stats) => {
      const type = types.get(stats.id);
      const value = type === undefined ? null : of(stats, type);
      return value === null ? [] : [{ key: stats.id, value }];
    });
  const bound = (side: "lower" | "upper") =>
    pair((stats, type) =>
      stats[side] === null ? null : encodeBound(type, stats[side] as BoundValue, side),
    );
  return {
    content: 0,
    file_path: uri,
    file_format: "PARQUET",
    partition: { [partition]: file.partition },
    record_count: file.rows,
    file_size_in_bytes: file.bytes,
    value_counts: pair(() => file.rows),
    null_value_counts: pair(({ nulls }) => nulls),
    lower_bounds: bound("lower"),
    upper_bounds: bound("upper"),
    sort_order_id: file.sorted ? 1 : null,
  };
}

/** A file of a manifest as the rest of the code sees it. */
export function dataFileOf(
  file: IcebergDataFile,
  { columns, partition, key }: { columns: readonly Column[]; partition: string; key: string },
): DataFile {
  const types = leafTypesOf(columns);
  const boundIn = (id: number, type: LeafType, bounds: readonly Pair<Uint8Array>[] | null) => {
    const bytes = bounds?.find((pair) => pair.key === id)?.value;
    return bytes === undefined ? null : decodeBound(type, bytes);
  };
  const stats = (file.null_value_counts ?? []).flatMap(({ key: id, value: nulls }) => {
    const type = types.get(id);
    if (type === undefined) return [];
    const lower = boundIn(id, type, file.lower_bounds);
    return [{ id, nulls, lower, upper: boundIn(id, type, file.upper_bounds) }];
  });
  return {
    key,
    partition: (file.partition[partition] as string | null | undefined) ?? null,
    rows: file.record_count,
    bytes: file.file_size_in_bytes,
    columns: stats,
    sorted: file.sort_order_id === 1,
  };
}

function leafTypesOf(columns: readonly Column[]): ReadonlyMap<number, LeafType> {
  return new Map(
    columns.flatMap(({ id, type }) => (typeof type === "string" ? [[id, type] as const] : [])),
  );
}

/** The schema that manifests carry. */
export function manifestTable(columns: readonly Column[], schemaId: number, partition: string) {
  const source = columns.find(({ name }) => name === partition)?.id ?? 0;
  return {
    schema: schemaOf(columns, schemaId),
    partition,
    partitionFields: [partitionFieldOf(partition, source)],
  };
}

/** The one field of the partition spec. */
export function partitionFieldOf(name: string, sourceId: number) {
  return { name, transform: "identity", "source-id": sourceId, "field-id": partitionFieldId };
}
