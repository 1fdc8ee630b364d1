import { durations, slaClocks, Totals } from "./aggregate.ts";
import { clockColumns, type FigureTable } from "./figure-table.ts";
import { NextResponsePool } from "./next-response-pool.ts";
import { Sketch } from "./sketch.ts";
import { placesOf, quarterS, type Stretches } from "./stretches.ts";

/** Rows of a table, the end exclusive. */
export interface RowRange {
  readonly from: number;
  readonly end: number;
}

/** Which rows count, and where. */
export interface GatheredRows {
  readonly ranges: readonly RowRange[];
  /** Rows of which all lies before the stretches: of them only those that are still open count. */
  readonly before: readonly RowRange[];
  /** Group of each row of the table; what is below 0 or above the last group counts nowhere. */
  readonly groupOf: Int32Array;
}

/**
 * Gathers the totals of every group and stretch, a cell each, figure by figure: a loop over two or three columns of numbers adds to flat lists of numbers, which takes a third
 * of the time that row by row takes. A row counts where its instants lie; instants of 0 never happened.
 */
export class CellTotals {
  readonly #table: FigureTable;
  readonly #stretches: Stretches;
  readonly #groups: number;
  readonly #places: Int32Array;
  readonly #nowS: number;
  /** Buckets of a cell's distributions. */
  readonly #width: number;
  readonly #created: Uint32Array;
  readonly #closed: Uint32Array;
  readonly #reopened: Uint32Array;
  readonly #closedReopened: Uint32Array;
  readonly #late: Uint32Array;
  readonly #latestS: Uint32Array;
  readonly #met: readonly Uint32Array[];
  readonly #breached: readonly Uint32Array[];
  /** By how much the backlog changes in a stretch, and behind the last one. */
  readonly #open: Int32Array;
  /** By duration, then cell; cells without any have none. */
  readonly #sketches: readonly (Sketch | undefined)[][] = durations.map(() => []);

  /** `nowS`: clocks that had run out by then are breached, whatever the record said when it was made. */
  constructor(table: FigureTable, groups: number, stretches: Stretches, nowS: number) {
    const cells = groups * stretches.endsS.length;
    const numbers = () => new Uint32Array(cells);
    this.#table = table;
    this.#stretches = stretches;
    this.#groups = groups;
    this.#places = placesOf(stretches);
    this.#nowS = nowS;
    this.#width = table.lastBucket + 1;
    this.#created = numbers();
    this.#closed = numbers();
    this.#reopened = numbers();
    this.#closedReopened = numbers();
    this.#late = numbers();
    this.#latestS = numbers();
    this.#met = slaClocks.map(numbers);
    this.#breached = slaClocks.map(numbers);
    this.#open = new Int32Array(cells + groups);
  }

