import { Totals } from "./aggregate.ts";
import { CellTotals, type RowRange } from "./cell-totals.ts";
import { clockColumns, type FigureTable } from "./figure-table.ts";
import { NextResponsePool } from "./next-response-pool.ts";

/** What a block of rows comes to over all time, kept until one of them changes: a stretch that holds all its instants need not look at its rows again. */
export interface BlockTotals {
  readonly totals: Totals;
  readonly rows: number;
  /** Open tickets. */
  readonly open: number;
  /** The first and the last instant of anything that counts, in seconds. */
  readonly minS: number;
  readonly maxS: number;
  /** When the next clock that still runs runs out: then the block counts another breach. */
  readonly nextDueS: number;
}

/** What a block adds to a stretch without a look at its rows: all of it, only its open tickets because it lies before, or, when it must be looked at, null. */
export function blockInside(
  { minS, maxS }: BlockTotals,
  startS: number,
  endS: number,
): "all" | "open" | null {
  if (maxS >= endS) return null;
  if (minS >= startS) return "all";
  return maxS < startS ? "open" : null;
}

/** From the first second on: 0 stands for what never happened. */
const ever = { startS: 1, endsS: [Number.POSITIVE_INFINITY] };

/** Makes a block's totals. */
export function blockTotals(
  table: FigureTable,
  { from, end }: RowRange,
  nowS: number,
): BlockTotals {
  const { columns, next, scratch: groupOf } = table;
  const span = { minS: Number.POSITIVE_INFINITY, maxS: 0, nextDueS: Number.POSITIVE_INFINITY };
  const reach = (second: number) => {
    if (second === 0) return;
    if (second < span.minS) span.minS = second;
    if (second > span.maxS) span.maxS = second;
  };
  const instants = [
    columns.created,
    columns.responded,
    columns.resolved,
    columns.ended,
    columns.createdKnown,
    columns.respondedKnown,
    columns.resolvedKnown,
  ];
  let [rows, open] = [0, 0];
  for (let row = from; row < end; row += 1) {
    groupOf[row] = -1;
    if (columns.deleted[row] !== 0) continue;
    groupOf[row] = 0;
    rows += 1;
    if (columns.ended[row] === 0) open += 1;
    for (const column of instants) reach(column[row] ?? 0);
    for (const second of table.stretches.get(row) ?? []) reach(second);
    let entry = (next.starts[row] ?? 0) * NextResponsePool.width;
    for (let left = next.counts[row] ?? 0; left > 0; left -= 1) {
      reach((next.entries[entry] ?? 0) >>> 0);
      entry += NextResponsePool.width;
    }
    for (const { state, due } of clockColumns) {
      const [code, dueS] = [columns[state][row] ?? 0, columns[due][row] ?? 0];
      if (code === 3 && dueS > nowS) span.nextDueS = Math.min(span.nextDueS, dueS);
      else if (code !== 0) reach(dueS);
    }
  }
  const cells = new CellTotals(table, 1, ever, nowS);
  cells.gather({ ranges: [{ from, end }], before: [], groupOf });
  const [totals = new Totals()] = cells.totalsOf(0);
  return { totals, rows, open, ...span };
}
