import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  decodeJson,
  type EventLog,
  epochMsOf,
  type Instant,
  type PartitionPosition,
  type TicketState,
} from "@thulium-stream/contracts";
import { batchesToEnd } from "@thulium-stream/runtime";
import { minuteOf } from "@thulium-stream/thulium-api/pure";
import { type Database, open, type RootDatabase } from "lmdb";
import { type ClosedRule, isClosed } from "./compare-heads.ts";

/** Tombstones may be gone from the log after 7 days: a cache older than this could keep what was deleted. */
const oldestMs = 5 * 86_400_000;

/** A held ticket as the index by creation knows it. */
export interface CreatedTicket {
  readonly ticketId: string;
  /** `YYYY-MM-DD HH:MM` of the source. */
  readonly created: string;
  readonly listed: boolean;
}

/** Where the names of the states' fields are kept, once for all of them. */
const fieldNames = Symbol.for("field-names");

/** What is kept of an open ticket beside its state. */
export interface OpenTicket {
  /** Its creation as the source's wall clock. */
  readonly created: string;
  /** Its status id. */
  readonly status: string;
}

/**
 * What the extractor holds of each ticket: a cache of the log's `tickets` topic in LMDB, followed from the log at start and never loaded whole. It can be
 * deleted at any time. It notes which log it follows and how far; a log with another id, a position past the end, or an age over 5 days make it begin anew.
 */
export class TicketIndex {
  readonly #root: RootDatabase<unknown, string>;
  readonly #states: Database<TicketState, string>;
  readonly #meta: Database<unknown, string>;
  readonly #listed: Database<number, string>;
  readonly #open: Database<OpenTicket, string>;
  /** By creation: key `<minute> <ticket id>`, value whether the source lists it. */
  readonly #created: Database<boolean, string>;
  readonly #system: string;
  readonly #rule: ClosedRule;

