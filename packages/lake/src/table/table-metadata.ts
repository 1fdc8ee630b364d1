import { type Column, Failure } from "@thulium-stream/contracts";
import { isSafeNumber, parse, stringify } from "lossless-json";
import type { Positions, SnapshotId } from "./data-file.ts";
import { columnsOfSchema, type IcebergSchema } from "./iceberg-schema.ts";

/** Table metadata of Iceberg format version 2 (spec, "Table Metadata"). Fields of other engines survive a rewrite. */
export interface TableMetadata {
  readonly "format-version": 2;
  readonly "table-uuid": string;
  readonly location: string;
  readonly "last-sequence-number": number;
  readonly "last-updated-ms": number;
  readonly "last-column-id": number;
  readonly "current-schema-id": number;
  readonly schemas: readonly IcebergSchema[];
  readonly "default-spec-id": number;
  readonly "partition-specs": readonly {
    readonly "spec-id": number;
    readonly fields: readonly PartitionField[];
  }[];
  readonly "last-partition-id": number;
  readonly "default-sort-order-id": number;
  readonly "sort-orders": readonly object[];
  readonly properties: Readonly<Record<string, string>>;
  /** −1 while there is none. */
  readonly "current-snapshot-id": SnapshotId;
  readonly refs: Readonly<Record<string, SnapshotRef>>;
  readonly snapshots: readonly IcebergSnapshot[];
  readonly "snapshot-log": readonly SnapshotLogEntry[];
  readonly "metadata-log": readonly {
    readonly "timestamp-ms": number;
    readonly "metadata-file": string;
  }[];
}

/** A field of a partition spec. */
export interface PartitionField {
  readonly name: string;
  readonly transform: string;
  readonly "source-id": number;
  readonly "field-id": number;
}

/** A named snapshot: the branch `main`, or a tag. */
export interface SnapshotRef {
  readonly "snapshot-id": SnapshotId;
  readonly type: "branch" | "tag";
  readonly "max-ref-age-ms"?: number;
}

/** A state of the table. */
export interface IcebergSnapshot {
  readonly "snapshot-id": SnapshotId;
  readonly "parent-snapshot-id"?: SnapshotId;
  readonly "sequence-number": number;
  readonly "timestamp-ms": number;
  readonly "manifest-list": string;
  readonly summary: Readonly<Record<string, string>> & { readonly operation: string };
  readonly "schema-id"?: number;
}

interface SnapshotLogEntry {
  readonly "timestamp-ms": number;
  readonly "snapshot-id": SnapshotId;
}

/** Id of the one partition field: where Iceberg's partition fields begin. */
export const partitionFieldId = 1000;

/** Names of our own table properties and summary entries. */
export const names = {
  /** The one topic that the table is made of. */
  topic: "thulium.topic",
  /** JSON object: next position per partition of the topic, all of them in every commit. */
  positions: "thulium.positions",
  /** JSON object like {@link positions}: up to where every row is current. Written by merges, which may put off some files; missing = as the positions. */
  wholePositions: "thulium.whole-positions",
  /** ISO instant at which the log was last read to its end and every row brought to it. */
  wholeAt: "thulium.whole-at",
  /** Made by the writer; tells its own commit from another's after a PUT of unknown outcome. */
  commitId: "thulium.commit-id",
  /** Version of what these properties mean: 1. */
  format: "thulium.format-version",
  nameMapping: "schema.name-mapping.default",
} as const;

/** Version of this project's use of Iceberg. */
export const formatVersion = "1";

/** Bytes of a metadata file. */
export function encodeMetadata(metadata: TableMetadata): Uint8Array {
  return new TextEncoder().encode(stringify(metadata) ?? "");
}

/** Metadata from its bytes. @throws Failure `CorruptRecord` naming the key; `InvalidSettings` for a foreign or newer table. */
export function decodeMetadata(key: string, bytes: Uint8Array): TableMetadata {
  let parsed: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    // Snapshot ids of other engines have 63 bits.
    parsed = parse(text, null, (digits) =>
      isSafeNumber(digits) ? Number(digits) : BigInt(digits),
    );
  } catch (cause) {
    throw new Failure("CorruptRecord", `${key} is damaged: it cannot be read as JSON`, {
      cause,
      advice: "Restore it from a backup or the bucket's versions; without either see docs/lake.md.",
    });
  }
  return checked(key, parsed as Partial<TableMetadata> | null);
}

