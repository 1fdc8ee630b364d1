export * from "./columns.ts";
export { type LakeSearch, searchLake } from "./erasure/search-lake.ts";
export * from "./lake-catalog.ts";
export * from "./lake-writer.ts";
export { type MergeDeps, type MergeSummary, mergeTable } from "./merge-table.ts";
export { type SnapshotManifest, type SnapshotSummary, snapshotFolder } from "./snapshot.ts";
export type { TableStatus } from "./table-writer.ts";
