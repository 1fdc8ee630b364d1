import { type Group, groups } from "./aggregate.ts";
import type { BlockTotals } from "./block-totals.ts";
import { Dictionary } from "./dictionary.ts";
import { NextResponsePool } from "./next-response-pool.ts";
import { bucketOf } from "./sketch.ts";
import { countFigures, durationFigures, instantFigures, type TableRow } from "./table-row.ts";

/** A column per figure of a {@link TableRow}; `…Bucket` is the sketch bucket of a duration. */
const layout = {
  created: Uint32Array,
  responded: Uint32Array,
  resolved: Uint32Array,
  ended: Uint32Array,
  createdKnown: Uint32Array,
  respondedKnown: Uint32Array,
  resolvedKnown: Uint32Array,
  response: Int32Array,
  responseBusiness: Int32Array,
  resolution: Int32Array,
  resolutionBusiness: Int32Array,
  responseBucket: Uint16Array,
  responseBusinessBucket: Uint16Array,
  resolutionBucket: Uint16Array,
  resolutionBusinessBucket: Uint16Array,
  reopens: Uint16Array,
  deleted: Uint8Array,
  slaFirst: Uint8Array,
  slaNext: Uint8Array,
  slaResolution: Uint8Array,
  dueFirst: Uint32Array,
  dueNext: Uint32Array,
  dueResolution: Uint32Array,
  queue: Uint32Array,
  category: Uint32Array,
  source: Uint32Array,
  agent: Uint32Array,
  status: Uint32Array,
  /** With `facts`: what makes one record newer than another. */
  asOfMs: Float64Array,
  facts: Uint32Array,
  /** Partition of the record, and by which rules it was made. */
  partition: Uint16Array,
  rules: Uint32Array,
} as const;

/** Columns by name; places below {@link FigureTable.size} are filled. */
export type Columns = { [Name in keyof typeof layout]: InstanceType<(typeof layout)[Name]> };

/** Rows of one block. */
export const blockRows = 4096;

/** Columns of the three clocks, in the order of {@link slaClocks}. */
export const clockColumns = [
  { state: "slaFirst", due: "dueFirst" },
  { state: "slaNext", due: "dueNext" },
  { state: "slaResolution", due: "dueResolution" },
] as const;

/**
 * The figures of all tickets in columns: about 150 bytes a ticket, so that a million fit into memory and are scanned in tens of milliseconds. A ticket keeps its row; an erased
 * one leaves a row that counts nowhere.
 */
export class FigureTable {
  readonly #rows = new Map<string, number>();
  readonly #ids: string[] = [];
  readonly #rules = new Dictionary();
  /** Whether any ticket ever had a target of a service level. */
  hasTargets = false;
  readonly dictionaries: Readonly<Record<Group, Dictionary>> = {
    queue: new Dictionary(),
    category: new Dictionary(),
    source: new Dictionary(),
    agent: new Dictionary(),
    status: new Dictionary(),
  };
  /** All open stretches of tickets that were reopened: from, to (0 = none), … in seconds. */
  readonly stretches = new Map<number, Uint32Array>();
  readonly next = new NextResponsePool();
  /** Totals of blocks of rows, as far as they were asked for since a row of theirs changed. */
  readonly blocks: (BlockTotals | undefined)[] = [];
  columns: Columns = columnsOf(1024);
  /** The last sketch bucket of any duration that was ever held. */
  lastBucket = 0;
  #scratch = new Int32Array(0);

  /** Rows in use. */
  get size(): number {
    return this.#ids.length;
  }