function checked(key: string, metadata: Partial<TableMetadata> | null): TableMetadata {
  const version: unknown = metadata?.["format-version"];
  const properties = metadata?.properties ?? {};
  const ours = properties[names.format];
  if (typeof version !== "number" || ours === undefined || properties[names.topic] === undefined)
    throw new Failure(
      "InvalidSettings",
      `LAKE_URL holds a table of something else at ${key}. Choose another prefix.`,
    );
  if (ours !== formatVersion)
    throw new Failure(
      "InvalidSettings",
      `LAKE_URL was written by a newer version (${key} has format ${ours}, this one writes ${formatVersion}). Use that version.`,
    );
  if (version !== 2)
    throw new Failure(
      "InvalidSettings",
      `${key} has Iceberg format version ${version}, this version writes 2: another engine upgraded the table. Restore an older metadata file or choose another LAKE_URL.`,
    );
  const parts = ["schemas", "snapshots", "partition-specs", "location"] as const;
  const missing = parts.find((part) => metadata?.[part] === undefined);
  if (missing !== undefined)
    throw new Failure("CorruptRecord", `${key} is damaged: it has no ${missing}`, {
      advice: "Restore it from a backup or the bucket's versions; without either see docs/lake.md.",
    });
  return { refs: {}, "snapshot-log": [], "metadata-log": [], ...metadata } as TableMetadata;
}

/** The columns of the table now. */
export function columnsOf(metadata: TableMetadata): readonly Column[] {
  const schema = metadata.schemas.find(
    (each) => each["schema-id"] === metadata["current-schema-id"],
  );
  return schema === undefined ? [] : columnsOfSchema(schema);
}

/** Name of the partition column. */
export function partitionOf(metadata: TableMetadata): string {
  return metadata["partition-specs"][0]?.fields[0]?.name ?? "";
}

/** The log positions that the table covers. @throws Failure `CorruptRecord` when another engine destroyed the property. */
export function positionsOf({ properties }: Pick<TableMetadata, "properties">): Positions {
  try {
    return JSON.parse(properties[names.positions] ?? "") as Positions;
  } catch (cause) {
    throw new Failure(
      "CorruptRecord",
      `the table property ${names.positions} is ${JSON.stringify(properties[names.positions])}, which is no map of positions`,
      { cause, advice: "Set it to that of the newest snapshot's summary." },
    );
  }
}

/** The log positions that the table covered as of a snapshot; empty for one of another engine. */
export function positionsOfSnapshot({ summary }: IcebergSnapshot): Positions {
  const text = summary[names.positions];
  return text === undefined ? {} : (JSON.parse(text) as Positions);
}

/** How far every row is current: some files of a table may be ahead of it, by {@link positionsOf} at most. */
export interface Wholeness {
  readonly positions: Positions;
  /** When the log was last read to its end and everything brought to it, epoch milliseconds; null for a table that no merge has told it of. */
  readonly atMs: number | null;
}

/** How far every row of the table is current. @throws Failure `CorruptRecord` when another engine destroyed the property. */
export function wholenessOf(metadata: Pick<TableMetadata, "properties">): Wholeness {
  const { [names.wholePositions]: text, [names.wholeAt]: at } = metadata.properties;
  const positions =
    text === undefined
      ? positionsOf(metadata)
      : positionsOf({ properties: { [names.positions]: text } });
  return { positions, atMs: at === undefined ? null : Date.parse(at) };
}

/** The same of an older state; one that does not tell it is current everywhere. */
export function wholePositionsOfSnapshot(snapshot: IcebergSnapshot): Positions {
  const text = snapshot.summary[names.wholePositions];
  return text === undefined ? positionsOfSnapshot(snapshot) : (JSON.parse(text) as Positions);
}

/** Properties that tell it. */
export function wholenessProperties({
  positions,
  atMs,
}: Wholeness): Readonly<Record<string, string>> {
  return {
    [names.wholePositions]: JSON.stringify(positions),
    ...(atMs === null ? {} : { [names.wholeAt]: new Date(atMs).toISOString() }),
  };
}

/** The newest snapshot; null while nothing was written. */
export function currentSnapshot(metadata: TableMetadata): IcebergSnapshot | null {
  const id = metadata["current-snapshot-id"];
  return metadata.snapshots.find((snapshot) => snapshot["snapshot-id"] === id) ?? null;
}
