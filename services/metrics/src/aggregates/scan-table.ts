import { type Group, groups, Totals } from "./aggregate.ts";
import { blockInside, blockTotals } from "./block-totals.ts";
import { blockRows, clockColumns, type FigureTable } from "./figure-table.ts";
import { NextResponsePool } from "./next-response-pool.ts";

/** Consecutive stretches of time. Instants are seconds since 1970-01-01T00:00Z. */
export interface Stretches {
  /** Ends, each the start of the next; exclusive. */
  readonly endsS: readonly number[];
  readonly startS: number;
}

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
  rows: number;
  readonly totals: readonly Totals[];
}

/** Whether a row has all values that are asked for. */
export type RowFilter = (row: number) => boolean;

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

/** Totals per combination of group values and stretch, in one pass over the table; of one stretch of all tickets, block by block. */
export function scanTable(table: FigureTable, options: ScanOptions): readonly ScannedGroup[] {
  const isWanted = rowFilter(table, options.where);
  const { groupOf, found } = groupFinder(table, options);
  if (isWanted === null) return found;
  const lastEndS = options.stretches.endsS.at(-1) ?? 0;
  const { created } = table.columns;
  const add = rowAdder(table, options);
  const takeBlock = blockTaker(table, options, found);
  for (let from = 0; from < table.size; from += blockRows) {
    if (takeBlock(from / blockRows)) continue;
    const end = Math.min(table.size, from + blockRows);
    for (let row = from; row < end; row += 1) {
      if ((created[row] ?? 0) >= lastEndS || !isWanted(row)) continue;
      const group = groupOf(row);
      group.rows += 1;
      add(row, group);
    }
  }
  for (const { totals, open } of found) {
    let backlog = 0;
    for (const [at, total] of totals.entries()) {
      backlog += open[at] ?? 0;
      total.backlog = backlog;
    }
  }
  return found;
}

/** Takes whole blocks over where the question allows it; tells whether it did. */
function blockTaker(
  table: FigureTable,
  { stretches, groups: by, where, nowS }: ScanOptions,
  found: readonly OpenGroup[],
): (block: number) => boolean {
  const [group, endS] = [found[0], stretches.endsS[0] ?? 0];
  const total = group?.totals[0];
  if (by.length > 0 || Object.keys(where).length > 0 || stretches.endsS.length !== 1)
    return () => false;
  if (group === undefined || total === undefined) return () => false;
  // From the first second on: 0 stands for what never happened.
  const ever = { startS: 1, endsS: [Number.POSITIVE_INFINITY] };
  const addRow = rowAdder(table, { stretches: ever, groups: [], where: {}, nowS });
  const open = new Int32Array(2);
  return (at) => {
    let block = table.blocks[at];
    if (block === undefined || block.nextDueS <= nowS) {
      block = blockTotals(table, at, nowS, (row, totals) =>
        addRow(row, { key: [], rows: 0, totals, open }),
      );
      table.blocks[at] = block;
    }
    const part = blockInside(block, stretches.startS, endS);
    if (part === null) return false;
    group.rows += block.rows;
    group.open[0] = (group.open[0] ?? 0) + block.open;
    if (part === "all") total.merge(block.totals);
    return true;
  };
}

/** A group while it is gathered: by how much its backlog changes from stretch to stretch. */
interface OpenGroup extends ScannedGroup {
  readonly open: Int32Array;
}

/** Adds one row to the totals of its group. */
function rowAdder(
  table: FigureTable,
  { nowS, stretches }: ScanOptions,
): (row: number, group: OpenGroup) => void {
  const { columns, next, stretches: reopened, hasTargets } = table;
  const { created, responded, resolved, ended } = columns;
  const { createdKnown, respondedKnown, resolvedKnown, reopens } = columns;
  const { response, responseBucket, responseBusiness, responseBusinessBucket } = columns;
  const { resolution, resolutionBucket, resolutionBusiness, resolutionBusinessBucket } = columns;
  const { starts, counts, entries } = next;
  const placeOf = placeFinder(stretches);
  const addClocks = clockAdder(table, placeOf, nowS);
  const addOpen = openAdder(stretches, placeOf);
  return (row, { totals, open }) => {
    const createdS = created[row] ?? 0;
    const createdIn = at(totals, placeOf(createdS));
    if (createdIn !== undefined) {
      createdIn.created += 1;
      createdIn.addKnown(createdKnown[row] ?? 0);
    }
    const respondedIn = at(totals, placeOf(responded[row] ?? 0));
    if (respondedIn !== undefined) {
      respondedIn.addKnown(respondedKnown[row] ?? 0);
      add(respondedIn, 0, response[row], responseBucket[row]);
      add(respondedIn, 1, responseBusiness[row], responseBusinessBucket[row]);
    }
    const resolvedIn = at(totals, placeOf(resolved[row] ?? 0));
    if (resolvedIn !== undefined) {
      const times = reopens[row] ?? 0;
      resolvedIn.addKnown(resolvedKnown[row] ?? 0);
      resolvedIn.closed += 1;
      resolvedIn.reopened += times;
      if (times > 0) resolvedIn.closedReopened += 1;
      add(resolvedIn, 4, resolution[row], resolutionBucket[row]);
      add(resolvedIn, 5, resolutionBusiness[row], resolutionBusinessBucket[row]);
    }
    let entry = (starts[row] ?? 0) * NextResponsePool.width;
    const end = entry + (counts[row] ?? 0) * NextResponsePool.width;
    for (; entry < end; entry += NextResponsePool.width) {
      const answeredIn = at(totals, placeOf((entries[entry] ?? 0) >>> 0));
      if (answeredIn === undefined) continue;
      add(answeredIn, 2, entries[entry + 1], entries[entry + 3]);
      add(answeredIn, 3, entries[entry + 2], entries[entry + 4]);
    }
    if (hasTargets) addClocks(row, totals);
    const several = reopened.size === 0 ? undefined : reopened.get(row);
    if (several === undefined) addOpen(open, createdS, ended[row] ?? 0);
    else
      for (let each = 0; each < several.length; each += 2)
        addOpen(open, several[each] ?? 0, several[each + 1] ?? 0);
  };
}

