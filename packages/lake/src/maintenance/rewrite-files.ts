import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, type Column, Failure, type ObjectStore } from "@thulium-stream/contracts";
import type { ParquetRewriter, Rewritten, RowKey } from "../encoders/duckdb/parquet-rewriter.ts";
import type { FileCache } from "../file-cache.ts";
import { compareText } from "../table/bound.ts";
import type { DataFile, LiveFile } from "../table/data-file.ts";
import type { TableChange } from "../table/snapshot-draft.ts";
import type { CommitOutcome, Table } from "../table/table.ts";
import { partitionOf, type TableMetadata } from "../table/table-metadata.ts";

/** What rewriting a table's files needs. */
export interface RewriteDeps {
  readonly store: ObjectStore;
  readonly rewriter: ParquetRewriter;
  /** Brings files of the table to local paths. */
  readonly cache: FileCache;
  /** Local folder for files on their way. */
  readonly tempFolder: string;
  readonly clock: Pick<Clock, "now">;
  readonly newId: () => string;
}

/** How files are rewritten. */
export interface FileRewrite {
  readonly partition: string | null;
  /** Live files of this partition: they go, and one new file comes. */
  readonly files: readonly LiveFile[];
  /** `replace` lays the same rows out anew, `overwrite` leaves some out. */
  readonly operation: "replace" | "overwrite";
  /** Rows that are left out. */
  readonly without?: readonly RowKey[];
  /** Further entries of the snapshot's summary. */
  readonly summary?: TableChange["summary"];
}

/**
 * Makes one sorted file of a partition's live files and commits the exchange. When one of them is no longer live, nothing is committed (`conflict`) and the work is to
 * be planned anew; the new file stays an orphan, since a commit of unknown outcome may name it. The table's positions stay as they are.
 */
export async function rewriteFiles(
  table: Table,
  deps: RewriteDeps,
  rewrite: FileRewrite,
): Promise<{ readonly outcome: CommitOutcome; readonly rows: number; readonly bytes: number }> {
  const { store, cache, tempFolder, clock, newId } = deps;
  const { partition, files, operation, without = [], summary = {} } = rewrite;
  const metadata = metadataOf(table);
  const paths = await cache.pathsOf(files);
  const id = newId();
  const path = join(tempFolder, `${id}.parquet`);
  await mkdir(tempFolder, { recursive: true });
  try {
    const made = await deps.rewriter.rewrite({
      inputs: paths.map((local, at) => ({ path: local, sorted: files[at]?.sorted ?? false })),
      path,
      columns: table.columns.filter(({ name }) => name !== partitionOf(metadata)),
      sort: sortColumnsOf(metadata, table.columns),
      without,
    });
    checkRows(made, files, table.name);
    const key = `${table.files.folder}/data/${partitionOf(metadata)}=${partition ?? "__HIVE_DEFAULT_PARTITION__"}/${id}.parquet`;
    const writtenAtMs = clock.now();
    if (made.rows > 0) await store.put(key, { file: path });
    const added: DataFile[] =
      made.rows === 0
        ? []
        : [
            {
              key,
              partition,
              rows: made.rows,
              bytes: made.bytes,
              columns: made.stats,
              sorted: true,
            },
          ];
    const outcome = await table.commit({
      operation: added.length === 0 ? "delete" : operation,
      added,
      removed: files.map((file) => file.key),
      writtenAtMs,
      summary,
    });
    return { outcome, rows: made.rows, bytes: made.bytes };
  } finally {
    await rm(path, { force: true });
  }
}

/** Which of a table's files may hold a row of these keys, by their bounds. Pure. */
export function filesThatMayHold<File extends DataFile>(
  files: readonly File[],
  columns: readonly Column[],
  keys: readonly RowKey[],
): readonly File[] {
  const idOf = new Map(columns.map(({ name, id }) => [name, id]));
  const mayEqual = (file: DataFile, name: string, value: string) => {
    const stats = file.columns.find(({ id }) => id === idOf.get(name));
    if (stats === undefined) return true;
    const { lower, upper } = stats;
    const isBelow = typeof lower === "string" && compareText(value, lower) < 0;
    const isAbove = typeof upper === "string" && compareText(value, upper) > 0;
    return !isBelow && !isAbove;
  };
  return files.filter((file) =>
    keys.some((key) => Object.entries(key).every(([name, value]) => mayEqual(file, name, value))),
  );
}

function metadataOf(table: Table): TableMetadata {
  if (table.metadata === null)
    throw new Failure("Invariant", `the table ${table.name} does not exist`);
  return table.metadata;
}

function sortColumnsOf(metadata: TableMetadata, columns: readonly Column[]): readonly string[] {
  const order = metadata["sort-orders"].find(
    (each) => (each as { "order-id"?: number })["order-id"] === metadata["default-sort-order-id"],
  ) as { readonly fields?: readonly { readonly "source-id": number }[] } | undefined;
  const ids = (order?.fields ?? []).map((field) => field["source-id"]);
  return ids.flatMap((id) => columns.find((column) => column.id === id)?.name ?? []);
}

/** What the table says of its files must be what is in them: else nothing is exchanged. */
function checkRows({ rowsBefore }: Rewritten, files: readonly DataFile[], table: string): void {
  const stated = files.reduce((sum, { rows }) => sum + rows, 0);
  if (rowsBefore !== stated)
    throw new Failure(
      "CorruptRecord",
      `files of the table ${table} have ${rowsBefore} rows, its manifests say ${stated}`,
      { advice: "Run `lake verify`, and restore what it names from the bucket's versions." },
    );
}
