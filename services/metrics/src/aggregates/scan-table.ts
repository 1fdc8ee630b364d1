import { type Group, groups, Totals } from "./aggregate.ts";
import { clockColumns, type FigureTable } from "./figure-table.ts";

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
  if (wanted.length === 0) return (row) => deleted[row] === 0;
  return (row) => deleted[row] === 0 && wanted.every(({ column, code }) => column[row] === code);
}

/** Totals per combination of group values and stretch, in one pass over the table. Pure. */
export function scanTable(table: FigureTable, options: ScanOptions): readonly ScannedGroup[] {
  const isWanted = rowFilter(table, options.where);
  const placeOf = placeFinder(options.stretches);
  const groupOf = groupFinder(table, options);
  if (isWanted === null) return [...groupOf.found];
  const lastEndS = options.stretches.endsS.at(-1) ?? 0;
  const { created } = table.columns;
  const add = rowAdder(table, placeOf, options);
  for (let row = 0; row < table.size; row += 1) {
    if (!isWanted(row) || (created[row] ?? 0) >= lastEndS) continue;
    const group = groupOf(row);
    group.rows += 1;
    add(row, group);
  }
  for (const { totals, open } of groupOf.found) {
    let backlog = 0;
    for (const [at, total] of totals.entries()) {
      backlog += open[at] ?? 0;
      total.backlog = backlog;
    }
  }
  return groupOf.found;
}

/** A group while it is gathered: by how much its backlog changes from stretch to stretch. */
interface OpenGroup extends ScannedGroup {
  readonly open: Int32Array;
}

type PlaceOf = (second: number) => number;

/** Adds one row to the totals of its group. */
function rowAdder(table: FigureTable, placeOf: PlaceOf, { nowS, stretches }: ScanOptions) {
  const { columns, next, stretches: reopened } = table;
  const { created, responded, resolved, ended, createdKnown, respondedKnown, resolvedKnown } =
    columns;
  const clocks = clockColumns.map(({ state, due }) => ({
    state: columns[state],
    due: columns[due],
  }));
  const count = stretches.endsS.length;
  let totals: readonly Totals[] = [];
  const addNext = (
    answeredS: number,
    seconds: number,
    bucket: number,
    businessSeconds: number,
    businessBucket: number,
  ) => {
    const total = totals[placeOf(answeredS)];
    if (total === undefined) return;
    total.addDuration("next_response", seconds, bucket);
    total.addDuration("next_response_business", businessSeconds, businessBucket);
  };
  /** A stretch of being open counts at the end of every stretch of time that ends inside it. */
  const addOpen = (open: Int32Array, fromS: number, toS: number) => {
    const first = fromS < stretches.startS ? 0 : placeOf(fromS);
    const last = toS === 0 ? count : toS < stretches.startS ? 0 : placeOf(toS);
    const end = last < 0 ? count : last;
    if (first < 0 || end <= first) return;
    open[first] = (open[first] ?? 0) + 1;
    open[end] = (open[end] ?? 0) - 1;
  };
  return (row: number, group: OpenGroup) => {
    totals = group.totals;
    const createdIn = totals[placeOf(created[row] ?? 0)];
    if (createdIn !== undefined) {
      createdIn.created += 1;
      createdIn.addKnown(createdKnown[row] ?? 0);
    }
    const respondedIn = totals[placeOf(responded[row] ?? 0)];
    if (respondedIn !== undefined) {
      respondedIn.addKnown(respondedKnown[row] ?? 0);
      respondedIn.addDuration(
        "first_response",
        columns.response[row] ?? -1,
        columns.responseBucket[row] ?? 0,
      );
      respondedIn.addDuration(
        "first_response_business",
        columns.responseBusiness[row] ?? -1,
        columns.responseBusinessBucket[row] ?? 0,
      );
    }
    const resolvedIn = totals[placeOf(resolved[row] ?? 0)];
    if (resolvedIn !== undefined) {
      resolvedIn.addKnown(resolvedKnown[row] ?? 0);
      resolvedIn.addClosed(columns.reopens[row] ?? 0);
      resolvedIn.addDuration(
        "resolution",
        columns.resolution[row] ?? -1,
        columns.resolutionBucket[row] ?? 0,
      );
      resolvedIn.addDuration(
        "resolution_business",
        columns.resolutionBusiness[row] ?? -1,
        columns.resolutionBusinessBucket[row] ?? 0,
      );
    }
    next.forEach(row, addNext);
    if (table.hasTargets)
      for (let clock = 0; clock < clocks.length; clock += 1) addClock(row, clock);
    const stretchesOfRow = reopened.size === 0 ? undefined : reopened.get(row);
    if (stretchesOfRow === undefined) addOpen(group.open, created[row] ?? 0, ended[row] ?? 0);
    else
      for (let at = 0; at < stretchesOfRow.length; at += 2)
        addOpen(group.open, stretchesOfRow[at] ?? 0, stretchesOfRow[at + 1] ?? 0);
  };

  function addClock(row: number, clock: number): void {
    const code = clocks[clock]?.state[row] ?? 0;
    if (code === 0) return;
    const dueS = clocks[clock]?.due[row] ?? 0;
    const isMet = code === 1;
    if (code === 3 && (dueS === 0 || dueS > nowS)) return;
    const doneS = clock === 0 ? responded[row] : clock === 2 ? resolved[row] : dueS;
    totals[placeOf(doneS === undefined || doneS === 0 ? dueS : doneS)]?.addSla(clock, isMet);
  }
}

/** Gives each row its group, made at its first row. */
function groupFinder(table: FigureTable, { groups: by, stretches }: ScanOptions) {
  const found: OpenGroup[] = [];
  const columns = by.map((group) => table.columns[group]);
  const dictionaries = by.map((group) => table.dictionaries[group]);
  const [first, second] = columns;
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
  return Object.assign(groupOf, { found });
}

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
