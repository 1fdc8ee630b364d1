import { type Group, groups, Totals } from "./aggregate.ts";
import { blockInside, blockTotals } from "./block-totals.ts";
import { CellTotals, type RowRange } from "./cell-totals.ts";
import { blockRows, type FigureTable } from "./figure-table.ts";
import type { Stretches } from "./stretches.ts";

/** What to look at. */
export interface ScanOptions {
  readonly stretches: Stretches;
  /** At most two. */
  readonly groups: readonly Group[];
  /** Values that a ticket must have; null = the tickets without one. */
  readonly where: Readonly<Partial<Record<Group, string | null>>>;
  /** Clocks that had run out by now are breached, whatever the record said when it was made. */
  readonly nowS: number;
}

/** Totals of one combination of group values, one per stretch. */
export interface ScannedGroup {
  readonly key: readonly (string | null)[];
  /** Tickets that were looked at. */
  readonly rows: number;
  readonly totals: readonly Totals[];
}

/** Whether a row has all values that are asked for. */
export type RowFilter = (row: number) => boolean;

/** Numbers that the distributions of one duration may take while they are gathered: 32 MiB. More groups than fit are gathered in several passes. */
const mostNumbers = 8 * 1024 * 1024;

/** A filter over the rows of a table, deleted tickets left out; null when no ticket can have what is asked for. */
export function rowFilter(
  table: FigureTable,
  where: Readonly<Partial<Record<Group, string | null>>>,
): RowFilter | null {
  const { columns, dictionaries } = table;
  const wanted: { readonly column: Uint32Array; readonly code: number }[] = [];
  for (const group of groups) {
    const text = where[group];
    if (text === undefined) continue;
    const code = dictionaries[group].find(text);
    if (code === undefined) return null;
    wanted.push({ column: columns[group], code });
  }
  const { deleted } = columns;
  return (row) => {
    if (deleted[row] !== 0) return false;
    for (const { column, code } of wanted) if (column[row] !== code) return false;
    return true;
  };
}

/** Totals per combination of group values and stretch; of one stretch of all tickets, block by block. */
export function scanTable(table: FigureTable, options: ScanOptions): readonly ScannedGroup[] {
  const { stretches, groups: by, where, nowS } = options;
  if (by.length === 0 && Object.keys(where).length === 0 && stretches.endsS.length === 1)
    return [scanBlocks(table, stretches, nowS)];
  const { groupOf, found } = groupsOfRows(table, options);
  const rows = { ...rangesOf(table, stretches, nowS), groupOf };
  const cellsOfGroup = stretches.endsS.length * (table.lastBucket + 1);
  const atOnce = Math.max(1, Math.floor(mostNumbers / cellsOfGroup));
  return found.flatMap((_, first) => {
    if (first % atOnce > 0) return [];
    const part = found.slice(first, first + atOnce);
    // The groups of the pass are counted from its first.
    if (first > 0)
      for (let row = 0; row < table.size; row += 1) groupOf[row] = Number(groupOf[row]) - atOnce;
    const cells = new CellTotals(table, part.length, stretches, nowS);
    cells.gather(rows);
    return part.map((group, at) => ({ ...group, totals: cells.totalsOf(at) }));
  });
}

/** Which rows are to be looked at, and which lie before the stretches, as far as blocks that were kept tell. */
function rangesOf(table: FigureTable, { startS, endsS }: Stretches, nowS: number) {
  const [ranges, before]: [RowRange[], RowRange[]] = [[], []];
  for (let from = 0; from < table.size; from += blockRows) {
    const range = { from, end: Math.min(table.size, from + blockRows) };
    const block = table.blocks[from / blockRows];
    const isKept = block !== undefined && block.nextDueS > nowS;
    if (!isKept || blockInside(block, startS, endsS.at(-1) ?? startS) !== "open")
      ranges.push(range);
    else if (block.open > 0) before.push(range);
  }
  return { ranges, before };
}

/** One stretch of all tickets: what whole blocks come to is kept until one of their rows changes. */
function scanBlocks(table: FigureTable, stretches: Stretches, nowS: number): ScannedGroup {
  const endS = stretches.endsS[0] ?? 0;
  const groupOf = table.scratch;
  const { created, deleted } = table.columns;
  const total = new Totals();
  let rows = 0;
  const ranges: RowRange[] = [];
  for (let from = 0; from < table.size; from += blockRows) {
    const at = from / blockRows;
    const end = Math.min(table.size, from + blockRows);
    let block = table.blocks[at];
    if (block === undefined || block.nextDueS <= nowS) {
      block = blockTotals(table, { from, end }, nowS);
      table.blocks[at] = block;
    }
    const part = blockInside(block, stretches.startS, endS);
    if (part !== null) {
      rows += block.rows;
      if (part === "all") total.merge(block.totals);
      else total.addOpen(block.open);
      continue;
    }
    for (let row = from; row < end; row += 1) {
      const isCounted = deleted[row] === 0 && (created[row] ?? 0) < endS;
      groupOf[row] = isCounted ? 0 : -1;
      if (isCounted) rows += 1;
    }
    ranges.push({ from, end });
  }
  if (ranges.length === 0) return { key: [], rows, totals: [total] };
  const cells = new CellTotals(table, 1, stretches, nowS);
  cells.gather({ ranges, before: [], groupOf });
  const [looked] = cells.totalsOf(0);
  if (looked !== undefined) total.merge(looked);
  return { key: [], rows, totals: [total] };
}

/** The group of each row, −1 for rows that are left out, and the groups in the order of their first rows. Without groups all rows are of one. */
function groupsOfRows(table: FigureTable, { groups: by, stretches, where }: ScanOptions) {
  const { created } = table.columns;
  const groupOf = table.scratch;
  const isWanted = rowFilter(table, where);
  const lastEndS = stretches.endsS.at(-1) ?? 0;
  const [first, second] = by.map((group) => table.columns[group]);
  const dictionaries = by.map((group) => table.dictionaries[group]);
  const width = dictionaries[1]?.size ?? 1;
  const found: { key: readonly (string | null)[]; rows: number }[] = [];
  if (by.length === 0) found.push({ key: [], rows: 0 });
  /** Places in `found` by the first code, then the other. */
  const places: (Int32Array | undefined)[] = [];
  const placeOf = (code: number, other: number): number => {
    let others = places[code];
    if (others === undefined) {
      others = new Int32Array(width).fill(-1);
      places[code] = others;
    }
    const held = others[other] ?? -1;
    if (held >= 0) return held;
    const codes = [code, other].slice(0, by.length);
    const key = codes.map((each, at) => dictionaries[at]?.textOf(each) ?? null);
    others[other] = found.length;
    return found.push({ key, rows: 0 }) - 1;
  };
  for (let row = 0; row < table.size; row += 1) {
    groupOf[row] = -1;
    if (isWanted === null || (created[row] ?? 0) >= lastEndS || !isWanted(row)) continue;
    const place = first === undefined ? 0 : placeOf(first[row] ?? 0, second?.[row] ?? 0);
    groupOf[row] = place;
    const group = found[place];
    if (group !== undefined) group.rows += 1;
  }
  return { groupOf, found };
}