  /** Gathers rows; to be called once. */
  gather(rows: GatheredRows): void {
    const { columns, hasTargets } = this.#table;
    const { response, responseBusiness, resolution, resolutionBusiness } = columns;
    const cells = this.#created.length;
    const [spread, other] = [spreadOver(cells, this.#width), spreadOver(cells, this.#width)];
    this.#opened(rows);
    if (hasTargets) for (const clock of slaClocks.keys()) this.#clocks(clock, rows);
    this.#answered(rows, spread, other);
    this.#keep(2, spread);
    this.#keep(3, other);
    const cellOf = new Int32Array(this.#table.size);
    const placed = { ranges: rows.ranges, cellOf };
    this.#place(rows, columns.created, cellOf);
    this.#happened(placed, columns.createdKnown, this.#created);
    this.#place(rows, columns.responded, cellOf);
    this.#happened(placed, columns.respondedKnown, null);
    this.#took(placed, spread, response, columns.responseBucket);
    this.#keep(0, spread);
    this.#took(placed, spread, responseBusiness, columns.responseBusinessBucket);
    this.#keep(1, spread);
    this.#place(rows, columns.resolved, cellOf);
    this.#happened(placed, columns.resolvedKnown, this.#closed);
    this.#reopenings(placed);
    this.#took(placed, spread, resolution, columns.resolutionBucket);
    this.#keep(4, spread);
    this.#took(placed, spread, resolutionBusiness, columns.resolutionBusinessBucket);
    this.#keep(5, spread);
  }

  /** Totals of one group, one per stretch. */
  totalsOf(group: number): readonly Totals[] {
    const { endsS } = this.#stretches;
    let backlog = 0;
    return endsS.map((_, place) => {
      const cell = group * endsS.length + place;
      const of = (numbers: { readonly [cell: number]: number }) => numbers[cell] ?? 0;
      backlog += this.#open[cell + group] ?? 0;
      return new Totals({
        created: of(this.#created),
        closed: of(this.#closed),
        backlog,
        reopened: of(this.#reopened),
        closedReopened: of(this.#closedReopened),
        late: of(this.#late),
        latestS: of(this.#latestS),
        met: this.#met.map(of),
        breached: this.#breached.map(of),
        sketches: this.#sketches.map((sketches) => sketches[cell] ?? new Sketch()),
      });
    });
  }

  /** Finds the cell in which an instant of each row lies; −1 for those in none. */
  #place({ ranges, groupOf }: GatheredRows, instants: Uint32Array, cellOf: Int32Array): void {
    const { count, startS, endS, places, groups } = this.#frame;
    for (const { from, end } of ranges)
      for (let row = from; row < end; row += 1) {
        const group = groupOf[row] as number;
        const second = instants[row] as number;
        if (group < 0 || group >= groups || second < startS || second >= endS) cellOf[row] = -1;
        else if (count === 1) cellOf[row] = group;
        else cellOf[row] = group * count + (places[((second - startS) / quarterS) | 0] as number);
      }
  }

  /** Counts instants, and those that came to be known only after the end of their stretch. */
  #happened({ ranges, cellOf }: PlacedRows, known: Uint32Array, counts: Uint32Array | null): void {
    const { count, endsS } = this.#frame;
    const [late, latestS] = [this.#late, this.#latestS];
    for (const { from, end } of ranges)
      for (let row = from; row < end; row += 1) {
        const cell = cellOf[row] as number;
        if (cell < 0) continue;
        if (counts !== null) counts[cell] = (counts[cell] as number) + 1;
        const knownS = known[row] as number;
        if (knownS < (endsS[cell % count] as number)) continue;
        late[cell] = (late[cell] as number) + 1;
        if (knownS > (latestS[cell] as number)) latestS[cell] = knownS;
      }
  }

  #reopenings({ ranges, cellOf }: PlacedRows): void {
    const { reopens } = this.#table.columns;
    const [reopened, tickets] = [this.#reopened, this.#closedReopened];
    for (const { from, end } of ranges)
      for (let row = from; row < end; row += 1) {
        const times = reopens[row] as number;
        const cell = cellOf[row] as number;
        if (times === 0 || cell < 0) continue;
        reopened[cell] = (reopened[cell] as number) + times;
        tickets[cell] = (tickets[cell] as number) + 1;
      }
  }

  /** Makes a duration's distributions of what was spread, and clears it for the next duration. */
  #keep(duration: number, { buckets, counts, sums }: Spread): void {
    const sketches = this.#sketches[duration];
    const width = this.#width;
    for (let cell = 0; cell < counts.length; cell += 1) {
      const count = counts[cell] as number;
      if (count === 0 || sketches === undefined) continue;
      const own = buckets.subarray(cell * width, (cell + 1) * width);
      sketches[cell] = Sketch.of(own, count, sums[cell] as number);
      own.fill(0);
    }
    counts.fill(0);
    sums.fill(0);
  }

  /** Spreads durations over the cells in which they ended; negative = unknown. */
  #took(
    { ranges, cellOf }: PlacedRows,
    spread: Spread,
    seconds: Int32Array,
    bucketOf: Uint16Array,
  ): void {
    const width = this.#width;
    for (const { from, end } of ranges)
      for (let row = from; row < end; row += 1) {
        const cell = cellOf[row] as number;
        const took = seconds[row] as number;
        if (cell < 0 || took < 0) continue;
        addTo(spread, cell, cell * width + (bucketOf[row] as number), took);
      }
  }

  /** Spreads next responses, in calendar and in working time. */
  #answered({ ranges, groupOf }: GatheredRows, calendar: Spread, working: Spread): void {
    const { count, startS, endS, places, groups } = this.#frame;
    const { starts, counts: entriesOf, entries } = this.#table.next;
    const { width: step } = NextResponsePool;
    const width = this.#width;
    for (const { from, end } of ranges)
      for (let row = from; row < end; row += 1) {
        const group = groupOf[row] as number;
        const length = (entriesOf[row] as number) * step;
        if (length === 0 || group < 0 || group >= groups) continue;
        const first = (starts[row] as number) * step;
        for (let entry = first; entry < first + length; entry += step) {
          const second = (entries[entry] as number) >>> 0;
          if (second < startS || second >= endS) continue;
          const place = count === 1 ? 0 : (places[((second - startS) / quarterS) | 0] as number);
          const cell = group * count + place;
          const [took, worked] = [entries[entry + 1] as number, entries[entry + 2] as number];
          if (took >= 0) addTo(calendar, cell, cell * width + (entries[entry + 3] as number), took);
          if (worked >= 0)
            addTo(working, cell, cell * width + (entries[entry + 4] as number), worked);
        }
      }
  }

  /** Counts the clocks that have ended, or have run out by now. */
  #clocks(clock: number, { ranges, groupOf }: GatheredRows): void {
    const { count, startS, endS, places, groups } = this.#frame;
    const { columns } = this.#table;
    const { state, due } = clockColumns[clock] as (typeof clockColumns)[number];
    const [states, dues, nowS] = [columns[state], columns[due], this.#nowS];
    const done = [columns.responded, null, columns.resolved][clock] ?? null;
    const [met, breached] = [this.#met[clock] as Uint32Array, this.#breached[clock] as Uint32Array];
    for (const { from, end } of ranges)
      for (let row = from; row < end; row += 1) {
        const group = groupOf[row] as number;
        const code = states[row] as number;
        if (code === 0 || group < 0 || group >= groups) continue;
        const dueS = dues[row] as number;
        if (code === 3 && (dueS === 0 || dueS > nowS)) continue;
        const doneS = done === null ? 0 : (done[row] as number);
        const second = doneS === 0 ? dueS : doneS;
        if (second < startS || second >= endS) continue;
        const place = count === 1 ? 0 : (places[((second - startS) / quarterS) | 0] as number);
        const cell = group * count + place;
        const ends = code === 1 ? met : breached;
        ends[cell] = (ends[cell] as number) + 1;
      }
  }

  /** A stretch of being open counts at the end of every stretch of time that ends inside it. */
  #opened({ ranges, before, groupOf }: GatheredRows): void {
    const { count, startS, endS, places, groups } = this.#frame;
    const { columns, stretches } = this.#table;
    const { created, ended, reopens } = columns;
    const open = this.#open;
    const placeOf = (second: number) =>
      second < startS || count === 1 ? 0 : (places[((second - startS) / quarterS) | 0] as number);
    const add = (group: number, fromS: number, toS: number) => {
      if (fromS >= endS) return;
      const base = group * (count + 1);
      const first = base + placeOf(fromS);
      const last = base + (toS === 0 || toS >= endS ? count : placeOf(toS));
      open[first] = (open[first] as number) + 1;
      open[last] = (open[last] as number) - 1;
    };
    for (const { from, end } of [...before, ...ranges])
      for (let row = from; row < end; row += 1) {
        const group = groupOf[row] as number;
        if (group < 0 || group >= groups) continue;
        const several = (reopens[row] as number) === 0 ? undefined : stretches.get(row);
        if (several === undefined) add(group, created[row] as number, ended[row] as number);
        else
          for (let each = 0; each < several.length; each += 2)
            add(group, several[each] as number, several[each + 1] as number);
      }
  }

  /** What every loop needs, as constants of its own. */
  get #frame() {
    const { startS, endsS } = this.#stretches;
    return {
      startS,
      endS: endsS.at(-1) ?? startS,
      endsS,
      count: endsS.length,
      places: this.#places,
      groups: this.#groups,
    };
  }
}

/** Rows, and the cell that each lies in by one of its instants; −1 = in none. */
interface PlacedRows {
  readonly ranges: readonly RowRange[];
  readonly cellOf: Int32Array;
}

/** Distributions of one duration, of all cells side by side. */
interface Spread {
  readonly buckets: Uint32Array;
  readonly counts: Uint32Array;
  readonly sums: Float64Array;
}

function spreadOver(cells: number, width: number): Spread {
  return {
    buckets: new Uint32Array(cells * width),
    counts: new Uint32Array(cells),
    sums: new Float64Array(cells),
  };
}

function addTo({ buckets, counts, sums }: Spread, cell: number, bucket: number, s: number): void {
  buckets[bucket] = (buckets[bucket] as number) + 1;
  counts[cell] = (counts[cell] as number) + 1;
  sums[cell] = (sums[cell] as number) + s;
}
