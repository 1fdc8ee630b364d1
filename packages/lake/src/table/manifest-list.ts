import { optional, required } from "./avro-field.ts";
import { decodeAvro, encodeAvro } from "./avro-file.ts";
import type { SnapshotId } from "./data-file.ts";
import { corrupt, entryStatus, type ManifestEntry } from "./manifest.ts";

/** A line of a manifest list, as Avro has it. */
export interface ManifestFile {
  readonly manifest_path: string;
  readonly manifest_length: number;
  readonly partition_spec_id: number;
  /** 0 = data, 1 = row-level deletes, which this project never writes. */
  readonly content: number;
  readonly sequence_number: number;
  readonly min_sequence_number: number;
  readonly added_snapshot_id: SnapshotId;
  readonly added_files_count: number;
  readonly existing_files_count: number;
  readonly deleted_files_count: number;
  readonly added_rows_count: number;
  readonly existing_rows_count: number;
  readonly deleted_rows_count: number;
  readonly partitions: readonly FieldSummary[] | null;
}

interface FieldSummary {
  readonly contains_null: boolean;
  readonly contains_nan: boolean | null;
  readonly lower_bound: Uint8Array | null;
  readonly upper_bound: Uint8Array | null;
}

/** Avro schema of a manifest list (Iceberg spec, "Manifest Lists"). */
const schema = {
  type: "record",
  name: "manifest_file",
  fields: [
    required("manifest_path", 500, "string"),
    required("manifest_length", 501, "long"),
    required("partition_spec_id", 502, "int"),
    required("content", 517, "int"),
    required("sequence_number", 515, "long"),
    required("min_sequence_number", 516, "long"),
    required("added_snapshot_id", 503, "long"),
    required("added_files_count", 504, "int"),
    required("existing_files_count", 505, "int"),
    required("deleted_files_count", 506, "int"),
    required("added_rows_count", 512, "long"),
    required("existing_rows_count", 513, "long"),
    required("deleted_rows_count", 514, "long"),
    optional("partitions", 507, {
      type: "array",
      "element-id": 508,
      items: {
        type: "record",
        name: "r508",
        fields: [
          required("contains_null", 509, "boolean"),
          optional("contains_nan", 518, "boolean"),
          optional("lower_bound", 510, "bytes"),
          optional("upper_bound", 511, "bytes"),
        ],
      },
    }),
    optional("key_metadata", 519, "bytes"),
  ],
};

/** Bytes of a manifest list. */
export function encodeManifestList(
  manifests: readonly ManifestFile[],
  snapshot: {
    readonly id: SnapshotId;
    readonly parentId: SnapshotId | null;
    readonly sequenceNumber: number;
  },
): Buffer {
  return encodeAvro(schema, manifests, {
    "snapshot-id": String(snapshot.id),
    "parent-snapshot-id": String(snapshot.parentId),
    "sequence-number": String(snapshot.sequenceNumber),
    "format-version": "2",
  });
}

/** Lines of a manifest list. @throws Failure `CorruptRecord` naming the key. */
export async function decodeManifestList(
  key: string,
  bytes: Uint8Array,
): Promise<readonly ManifestFile[]> {
  try {
    return (await decodeAvro(bytes)) as unknown as readonly ManifestFile[];
  } catch (cause) {
    throw corrupt(key, "it cannot be read as Avro", cause);
  }
}

/** The line of a manifest that a snapshot writes. `sequence_number` belongs to the attempt and is set with it. */
export function manifestFileOf(
  entries: readonly ManifestEntry[],
  place: { readonly uri: string; readonly bytes: number; readonly partition: string },
  snapshot: { readonly id: SnapshotId; readonly sequenceNumber: number },
): ManifestFile {
  const of = (status: number) => entries.filter((entry) => entry.status === status);
  const rows = (some: readonly ManifestEntry[]) =>
    some.reduce((sum, { data_file: { record_count } }) => sum + record_count, 0);
  const [added, existing, deleted] = [
    of(entryStatus.added),
    of(entryStatus.existing),
    of(entryStatus.deleted),
  ];
  const live = [...added, ...existing];
  const sequences = live.map(({ sequence_number }) => sequence_number ?? snapshot.sequenceNumber);
  return {
    manifest_path: place.uri,
    manifest_length: place.bytes,
    partition_spec_id: 0,
    content: 0,
    sequence_number: snapshot.sequenceNumber,
    min_sequence_number: sequences.reduce(
      (least, each) => Math.min(least, each),
      snapshot.sequenceNumber,
    ),
    added_snapshot_id: snapshot.id,
    added_files_count: added.length,
    existing_files_count: existing.length,
    deleted_files_count: deleted.length,
    added_rows_count: rows(added),
    existing_rows_count: rows(existing),
    deleted_rows_count: rows(deleted),
    partitions: [summaryOf(entries.map(({ data_file }) => data_file.partition[place.partition]))],
  };
}

/** Entries of a manifest by its line: what was added, existed and was deleted. */
export function entriesOf(file: ManifestFile): number {
  return file.added_files_count + file.existing_files_count + file.deleted_files_count;
}

function summaryOf(values: readonly unknown[]): FieldSummary {
  const texts = values
    .filter((value) => typeof value === "string")
    .map((value) => Buffer.from(value))
    .sort(Buffer.compare);
  return {
    contains_null: texts.length < values.length,
    contains_nan: null,
    lower_bound: texts[0] ?? null,
    upper_bound: texts.at(-1) ?? null,
  };
}
