import { join } from "node:path";
import type { Clock, ObjectStore } from "@thulium-stream/contracts";
import { openFileCache, openLakeQuery } from "@thulium-stream/lake";
import { describeLake, lakeViews } from "@thulium-stream/lake-writer";
import { newId, type Settings } from "@thulium-stream/runtime";
import { note, print } from "../terminal/console.ts";
import { renderTable } from "../terminal/table.ts";

/** Output forms of a query. */
export type QueryFormat = "table" | "csv" | "json";

/** Runs SQL over the newest snapshot (`tickets`, `messages`) and the event tables (`ticket_events`, `message_events`). */
export async function queryLake(
  sql: string,
  {
    settings,
    store,
    clock,
    format,
    signal,
  }: {
    settings: Settings;
    store: ObjectStore;
    clock: Clock;
    format: QueryFormat;
    signal: AbortSignal;
  },
): Promise<void> {
  const cache = openFileCache({
    url: settings.LAKE_URL,
    store,
    folder: join(settings.STATE_DIR, "lake-cache"),
    clock,
    newId,
  });
  const views = await lakeViews(store);
  // One call for all views: the next call may evict what an earlier one brought.
  const paths = await cache.pathsOf(views.flatMap(({ objects }) => objects));
  const starts = views.map((_, index) =>
    views.slice(0, index).reduce((sum, { objects }) => sum + objects.length, 0),
  );
  const local = views.map(({ name, objects, columns }, index) => {
    const start = starts[index] ?? 0;
    return { name, columns, files: paths.slice(start, start + objects.length) };
  });
  await using query = await openLakeQuery({ views: local });
  const { columns, rows, truncated } = await query.run(sql, { signal });
  print(
    rendered(
      columns.map(({ name }) => name),
      rows,
      format,
    ),
  );
  if (truncated)
    note(`only the first ${rows.length} rows are shown; add a LIMIT, or write the rest with COPY`);
}

function rendered(
  names: readonly string[],
  rows: readonly (readonly unknown[])[],
  format: QueryFormat,
): string {
  if (format === "table") return renderTable(names, rows);
  if (format === "csv")
    return [names, ...rows].map((row) => row.map(csvCell).join(",")).join("\r\n");
  return rows
    .map((row) => JSON.stringify(Object.fromEntries(names.map((name, at) => [name, row[at]]))))
    .join("\n");
}

function csvCell(value: unknown): string {
  const text =
    value === null || value === undefined
      ? ""
      : typeof value === "string"
        ? value
        : JSON.stringify(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Lists tables and snapshots. */
export async function listLake(store: ObjectStore, json: boolean): Promise<void> {
  const lake = await describeLake(store);
  if (json) {
    print(JSON.stringify(lake));
    return;
  }
  print(
    renderTable(
      ["table", "files", "rows", "bytes", "last commit"],
      lake.tables.map(({ name, files, rows, bytes, committedAt }) => [
        name,
        files,
        rows,
        bytes,
        committedAt,
      ]),
    ),
  );
  print("");
  print(
    renderTable(
      ["snapshot", "table", "files", "rows", "bytes", "complete"],
      lake.snapshots.map(({ at, table, files, rows, bytes, complete }) => [
        at,
        table,
        files,
        rows,
        bytes,
        complete ? "yes" : "no",
      ]),
    ),
  );
}
