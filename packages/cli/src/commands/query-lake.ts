import type { Clock, ObjectStore } from "@thulium-stream/contracts";
import { describeLake } from "@thulium-stream/lake-writer";
import type { Settings } from "@thulium-stream/runtime";
import { openQuery } from "../assembly/open-query.ts";
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
  await using query = await openQuery(settings, store, clock);
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
