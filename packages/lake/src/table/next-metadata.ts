import type { Column } from "@thulium-stream/contracts";
import { idsOf, nameMappingOf, schemaOf } from "./iceberg-schema.ts";
import { partitionFieldOf } from "./manifest.ts";
import {
  defaultHistory,
  type HistoryLimits,
  historyOf,
  historyProperties,
  keptSnapshots,
  livingRefs,
  withSnapshots,
} from "./snapshot-history.ts";
import {
  formatVersion,
  type IcebergSnapshot,
  names,
  partitionFieldId,
  type TableMetadata,
} from "./table-metadata.ts";

/** What a table is to be. */
export interface TableSpec {
  /** The one topic that it is made of. */
  readonly topic: string;
  readonly columns: readonly Column[];
  /** Name of the text column by whose value its files are laid out: `data/<name>=<value>/`. */
  readonly partition: string;
  /** Names of the columns that sorted files are sorted by. */
  readonly sort: readonly string[];
  /** Which snapshots it keeps. Left out: as the table says, at first {@link defaultHistory}. */
  readonly history?: HistoryLimits;
}

/** Older metadata files that the newest one names. */
const metadataLogLength = 100;

/** The first metadata of a table: no rows, no positions. Pure. */
export function firstMetadata(
  spec: TableSpec,
  place: { readonly location: string; readonly uuid: string; readonly nowMs: number },
): TableMetadata {
  const { topic, columns, partition, sort } = spec;
  const idOf = (name: string) => columns.find((column) => column.name === name)?.id ?? 0;
  return {
    "format-version": 2,
    "table-uuid": place.uuid,
    location: place.location,
    "last-sequence-number": 0,
    "last-updated-ms": place.nowMs,
    "last-column-id": Math.max(...idsOf(columns)),
    "current-schema-id": 0,
    schemas: [schemaOf(columns, 0)],
    "default-spec-id": 0,
    "partition-specs": [{ "spec-id": 0, fields: [partitionFieldOf(partition, idOf(partition))] }],
    "last-partition-id": partitionFieldId,
    "default-sort-order-id": 1,
    "sort-orders": [
      { "order-id": 0, fields: [] },
      {
        "order-id": 1,
        fields: sort.map((name) => ({
          transform: "identity",
          "source-id": idOf(name),
          direction: "asc",
          "null-order": "nulls-last",
        })),
      },
    ],
    properties: {
      [names.format]: formatVersion,
      [names.topic]: topic,
      [names.positions]: "{}",
      [names.nameMapping]: JSON.stringify(nameMappingOf(columns)),
      "write.format.default": "parquet",
      "write.parquet.compression-codec": "zstd",
      ...historyProperties(spec.history ?? defaultHistory),
    },
    "current-snapshot-id": -1,
    refs: {},
    snapshots: [],
    "snapshot-log": [],
    "metadata-log": [],
  };
}

/** Metadata with other columns: a new schema that becomes the current one. Pure. */
export function withColumns(metadata: TableMetadata, columns: readonly Column[]): TableMetadata {
  const id = Math.max(...metadata.schemas.map((schema) => schema["schema-id"])) + 1;
  return {
    ...metadata,
    "last-column-id": Math.max(metadata["last-column-id"], ...idsOf(columns)),
    "current-schema-id": id,
    schemas: [...metadata.schemas, schemaOf(columns, id)],
    properties: {
      ...metadata.properties,
      [names.nameMapping]: JSON.stringify(nameMappingOf(columns)),
    },
  };
}

/** Metadata that says which snapshots the table keeps; null when it does already. Pure. */
export function withHistory(metadata: TableMetadata, history: HistoryLimits): TableMetadata | null {
  const wanted = Object.entries(historyProperties(history));
  return wanted.every(([name, value]) => metadata.properties[name] === value)
    ? null
    : { ...metadata, properties: { ...metadata.properties, ...Object.fromEntries(wanted) } };
}

/** Metadata with a new newest snapshot and the table properties that come with it; old snapshots fall out by the limits. Pure. */
export function withSnapshot(
  metadata: TableMetadata,
  snapshot: IcebergSnapshot,
  properties: Readonly<Record<string, string>>,
): TableMetadata {
  const id = snapshot["snapshot-id"];
  const nowMs = snapshot["timestamp-ms"];
  const main = { "snapshot-id": id, type: "branch" as const };
  const refs = { ...livingRefs(metadata, nowMs), main };
  const added: TableMetadata = {
    ...metadata,
    "last-sequence-number": snapshot["sequence-number"],
    "current-snapshot-id": id,
    refs,
    properties: { ...metadata.properties, ...properties },
    snapshots: [...metadata.snapshots, snapshot],
    "snapshot-log": [
      ...metadata["snapshot-log"],
      { "timestamp-ms": snapshot["timestamp-ms"], "snapshot-id": id },
    ],
  };
  return withSnapshots(added, keptSnapshots(added.snapshots, refs, historyOf(metadata), nowMs));
}

/** Metadata as the next version of a table writes it: dated, and naming the file before it. Pure. */
export function nextVersion(
  metadata: TableMetadata,
  before: { readonly file: string; readonly updatedAtMs: number },
  nowMs: number,
): TableMetadata {
  const log = [
    ...metadata["metadata-log"],
    { "timestamp-ms": before.updatedAtMs, "metadata-file": before.file },
  ];
  return {
    ...metadata,
    "last-updated-ms": nowMs,
    "metadata-log": log.slice(-metadataLogLength),
  };
}
