import {
  epochMsOf,
  type Instant,
  type SlaStanding,
  type TicketMetrics,
} from "@thulium-stream/contracts";
import { factsOf } from "../history/stored-history.ts";
import { type Group, groups, slaClocks } from "./aggregate.ts";
import type { BlockTotals } from "./block-totals.ts";
import { Dictionary } from "./dictionary.ts";
import { NextResponsePool } from "./next-response-pool.ts";
import { bucketOf } from "./sketch.ts";

/** What the table takes from a record. */
export type TableFigures = Pick<
  TicketMetrics,
  | "ticket_id"
  | "rules_id"
  | "as_of"
  | "queue"
  | "category"
  | "source"
  | "agent"
  | "status"
  | "created_at"
  | "deleted"
  | "open"
  | "first_response_at"
  | "first_response_s"
  | "first_response_business_s"
  | "next_responses"
  | "resolved_at"
  | "resolution_s"
  | "resolution_business_s"
  | "reopen_count"
  | "sla_first_response"
  | "sla_next_response"
  | "sla_resolution"
  | "created_known_at"
  | "first_response_known_at"
  | "resolved_known_at"
  | "history"
>;

/** A column per figure. Instants are seconds since 1970-01-01T00:00Z, 0 = none; durations are seconds, −1 = unknown; `…Bucket` is the sketch bucket of a duration. */
const layout = {
  created: Uint32Array,
  responded: Uint32Array,
  resolved: Uint32Array,
  /** End of the last stretch in which it was open; 0 = it still is. */
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
  /** A place in {@link standings} per clock. */
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
  /** Newest observation of the record, in milliseconds, and how many facts it holds: what makes one record newer than another. */
  asOfMs: Float64Array,
  facts: Uint32Array,
  /** Partition of the record, and by which rules it was made. */
  partition: Uint16Array,
  rules: Uint32Array,
} as const;

/** Columns by name; places below {@link FigureTable.size} are filled. */
export type Columns = { [Name in keyof typeof layout]: InstanceType<(typeof layout)[Name]> };

/** Standings of a clock, by the number that a column keeps. */
export const standings = ["none", "met", "breached", "running"] as const;

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
  isOutdated(metrics: Pick<TableFigures, "ticket_id" | "as_of" | "history">): boolean {
    const row = this.#rows.get(metrics.ticket_id);
    if (row === undefined) return false;
    const heldMs = this.columns.asOfMs[row] ?? 0;
    const asOfMs = epochMsOf(metrics.as_of);
    return (
      asOfMs < heldMs ||
      (asOfMs === heldMs && factsOf(metrics.history) < (this.columns.facts[row] ?? 0))
    );
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
  set(metrics: TableFigures, partition: number): void {
    const row = this.#rowFor(metrics.ticket_id);
    const { columns } = this;
    this.blocks[Math.floor(row / blockRows)] = undefined;
    columns.created[row] = secondsOf(metrics.created_at);
    columns.responded[row] = secondsOf(metrics.first_response_at);
    columns.resolved[row] = secondsOf(metrics.resolved_at);
    columns.ended[row] = secondsOf(metrics.open.at(-1)?.to ?? null);
    columns.createdKnown[row] = secondsOf(metrics.created_known_at);
    columns.respondedKnown[row] = secondsOf(metrics.first_response_known_at);
    columns.resolvedKnown[row] = secondsOf(metrics.resolved_known_at);
    this.#setDurations(row, metrics);
    columns.reopens[row] = metrics.reopen_count;
    columns.deleted[row] = metrics.deleted ? 1 : 0;
    columns.asOfMs[row] = epochMsOf(metrics.as_of);
    columns.facts[row] = factsOf(metrics.history);
    columns.partition[row] = partition;
    columns.rules[row] = this.#rules.codeOf(metrics.rules_id);
    for (const group of groups)
      columns[group][row] = this.dictionaries[group].codeOf(metrics[group]);
    for (const [at, { state, due }] of clockColumns.entries()) {
      const standing = metrics[`sla_${slaClocks[at] ?? "resolution"}`];
      columns[state][row] = codeOf(standing);
      if (standing !== null) this.hasTargets = true;
      columns[due][row] = secondsOf(standing?.due_at ?? null);
    }
    this.lastBucket = Math.max(this.lastBucket, this.next.set(row, metrics.next_responses));
    if (metrics.open.length > 1)
      this.stretches.set(
        row,
        Uint32Array.from(metrics.open.flatMap(({ from, to }) => [secondsOf(from), secondsOf(to)])),
      );
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

  #setDurations(row: number, metrics: TableFigures): void {
    const { columns } = this;
    const set = (
      value: number | null,
      seconds: "response" | "responseBusiness" | "resolution" | "resolutionBusiness",
    ) => {
      const whole = value === null ? -1 : Math.round(value);
      columns[seconds][row] = whole;
      const bucket = whole < 0 ? 0 : bucketOf(whole);
      columns[`${seconds}Bucket`][row] = bucket;
      if (bucket > this.lastBucket) this.lastBucket = bucket;
    };
    set(metrics.first_response_s, "response");
    set(metrics.first_response_business_s, "responseBusiness");
    set(metrics.resolution_s, "resolution");
    set(metrics.resolution_business_s, "resolutionBusiness");
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

function codeOf(standing: SlaStanding | null): number {
  return standing === null ? 0 : standings.indexOf(standing.state);
}

function secondsOf(instant: Instant | null): number {
  return instant === null ? 0 : Math.max(1, Math.round(epochMsOf(instant) / 1000));
}
