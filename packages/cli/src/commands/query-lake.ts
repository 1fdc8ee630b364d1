import type { Clock, ObjectStore } from "@thulium-stream/contracts";
import {
  type DescribedSnapshot,
  type DescribedTable,
  describeLake,
  fileSizeBounds,
  tableViews,
} from "@thulium-stream/lake-writer";
import type { Settings } from "@thulium-stream/runtime";
import { openViews } from "../assembly/open-query.ts";
import { note, print } from "../terminal/console.ts";
import { grouped, sizeText, spanText } from "../terminal/progress.ts";
import { renderTable } from "../terminal/table.ts";

/** Output forms of a query. */
export type QueryFormat = "table" | "csv" | "json";

/** SQL that may come by a table without naming it. */
const composed = /\bquery(_table)?\s*\(/i;

/** Runs SQL over the tables and the newest snapshot, now or as they were; only files of views that the SQL names are brought here, the others are empty. */
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
  const all = await tableViews(store, asOfMs);
  const isNamed = (name: string) =>
    composed.test(sql) || new RegExp(`\\b${name}\\b`, "i").test(sql);
  const views = all.map((view) => (isNamed(view.name) ? view : { ...view, objects: [] }));
  const bare = all.filter(({ name, objects }) => isNamed(name) && objects.length === 0);
  if (bare.length > 0)
    note(
      bareText(bare.map(({ name }) => name).join(", "), settings.LAKE_URL, asOfMs !== undefined),
    );
  await using query = await openViews(settings, store, clock, views);
  const { columns, rows, truncated } = await query.run(sql, { signal });
  const names = columns.map(({ name }) => name);
  const text = rendered(names, rows, format);
  if (text !== "") print(text);
  if (truncated)
    note(
      `only the first ${grouped(rows.length)} rows are shown; all of them: COPY (SELECT …) TO 'rows.csv'`,
    );
}

/** A table without files is no mistake, but 0 rows of it may be one. */
function bareText(names: string, url: string, isOfThen: boolean): string {
  return isOfThen
    ? `without rows in ${url} as of then: ${names}. Nothing was there yet, or states of then are no longer kept (TABLE_HISTORY_RETAIN, SNAPSHOT_RETAIN).`
    : `without rows in ${url}: ${names}`;
}

/** The result as text; JSON is a line for each row, so none without rows. Pure. */
export function rendered(
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
  { url, json, nowMs }: { readonly url: string; readonly json: boolean; readonly nowMs: number },
): Promise<void> {
  const lake = await describeLake(store, { fileSizes: true });
  if (json) {
    print(JSON.stringify(lake));
    return;
  }
  print(`${tableOfTables(lake.tables, nowMs)}\n`);
  if (lake.snapshots.length > 0) print(tableOfSnapshots(lake.snapshots));
  else print("no snapshots yet: one is made each day, and by `lake snapshot`");
  if (lake.tables.every(({ committedAt }) => committedAt === null))
    note(`\nnothing is in ${url} yet: \`run\` or \`lake-writer\` fills it`);
}

/** Tables as `lake ls` shows them. Pure. */
export function tableOfTables(tables: readonly DescribedTable[], nowMs: number): string {
  return renderTable(
    ["table", "files", "of them", "rows", "size", "states", "age", "whole", "log positions"],
    tables.map((table) => {
      const { name, files, fileSizes, rows, bytes, states, committedAt, positions } = table;
      return [
        name,
        grouped(files),
        sizesText(fileSizes ?? []),
        grouped(rows),
        sizeText(bytes),
        states,
        committedAt === null ? "empty" : ageText(committedAt, nowMs),
        wholeAge(table, nowMs),
        Object.entries(positions)
          .map(([partition, position]) => `${partition}:${position}`)
          .join(" "),
      ];
    }),
    ["files", "rows", "size", "age", "whole"],
  );
}

/** Files by size: `12 ≤1 MB, 3 ≤16 MB`; sizes that no file has are left out. */
function sizesText(groups: readonly number[]): string {
  return groups
    .flatMap((files, at) => {
      const [bound, below = 0] = [fileSizeBounds[at], fileSizeBounds[at - 1]];
      const size = bound === undefined ? `>${sizeText(below)}` : `≤${sizeText(bound)}`;
      return files === 0 ? [] : `${grouped(files)} ${size}`;
    })
    .join(", ");
}

function tableOfSnapshots(snapshots: readonly DescribedSnapshot[]): string {
  return renderTable(
    ["snapshot", "table", "files", "rows", "size", "complete"],
    snapshots.map(({ at, table, files, rows, bytes, complete }) => [
      at,
      table,
      grouped(files),
      complete ? grouped(rows) : null,
      sizeText(bytes),
      complete ? "yes" : "no",
    ]),
    ["files", "rows", "size"],
  );
}
