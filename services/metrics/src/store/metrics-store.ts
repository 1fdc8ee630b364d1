import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { TicketMetrics, TopicPartition } from "@thulium-stream/contracts";
import { type Database, open, type RootDatabase } from "lmdb";
import { FigureTable, type TableFigures } from "../aggregates/figure-table.ts";

/** Header of a `ticket-metrics` record: up to which positions its partition's events are folded, as JSON by topic. The newest record of a partition tells how far its fold is. */
export const foldedToHeader = "ts_folded_to";
/** Header of a `ticket-metrics` record: the fold that made it and the number of its flush, so that its own process need not read it again. */
export const foldHeader = "ts_fold";

/** Tombstones may be gone from the log after 7 days: an older store could keep what was erased. */
const oldestMs = 5 * 86_400_000;
/** Raise it when the store's own form changes: it is then made anew from the log. */
const storeVersion = 3;
const fileName = `metrics-${storeVersion}.mdb`;
/** Where the names of the records' fields are kept, once for all of them. */
const fieldNames = Symbol.for("field-names");

/** What is kept of a record: what the table needs, and the history, from which all other figures can be made again. */
export type KeptFigures = TableFigures & Pick<TicketMetrics, "customer_id">;

/** A ticket's record as it is kept. */
interface KeptRecord {
  /** Its partition of `ticket-metrics`. */
  readonly partition: number;
  readonly metrics: KeptFigures;
}

/** What {@link MetricsStore.apply} takes over: records of one partition of `ticket-metrics`, or those about to be read from it. */
export interface AppliedRecords {
  readonly partition: number;
  readonly records: readonly AppliedRecord[];
  /** Where reading that partition goes on; left out for records that were not read but written. */
  readonly nextPosition?: number;
  /** How far the events are folded, by topic. */
  readonly foldedTo: Readonly<Record<string, number>>;
}

/** The record of a ticket; null = the ticket is erased. */
export interface AppliedRecord {
  readonly ticketId: string;
  readonly metrics: TicketMetrics | null;
}

/**
 * All of the topic `ticket-metrics`: histories and the figures that aggregates need in LMDB, these also in columns in memory. A cache that can be deleted at any time. Records may come in any order and more
 * than once: an older one never replaces a newer one.
 */
export class MetricsStore {
  readonly table = new FigureTable();
  readonly #root: RootDatabase<unknown, string>;
  readonly #records: Database<KeptRecord, string>;
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
    this.#records = this.#root.openDB({
      name: "records",
      encoding: "msgpack",
      compression: true,
      sharedStructuresKey: fieldNames,
    });
    this.#meta = this.#root.openDB({ name: "meta", encoding: "json" });
  }

  /** Opens the store in a folder that this process owns, and reads the figures of all its tickets into memory. */
  static async open(folder: string, nowMs: number): Promise<MetricsStore> {
    const store = new MetricsStore(folder);
    if ((store.#meta.get("caughtUpMs") ?? 0) <= nowMs - oldestMs) await store.clear();
    for (const { key, value } of store.#meta.getRange()) store.#positions.set(key, value);
    for (const { value } of store.#records.getRange({ start: "", snapshot: false }))
      store.table.set(value.metrics, value.partition);
    return store;
  }

  /** What is kept of a ticket; null when there is nothing. */
  record(ticketId: string): KeptFigures | null {
    return this.#records.get(ticketId)?.metrics ?? null;
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
    const news: AppliedRecord[] = [];
    for (const record of applied.records) {
      const { ticketId, metrics } = record;
      if (metrics === null) this.table.delete(ticketId);
      else if (this.table.isOutdated(metrics)) continue;
      else this.table.set(metrics, partition);
      news.push(record);
    }
    await this.#root.batch(() => {
      for (const { ticketId, metrics } of news) {
        if (metrics === null) this.#records.remove(ticketId);
        else this.#records.put(ticketId, { partition, metrics: kept(metrics) });
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
    await this.#records.clearAsync();
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

function kept(metrics: TicketMetrics): KeptFigures {
  return {
    ticket_id: metrics.ticket_id,
    rules_id: metrics.rules_id,
    as_of: metrics.as_of,
    customer_id: metrics.customer_id,
    queue: metrics.queue,
    category: metrics.category,
    source: metrics.source,
    agent: metrics.agent,
    status: metrics.status,
    created_at: metrics.created_at,
    deleted: metrics.deleted,
    open: metrics.open,
    first_response_at: metrics.first_response_at,
    first_response_s: metrics.first_response_s,
    first_response_business_s: metrics.first_response_business_s,
    next_responses: metrics.next_responses,
    resolved_at: metrics.resolved_at,
    resolution_s: metrics.resolution_s,
    resolution_business_s: metrics.resolution_business_s,
    reopen_count: metrics.reopen_count,
    sla_first_response: metrics.sla_first_response,
    sla_next_response: metrics.sla_next_response,
    sla_resolution: metrics.sla_resolution,
    created_known_at: metrics.created_known_at,
    first_response_known_at: metrics.first_response_known_at,
    resolved_known_at: metrics.resolved_known_at,
    history: metrics.history,
  };
}