  private constructor(root: RootDatabase<unknown, string>, system: string, rule: ClosedRule) {
    this.#root = root;
    this.#system = system;
    this.#rule = rule;
    this.#open = root.openDB({ name: "open", encoding: "json" });
    this.#created = root.openDB({ name: "created", encoding: "json" });
    this.#states = root.openDB({
      name: "states",
      encoding: "msgpack",
      compression: true,
      sharedStructuresKey: fieldNames,
    });
    this.#meta = root.openDB({ name: "meta", encoding: "json" });
    this.#listed = root.openDB({ name: "listed", encoding: "json" });
  }

  /** Opens or creates the index of one system in a folder that this process owns. */
  static open(folder: string, system: string, rule: ClosedRule): TicketIndex {
    mkdirSync(folder, { recursive: true });
    // A lost tail after a power cut is read again from the log: no need to wait for the disk.
    return new TicketIndex(
      open({ path: join(folder, `${system}.mdb`), noSubdir: true, maxDbs: 6, noSync: true }),
      system,
      rule,
    );
  }

  /** Tickets held. */
  get size(): number {
    const { entryCount } = this.#states.getStats() as { entryCount: number };
    return entryCount - (this.#states.doesExist(fieldNames as unknown as string) ? 1 : 0);
  }

  /** The held state of a ticket. */
  get(ticketId: string): TicketState | null {
    return this.#states.get(ticketId) ?? null;
  }

  /** Held tickets whose ids sort after this one, in the order of ids, so many at most. */
  heldAfter(ticketId: string, limit: number): readonly TicketState[] {
    const range = this.#states.getRange({ start: `${ticketId}\0`, limit });
    return [...range].map(({ value }) => value);
  }

  /** Listed tickets that are not closed. */
  *openTickets(): Iterable<readonly [string, OpenTicket]> {
    for (const { key, value } of this.#open.getRange()) yield [key, value];
  }

  /** Ids of held tickets, listed or not, by the minute of their creation, oldest first, with these minutes as closed bounds. */
  *createdBetween(from = "", to = "9999"): Iterable<CreatedTicket> {
    // A space sorts before everything that an id may begin with, the next character after it.
    for (const { key, value } of this.#created.getRange({ start: `${from} `, end: `${to}!` }))
      yield { ticketId: key.slice(17), created: key.slice(0, 16), listed: value };
  }

  #put(state: TicketState): void {
    const { ticket_id, status_id, created_at_raw, listed } = state;
    this.#forgetCreation(ticket_id);
    if (created_at_raw !== null)
      this.#created.put(`${minuteOf(created_at_raw)} ${ticket_id}`, listed);
    this.#states.put(ticket_id, state);
    if (!listed || status_id === null || created_at_raw === null || isClosed(state, this.#rule))
      this.#open.remove(ticket_id);
    else this.#open.put(ticket_id, { created: created_at_raw, status: status_id });
  }

  #forgetCreation(ticketId: string): void {
    const created = this.#states.get(ticketId)?.created_at_raw ?? null;
    if (created !== null) this.#created.remove(`${minuteOf(created)} ${ticketId}`);
  }

  #remove(ticketId: string): void {
    this.#forgetCreation(ticketId);
    this.#states.remove(ticketId);
    this.#open.remove(ticketId);
    this.#listed.remove(ticketId);
  }

  /** What is kept depends on which statuses count as closed: an index of another form begins anew. */
  get #form(): string {
    return `4 ${this.#rule.closedStatuses.join()}`;
  }

  /** Takes over what an append made durable: new states, and ids of deleted tickets. */
  apply(states: readonly TicketState[], deletedIds: readonly string[]): void {
    this.#root.transactionSync(() => {
      for (const state of states) this.#put(state);
      for (const id of deletedIds) this.#remove(id);
    });
  }

  /** Brings the index to the log's present end. `logId` is the random value that the log carries. Returns the records read. */
  async follow(log: EventLog, logId: string, now: Instant): Promise<number> {
    const ranges = await log.ends("tickets");
    if (!this.#isUsable(logId, now, ranges)) this.#clear(logId);
    const from = ranges.map(({ topic, partition, earliest }) => ({
      topic,
      partition,
      position: Math.max(earliest, this.#positionOf(partition)),
    }));
    let records = 0;
    for await (const batch of batchesToEnd(log, "tickets", { ranges, from })) {
      records += batch.records.length;
      this.#applyRecords(batch, batch.records);
    }
    this.#meta.putSync("caught_up_at", now);
    return records;
  }

  #applyRecords(
    { partition, nextPosition }: { partition: number; nextPosition: number },
    records: readonly Parameters<typeof decodeJson>[0][],
  ): void {
    this.#root.transactionSync(() => {
      for (const record of records) {
        const [system, ticketId] = (record.key ?? "").split(":");
        if (system !== this.#system || ticketId === undefined) continue;
        if (record.value === null) this.#remove(ticketId);
        else this.#put(decodeJson(record) as TicketState);
      }
      this.#meta.put(`position/${partition}`, nextPosition);
    });
  }

  #isUsable(
    logId: string,
    now: Instant,
    ranges: readonly (PartitionPosition | { partition: number; end: number })[],
  ): boolean {
    const caughtUpAt = this.#meta.get("caught_up_at") as Instant | undefined;
    if (this.#meta.get("form") !== this.#form) return false;
    if (caughtUpAt === undefined || this.#meta.get("log_id") !== logId) return false;
    if (epochMsOf(now) - epochMsOf(caughtUpAt) > oldestMs) return false;
    return ranges.every(
      (range) => !("end" in range) || this.#positionOf(range.partition) <= range.end,
    );
  }

  #positionOf(partition: number): number {
    return Number(this.#meta.get(`position/${partition}`) ?? 0);
  }

  #clear(logId: string): void {
    this.#root.transactionSync(() => {
      // One by one: the names of their fields stay, since this process has them in memory.
      for (const key of this.#states.getKeys({ start: "" })) this.#states.remove(key);
      this.#open.clearSync();
      this.#created.clearSync();
      this.#listed.clearSync();
      this.#meta.clearSync();
      this.#meta.put("log_id", logId);
      this.#meta.put("form", this.#form);
    });
  }

  /** Notes that a complete listing of this generation showed these tickets. */
  markListed(ticketIds: readonly string[], generation: number): void {
    this.#root.transactionSync(() => {
      for (const id of ticketIds)
        if (!this.wasListed(id, generation)) this.#listed.put(id, generation);
    });
  }

  /** Whether the listing of this generation, or one that began later and runs beside it, showed a ticket. */
  wasListed(ticketId: string, generation: number): boolean {
    return (this.#listed.get(ticketId) ?? -1) >= generation;
  }

  /** Closes the file. */
  close(): Promise<void> {
    return this.#root.close();
  }
}
