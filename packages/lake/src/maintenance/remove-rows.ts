import { Failure } from "@thulium-stream/contracts";
import type { RowKey } from "../encoders/duckdb/parquet-rewriter.ts";
import type { Table } from "../table/table.ts";
import { filesThatMayHold, type RewriteDeps, rewriteFiles } from "./rewrite-files.ts";

/** What {@link removeRows} did. */
export interface RemovedRows {
  readonly rows: number;
  /** Files that held some of them. */
  readonly files: number;
}

/** Times that the files are looked through anew because another commit came first. */
const mostRounds = 20;

/**
 * Writes every live file that holds a row of these keys anew without it, until none does. Older snapshots still have the rows: `expireSnapshots` with `noHistory` takes
 * them, and the objects that only they named. Rows that are appended meanwhile are not looked at: whoever erases stops their source first.
 * @throws Failure `Unavailable` when other commits come first again and again.
 */
export async function removeRows(
  table: Table,
  deps: RewriteDeps,
  keys: readonly RowKey[],
): Promise<RemovedRows> {
  let [rows, files] = [0, 0];
  for (let round = 0; round < mostRounds; round += 1) {
    await table.refresh();
    let isDone = true;
    for (const file of filesThatMayHold(await table.liveFiles(), table.columns, keys)) {
      const held = await deps.rewriter.count(await deps.cache.pathsOf([file]), keys);
      if (held === 0) continue;
      const { outcome } = await rewriteFiles(table, deps, {
        partition: file.partition,
        files: [file],
        operation: "overwrite",
        without: keys,
      });
      if (outcome === "committed") [rows, files] = [rows + held, files + 1];
      else isDone = false;
    }
    if (isDone) return { rows, files };
  }
  throw new Failure("Unavailable", `other commits to the table ${table.name} came first each time`);
}
