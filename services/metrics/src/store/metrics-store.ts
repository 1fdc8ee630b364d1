import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { TicketMetrics, TopicPartition } from "@thulium-stream/contracts";
import { type Database, open, type RootDatabase } from "lmdb";
import { FigureTable } from "../aggregates/figure-table.ts";
import { type TableRow, tableRowOf } from "../aggregates/table-row.ts";
import { figuresOfRow, type KeptTicket, rowVersion, ticketOfRow, ticketRow } from "./ticket-row.ts";

/** Header of a `ticket-metrics` record: up to which positions its partition's events are folded, as JSON by topic. The newest record of a partition tells how far its fold is. */
export const foldedToHeader = "ts_folded_to";
/** Header of a `ticket-metrics` record: the fold that made it and the number of its flush, so that its own process need not read it again. */
export const foldHeader = "ts_fold";

/** Tombstones may be gone from the log after 7 days: an older store could keep what was erased. */
const oldestMs = 5 * 86_400_000;
const fileName = `metrics-${rowVersion}.mdb`;

/** What {@link MetricsStore.apply} takes over: records of one partition of `ticket-metrics`, or those about to be read from it. */
export interface AppliedRecords {
  readonly partition: number;
  readonly records: readonly AppliedRecord[];
  /** Where reading that partition goes on; left out for records that were not read but written. */
  readonly nextPosition?: number;
  /** How far the events are folded, by topic. */
  readonly foldedTo: Readonly<Record<string, number>>;
}

/** The record of a ticket as it is taken over; null = the ticket is erased. */
export interface AppliedRecord {
  readonly ticketId: string;
  readonly kept: KeptRecord | null;
}

/** What is left of a record for the store. Records are many: those that wait for their append, or for the batch that they came with, must not stay whole. */
export interface KeptRecord {
  readonly figures: TableRow;
  readonly row: Buffer;
}

/** What the store keeps of a record of a partition. */
export function keptOf(metrics: TicketMetrics, partition: number): KeptRecord {
  const { customer_id: customerId, history } = metrics;
  const figures = tableRowOf(metrics);
  return { figures, row: ticketRow({ partition, customerId, figures, history }) };
}

/**
 * All of the topic `ticket-metrics`: histories and the figures that aggregates need in LMDB, these also in columns in memory. A cache that can be deleted at any time. Records may come in any order and more
 * than once: an older one never replaces a newer one.
 */
export class MetricsStore {
  readonly table = new FigureTable();
  readonly #root: RootDatabase<unknown, string>;
  readonly #tickets: Database<Buffer, string>;
  readonly #meta: Database<number, string>;
  /** What `#meta` holds, readable before it is committed. */
  readonly #positions = new Map<string, number>();

  private constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder))
      if (name.startsWith("metrics") && !name.startsWith(fileName)) rmSync(join(folder, name));
    // A lost tail after a power cut is read again from the log: no need to wait for the disk.
    this.#root = open({
      path: join(folder, fileName),
      noSubdir: true,
      maxDbs: 3,
      noSync: true,
    });
    this.#tickets = this.#root.openDB({ name: "tickets", encoding: "binary" });
    this.#meta = this.#root.openDB({ name: "meta", encoding: "json" });
  }

  /** Opens the store in a folder that this process owns, and reads the figures of all its tickets into memory. */
  static async open(folder: string, nowMs: number): Promise<MetricsStore> {
    const store = new MetricsStore(folder);
    if ((store.#meta.get("caughtUpMs") ?? 0) <= nowMs - oldestMs) await store.clear();
    for (const { key, value } of store.#meta.getRange()) store.#positions.set(key, value);
    for (const { key, value } of store.#tickets.getRange({ snapshot: false })) {
      const { figures, partition } = figuresOfRow(value);
      store.table.set(key, figures, partition);
    }
    return store;
  }

  /** What is kept of a ticket; null when there is nothing. */
  ticket(ticketId: string): KeptTicket | null {
    const row = this.#tickets.get(ticketId);
    return row === undefined ? null : ticketOfRow(row);
  }

  /** The customer whose a ticket is; null when it is nobody's. */
  customerOf(ticketId: string): string | null {
    const row = this.#tickets.get(ticketId);
    return row === undefined ? null : figuresOfRow(row).customerId;
  }

  /** Where reading a partition of `ticket-metrics` goes on. */
  position(partition: number): number | null {
    return this.#positions.get(`read/${partition}`) ?? null;
  }

  /** How far a partition's events are folded. */
  foldedTo({ topic, partition }: TopicPartition): number | null {
    return this.#positions.get(`folded/${topic}/${partition}`) ?? null;
  }

  /** Takes over records, and where they came from, in one transaction. Returns how many tickets changed. */
  async apply(applied: AppliedRecords): Promise<number> {
    const { partition, nextPosition, foldedTo } = applied;
    const news: { readonly ticketId: string; readonly row: Buffer | null }[] = [];
    for (const { ticketId, kept } of applied.records) {
      if (kept === null) this.table.delete(ticketId);
      else if (this.table.isOutdated(ticketId, kept.figures)) continue;
      else this.table.set(ticketId, kept.figures, partition);
      news.push({ ticketId, row: kept?.row ?? null });
    }
    await this.#root.batch(() => {
      for (const { ticketId, row } of news) {
        if (row === null) this.#tickets.remove(ticketId);
        else this.#tickets.put(ticketId, row);
      }
      if (nextPosition !== undefined) this.#raise(`read/${partition}`, nextPosition);
      for (const [topic, position] of Object.entries(foldedTo))
        this.#raise(`folded/${topic}/${partition}`, position);
    });
    return news.length;
  }

  /** Notes that the end of the topic was reached at an instant. */
  async caughtUp(nowMs: number): Promise<void> {
    await this.#meta.put("caughtUpMs", nowMs);
  }

  /** Forgets everything. */
  async clear(): Promise<void> {
    await this.#tickets.clearAsync();
    await this.#meta.clearAsync();
    this.#positions.clear();
    this.table.clear();
  }

  /** Closes the store. */
  close(): Promise<void> {
    return this.#root.close();
  }

  #raise(key: string, position: number): void {
    if (position <= (this.#positions.get(key) ?? -1)) return;
    this.#positions.set(key, position);
    this.#meta.put(key, position);
  }
}
