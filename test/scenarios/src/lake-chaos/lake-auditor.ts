import {
  type ChangeEvent,
  decodeJson,
  type EventLog,
  isErasureNews,
  isFailure,
  type LogRecord,
  type MessageState,
  type ObjectStore,
  type TicketState,
} from "@thulium-stream/contracts";
import { type FileCache, openLakeQuery, Table } from "@thulium-stream/lake";
import {
  eventTables,
  type LakeTable,
  type StateTable,
  stateTables,
  verifyLake,
} from "@thulium-stream/lake-writer";
import { batchesToEnd } from "@thulium-stream/runtime";
import { messageLine, ticketLine } from "../truth.ts";

/** What is wrong with a lake, in numbers of rows, and what `lake verify` says. */
export interface LakeFindings {
  readonly rows: number;
  /** Rows that the positions of their table promise and that are not there. */
  readonly lost: number;
  /** Rows that are there again. */
  readonly doubled: number;
  /** Rows that no record below the positions has made. */
  readonly foreign: number;
  /** Rows of the current state that are missing, outdated or left over. */
  readonly stateDiffers: number;
  readonly faults: readonly string[];
}

/** What is kept of a record: enough to know its row again. */
interface Kept {
  readonly position: number;
  readonly key: string;
  /** null: a tombstone. */
  readonly content: string | null;
  readonly ticketId: string;
}

type Row = Readonly<Record<string, unknown>>;

/** Whether nothing is wrong. */
export function isClean({ lost, doubled, foreign, stateDiffers, faults }: LakeFindings): boolean {
  return lost + doubled + foreign + stateDiffers + faults.length === 0;
}

/**
 * Compares a lake with its log. Each table says itself, by its positions, which records it holds: what it holds is compared with
 * exactly these, so that it may be asked at any moment, also while rows are on their way.
 */
export class LakeAuditor {
  readonly #log: EventLog;
  readonly #store: ObjectStore;
  readonly #cache: FileCache;
  /** By topic and partition. */
  readonly #kept = new Map<string, Map<number, Kept[]>>();
  readonly #read = new Map<string, Map<number, number>>();

  constructor(opened: {
    readonly log: EventLog;
    readonly store: ObjectStore;
    readonly cache: FileCache;
  }) {
    this.#log = opened.log;
    this.#store = rememberingMetadata(opened.store);
    this.#cache = opened.cache;
  }

  /** How many records a topic has. */
  async recordsOf(topic: string): Promise<number> {
    await this.#readOn(topic);
    return [...(this.#kept.get(topic)?.values() ?? [])].reduce(
      (sum, { length }) => sum + length,
      0,
    );
  }

  /** Where the last record of each partition ends, by table, as of now. */
  async ends(): Promise<ReadonlyMap<string, ReadonlyMap<number, number>>> {
    const ends = new Map<string, ReadonlyMap<number, number>>();
    for (const { table, topic } of [...eventTables, ...stateTables]) {
      await this.#readOn(topic);
      const last = [...(this.#kept.get(topic) ?? [])].map(
        ([partition, records]) => [partition, (records.at(-1)?.position ?? -1) + 1] as const,
      );
      ends.set(table, new Map(last));
    }
    return ends;
  }

  /** Whether every table has come to these ends. */
  async hasReached(ends: ReadonlyMap<string, ReadonlyMap<number, number>>): Promise<boolean> {
    for (const [name, partitions] of ends) {
      const { positions } = await this.#open(name);
      for (const [partition, end] of partitions)
        if ((positions[partition] ?? 0) < end) return false;
    }
    return true;
  }

  /** Looks at everything. Rows of tickets in `erased` are passed over: an erasure may be about to take them. */
  async audit(erased: ReadonlySet<string>): Promise<LakeFindings> {
    try {
      return await this.#compare(erased);
    } catch (error) {
      // Metadata that names what is not there: how many rows that is cannot be told.
      if (!isFailure(error, "CorruptRecord")) throw error;
      const faults = [error.message];
      return { rows: 0, lost: 0, doubled: 0, foreign: 0, stateDiffers: 0, faults };
    }
  }

  async #compare(erased: ReadonlySet<string>): Promise<LakeFindings> {
    let [rows, lost, doubled, foreign, stateDiffers] = [0, 0, 0, 0, 0];
    for (const spec of eventTables) {
      const { held, kept } = await this.#compared(spec, "id, ticket_id", erased);
      const ids = held.map(({ id }) => String(id));
      const [inTable, onLog] = [new Set(ids), new Set(kept.map(({ key }) => key))];
      rows += ids.length;
      doubled += ids.length - inTable.size;
      lost += [...onLog].filter((id) => !inTable.has(id)).length;
      foreign += [...inTable].filter((id) => !onLog.has(id)).length;
    }
    for (const spec of stateTables) {
      const { held, kept } = await this.#compared(spec, "*", erased);
      const newest = new Map<string, string>();
      for (const { key, content } of kept)
        if (content === null) newest.delete(key);
        else newest.set(key, content);
      rows += held.length;
      stateDiffers += Math.abs(held.length - newest.size);
      stateDiffers += held.filter(
        (row) => newest.get(keyOf(spec, row)) !== lineOf(spec, row),
      ).length;
    }
    const verdict = await verifyLake({
      store: this.#store,
      cache: this.#cache,
      signal: new AbortController().signal,
    });
    const faults = verdict.faults.map(({ where, what }) => `${where} ${what}`);
    return { rows, lost, doubled, foreign, stateDiffers, faults };
  }

  /** How many rows of these tickets the tables hold. */
  async rowsOf(tickets: ReadonlySet<string>): Promise<number> {
    let rows = 0;
    for (const spec of [...eventTables, ...stateTables])
      rows += (await this.#rowsIn(await this.#open(spec.table), spec, "ticket_id")).filter(
        ({ ticket_id: id }) => tickets.has(String(id)),
      ).length;
    return rows;
  }

  /** A table's rows, and the records that its positions cover. */
  async #compared(spec: LakeTable, select: string, erased: ReadonlySet<string>) {
    const table = await this.#open(spec.table);
    await this.#readOn(spec.topic);
    const kept = [...(this.#kept.get(spec.topic) ?? [])].flatMap(([partition, records]) =>
      records.filter(
        ({ position, ticketId }) =>
          position < (table.positions[partition] ?? 0) && !erased.has(ticketId),
      ),
    );
    const rows = await this.#rowsIn(table, spec, select);
    return { kept, held: rows.filter(({ ticket_id: id }) => !erased.has(String(id))) };
  }

  async #rowsIn(table: Table, spec: LakeTable, select: string): Promise<readonly Row[]> {
    const files = await this.#filesOf(table);
    if (files.length === 0) return [];
    await using query = await openLakeQuery({
      views: [{ name: "t", files, columns: spec.columns }],
    });
    const found = await query.run(`select ${select} from t`, { maxRows: 10_000_000 });
    return found.rows.map((row) =>
      Object.fromEntries(found.columns.map(({ name }, at) => [name, row[at]])),
    );
  }

