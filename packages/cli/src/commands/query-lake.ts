import type { Clock, ObjectStore } from "@thulium-stream/contracts";
import { type DescribedTable, describeLake, tableViews } from "@thulium-stream/lake-writer";
import type { Settings } from "@thulium-stream/runtime";
import { openViews } from "../assembly/open-query.ts";
import { note, print } from "../terminal/console.ts";
import { spanText } from "../terminal/progress.ts";
import { renderTable } from "../terminal/table.ts";

/** Output forms of a query. */
export type QueryFormat = "table" | "csv" | "json";

/** Runs SQL over the tables and the newest snapshot, now or as they were; only views that the SQL names are brought here. */
export async function queryLake(
  sql: string,
  {
    settings,
    store,
    clock,
    format,
    asOfMs,
    signal,
  }: {
    settings: Settings;
    store: ObjectStore;
    clock: Clock;
    format: QueryFormat;
    /** Epoch milliseconds; left out = now. */
    asOfMs?: number | undefined;
    signal: AbortSignal;
  },
): Promise<void> {
  const named = (await tableViews(store, asOfMs)).filter(({ name }) =>
    new RegExp(`\\b${name}\\b`, "i").test(sql),
  );
  await using query = await openViews(settings, store, clock, named);
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

function ageText(at: string, nowMs: number): string {
  return spanText((nowMs - Date.parse(at)) / 1000);
}

/** How long ago every row of the table was current: files of which little changes wait for the daily merge. */
function wholeAge(
  { committedAt, positions, wholePositions, wholeAt }: DescribedTable,
  nowMs: number,
): string {
  if (committedAt === null) return "empty";
  const isWhole = JSON.stringify(positions) === JSON.stringify(wholePositions);
  return ageText(isWhole || wholeAt === null ? committedAt : wholeAt, nowMs);
}

/** Lists tables and snapshots. */
export async function listLake(
  store: ObjectStore,
  { json, nowMs }: { readonly json: boolean; readonly nowMs: number },
): Promise<void> {
  const lake = await describeLake(store, { fileSizes: true });
  if (json) {
    print(JSON.stringify(lake));
    return;
  }
  print(
    renderTable(
      ["table", "files", "≤1M/16M/64M/256M/more", "rows", "bytes", "states", "age", "whole", "log"],
      lake.tables.map((table) => {
        const { name, files, fileSizes, rows, bytes, states, committedAt, positions } = table;
        return [
          name,
          files,
          fileSizes?.join("/") ?? "",
          rows,
          bytes,
          states,
          committedAt === null ? "empty" : ageText(committedAt, nowMs),
          wholeAge(table, nowMs),
          Object.entries(positions)
            .map(([partition, position]) => `${partition}:${position}`)
            .join(" "),
        ];
      }),
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