/** Reading a list at −1 would take a slow path. */
function at(totals: readonly Totals[], place: number): Totals | undefined {
  return place < 0 ? undefined : totals[place];
}

/** Adds a duration, by its place in the list of durations; negative = unknown. */
function add(totals: Totals, duration: number, seconds = -1, bucket = 0): void {
  if (seconds >= 0) totals.sketches[duration]?.addKnown(seconds, bucket);
}

/** A stretch of being open counts at the end of every stretch of time that ends inside it. */
function openAdder({ startS, endsS }: Stretches, placeOf: PlaceOf) {
  const count = endsS.length;
  return (open: Int32Array, fromS: number, toS: number) => {
    const first = fromS < startS ? 0 : placeOf(fromS);
    const last = toS === 0 ? count : toS < startS ? 0 : placeOf(toS);
    const end = last < 0 ? count : last;
    if (first < 0) return;
    open[first] = (open[first] ?? 0) + 1;
    open[end] = (open[end] ?? 0) - 1;
  };
}

/** Adds the clocks of a row that have ended, or have run out by now. */
function clockAdder({ columns }: FigureTable, placeOf: PlaceOf, nowS: number) {
  const { responded, resolved } = columns;
  const clocks = clockColumns.map(({ state, due }, clock) => ({
    clock,
    states: columns[state],
    dues: columns[due],
    done: [responded, null, resolved][clock] ?? null,
  }));
  return (row: number, totals: readonly Totals[]) => {
    for (const { clock, states, dues, done } of clocks) {
      const code = states[row] ?? 0;
      if (code === 0) continue;
      const dueS = dues[row] ?? 0;
      if (code === 3 && (dueS === 0 || dueS > nowS)) continue;
      const doneS = done === null ? 0 : (done[row] ?? 0);
      const total = at(totals, placeOf(doneS === 0 ? dueS : doneS));
      if (total === undefined) continue;
      const ends = code === 1 ? total.met : total.breached;
      ends[clock] = (ends[clock] ?? 0) + 1;
    }
  };
}

/** Gives each row its group, made at its first row. */
function groupFinder(table: FigureTable, { groups: by, stretches }: ScanOptions) {
  const found: OpenGroup[] = [];
  const [first, second] = by.map((group) => table.columns[group]);
  const dictionaries = by.map((group) => table.dictionaries[group]);
  const width = dictionaries[1]?.size ?? 1;
  const places = new Map<number, OpenGroup>();
  const make = (codes: readonly number[]): OpenGroup => {
    const group = {
      key: codes.map((code, at) => dictionaries[at]?.textOf(code) ?? null),
      rows: 0,
      totals: stretches.endsS.map((endS) => new Totals(endS)),
      open: new Int32Array(stretches.endsS.length + 1),
    };
    found.push(group);
    return group;
  };
  const only = by.length === 0 ? make([]) : null;
  const groupOf = (row: number): OpenGroup => {
    if (only !== null) return only;
    const [code, other] = [first?.[row] ?? 0, second?.[row] ?? 0];
    const place = code * width + other;
    let group = places.get(place);
    if (group === undefined) {
      group = make([code, other].slice(0, by.length));
      places.set(place, group);
    }
    return group;
  };
  return { groupOf, found };
}

type PlaceOf = (second: number) => number;

/** Width of a cell of the look-up table: every zone's clock changes on a multiple of it. */
const cellS = 900;

/** Finds the stretch that an instant lies in; −1 when it lies in none. */
function placeFinder({ startS, endsS }: Stretches): PlaceOf {
  const endS = endsS.at(-1) ?? startS;
  if (endsS.length <= 1) return (second) => (second >= startS && second < endS ? 0 : -1);
  const cells = new Int32Array(Math.ceil((endS - startS) / cellS));
  let fromS = startS;
  for (const [at, toS] of endsS.entries()) {
    cells.fill(at, Math.floor((fromS - startS) / cellS), Math.ceil((toS - startS) / cellS));
    fromS = toS;
  }
  return (second) =>
    second >= startS && second < endS ? (cells[Math.floor((second - startS) / cellS)] ?? -1) : -1;
}