  /** Local copies of the live files. One that is missing is left out: `lake verify` names it, and its rows are lost. */
  async #filesOf(table: Table): Promise<readonly string[]> {
    const paths: string[] = [];
    for (const file of await table.liveFiles())
      try {
        paths.push(...(await this.#cache.pathsOf([file])));
      } catch (error) {
        if (!isFailure(error, "Rejected", "InvalidResponse")) throw error;
      }
    return paths;
  }

  #open(table: string): Promise<Table> {
    const reading = { clock: { now: () => 0, sleep: async () => {} }, newId: () => "" };
    return Table.open({ store: this.#store, table, ...reading });
  }

  /** Reads what the log got since the last time. */
  async #readOn(topic: string): Promise<void> {
    const read = this.#read.get(topic) ?? new Map<number, number>();
    const kept = this.#kept.get(topic) ?? new Map<number, Kept[]>();
    this.#read.set(topic, read);
    this.#kept.set(topic, kept);
    const from = [...read].map(([partition, position]) => ({ topic, partition, position }));
    for await (const { partition, records, nextPosition } of batchesToEnd(this.#log, topic, {
      from,
    })) {
      const held = kept.get(partition) ?? [];
      kept.set(partition, held);
      for (const record of records) if (!isErasureNews(record)) held.push(keptOf(topic, record));
      read.set(partition, nextPosition);
    }
  }
}

function keptOf(topic: string, record: LogRecord): Kept {
  const { position, value } = record;
  const key = record.key ?? "";
  const [, ticketId = ""] = key.split(":");
  if (topic.endsWith("-events")) {
    const { id, ticket_id } = decodeJson(record) as ChangeEvent;
    return { position, key: id, content: "", ticketId: ticket_id };
  }
  if (value === null) return { position, key, content: null, ticketId };
  const state = decodeJson(record);
  const line =
    topic === "tickets" ? ticketLine(state as TicketState) : messageLine(state as MessageState);
  return { position, key, content: line, ticketId };
}

/** Key of a row's record. */
function keyOf({ key }: StateTable, row: Row): string {
  return key.map((name) => String(row[name])).join(":");
}

function lineOf({ table }: StateTable, row: Row): string {
  return table === "tickets" ? ticketLine(row as never) : messageLine(row as never);
}

/** Manifests and manifest lists never change under their names: each is fetched once. */
function rememberingMetadata(store: ObjectStore): ObjectStore {
  const known = new Map<string, Uint8Array>();
  return {
    baseUri: store.baseUri,
    put: store.put.bind(store),
    putIfAbsent: store.putIfAbsent.bind(store),
    copy: store.copy.bind(store),
    list: store.list.bind(store),
    delete: store.delete.bind(store),
    [Symbol.asyncDispose]: async () => {},
    async get(key) {
      const bytes = known.get(key) ?? (await store.get(key));
      if (bytes !== null && key.endsWith(".avro")) known.set(key, bytes);
      return bytes;
    },
  };
}