  /** A number per row for a reading to work with, whatever it holds. */
  get scratch(): Int32Array {
    if (this.#scratch.length < this.size)
      this.#scratch = new Int32Array(this.columns.created.length);
    return this.#scratch;
  }

  /** Tickets that are held, erased ones left out. */
  get tickets(): number {
    return this.#rows.size;
  }

  /** The row of a ticket; undefined when there is none. */
  rowOf(ticketId: string): number | undefined {
    return this.#rows.get(ticketId);
  }

  /** The ticket of a row. */
  idOf(row: number): string {
    return this.#ids[row] ?? "";
  }

  /** Whether a record is older than what is held of its ticket, and must not replace it. */
  isOutdated(ticketId: string, { asOfMs, facts }: Pick<TableRow, "asOfMs" | "facts">): boolean {
    const row = this.#rows.get(ticketId);
    if (row === undefined) return false;
    const heldMs = this.columns.asOfMs[row] ?? 0;
    return asOfMs < heldMs || (asOfMs === heldMs && facts < (this.columns.facts[row] ?? 0));
  }

  /** Tickets of a partition. */
  idsOf(partition: number): readonly string[] {
    const { columns } = this;
    return this.#ids.filter((id, row) => id !== "" && columns.partition[row] === partition);
  }

  /** Tickets of a partition whose figures were made by other rules than those. */
  madeByOtherRules(partition: number, rulesId: string): readonly string[] {
    const code = this.#rules.codeOf(rulesId);
    const { columns } = this;
    return this.#ids.filter(
      (id, row) => id !== "" && columns.partition[row] === partition && columns.rules[row] !== code,
    );
  }

  /** Takes over the figures of a ticket from a record of a partition. */
  set(ticketId: string, figures: TableRow, partition: number): void {
    const row = this.#rowFor(ticketId);
    const { columns } = this;
    this.blocks[Math.floor(row / blockRows)] = undefined;
    for (const name of instantFigures) columns[name][row] = figures[name];
    for (const name of countFigures) columns[name][row] = figures[name];
    for (const name of durationFigures) {
      const seconds = figures[name];
      columns[name][row] = seconds;
      const bucket = seconds < 0 ? 0 : bucketOf(seconds);
      columns[`${name}Bucket`][row] = bucket;
      if (bucket > this.lastBucket) this.lastBucket = bucket;
    }
    columns.asOfMs[row] = figures.asOfMs;
    columns.partition[row] = partition;
    columns.rules[row] = this.#rules.codeOf(figures.rulesId);
    for (const group of groups)
      columns[group][row] = this.dictionaries[group].codeOf(figures.groups[group]);
    if (figures.slaFirst + figures.slaNext + figures.slaResolution > 0) this.hasTargets = true;
    this.lastBucket = Math.max(this.lastBucket, this.next.set(row, figures.next));
    if (figures.stretches.length > 0) this.stretches.set(row, Uint32Array.from(figures.stretches));
    else this.stretches.delete(row);
  }

  /** Forgets a ticket. */
  delete(ticketId: string): void {
    const row = this.#rows.get(ticketId);
    if (row === undefined) return;
    this.#rows.delete(ticketId);
    this.blocks[Math.floor(row / blockRows)] = undefined;
    this.#ids[row] = "";
    this.columns.deleted[row] = 1;
    this.stretches.delete(row);
    this.next.set(row, []);
  }

  /** Forgets all. */
  clear(): void {
    this.#rows.clear();
    this.#ids.length = 0;
    this.stretches.clear();
    this.blocks.length = 0;
    this.next.clear();
    this.columns = columnsOf(1024);
  }

  #rowFor(ticketId: string): number {
    const held = this.#rows.get(ticketId);
    if (held !== undefined) return held;
    const row = this.#ids.length;
    if (row === this.columns.created.length) this.#grow();
    this.#rows.set(ticketId, row);
    this.#ids.push(ticketId);
    return row;
  }

  #grow(): void {
    const { columns } = this;
    const capacity = Math.ceil(columns.created.length * 1.5);
    for (const name of Object.keys(layout) as (keyof typeof layout)[]) {
      const wider = new layout[name](capacity);
      wider.set(columns[name]);
      (columns as Record<string, unknown>)[name] = wider;
    }
  }
}

function columnsOf(capacity: number): Columns {
  return Object.fromEntries(
    Object.entries(layout).map(([name, Column]) => [name, new Column(capacity)]),
  ) as Columns;
}
