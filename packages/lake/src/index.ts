export * from "./encoders/bulk-encoder.ts";
export * from "./encoders/choose-encoder.ts";
export { LineAppender, type LineFiles } from "./encoders/line-file.ts";
export { isPlainRow, rowLineOf } from "./encoders/row-line.ts";
export * from "./file-cache.ts";
export * from "./maintenance/compact-table.ts";
export * from "./maintenance/expire-snapshots.ts";
export * from "./maintenance/reachable-files.ts";
export * from "./maintenance/remove-orphans.ts";
export * from "./maintenance/remove-rows.ts";
export type { RewriteDeps } from "./maintenance/rewrite-files.ts";
export * from "./merge/merge-plan.ts";
export * from "./merge/merge-policy.ts";
export type { StateChange } from "./merge/state-change.ts";
export * from "./merge/state-merge.ts";
export * from "./object-stores/object-key.ts";
export type { S3Credentials, S3Settings } from "./object-stores/s3/s3-connection.ts";
export * from "./open-object-store.ts";
export * from "./query.ts";
export * from "./table/data-file.ts";
export type { TableSpec } from "./table/next-metadata.ts";
export type { TableChange } from "./table/snapshot-draft.ts";
export {
  defaultHistory,
  type HistoryLimits,
  historyOf,
  keptSnapshots,
} from "./table/snapshot-history.ts";
export * from "./table/table.ts";
export {
  type IcebergSnapshot,
  positionsOfSnapshot,
  type TableMetadata,
  type Wholeness,
  wholePositionsOfSnapshot,
} from "./table/table-metadata.ts";
