import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Column,
  decodeJson,
  type EventLog,
  headerNames,
  type ObjectStore,
  silentLogger,
  topics,
} from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { Extractor, TicketIndex } from "@thulium-stream/extractor";
import { openFileCache, openObjectStore, Table } from "@thulium-stream/lake";
import { createDuckdbEncoder } from "@thulium-stream/lake/duckdb";
import { createParquetjsEncoder } from "@thulium-stream/lake/parquetjs";
import {
  createdMonthColumn,
  eventDateColumn,
  eventTables,
  LakeWriter,
  stateTables,
  tableSpecOf,
} from "@thulium-stream/lake-writer";
import { batchesToEnd, newId, random, systemClock } from "@thulium-stream/runtime";
import { createSandbox, serveSandbox } from "@thulium-stream/sandbox";
import { createThuliumSource } from "@thulium-stream/thulium-api";
import type { TableRead } from "./ask-python.ts";
import { type RowChecksum, rowChecksum, typesByName } from "./row-checksum.ts";

const never = new AbortController().signal;
const common = { clock: systemClock, logger: silentLogger, newId };

/** A reading of a table, and what every reader must come to. */
export interface ExpectedRead {
  readonly name: string;
  readonly read: TableRead;
  readonly expected: RowChecksum;
}

/**
 * Fills a lake in three steps (one help desk and a snapshot of it, another one, an added column) and says what readers must find: the newest state, an older one, one ticket, and the
 * rows from before and after the new column. What is expected comes from the log, not from the lake.
 */
export async function lakeForReaders(lake: {
  readonly url: string;
  readonly s3?: object;
}): Promise<readonly ExpectedRead[]> {
  const folder = await mkdtemp(join(tmpdir(), "lake-for-readers-"));
  await using store = await openObjectStore({ ...common, ...lake });
  const log = await openEmbeddedLog({ folder: join(folder, "log"), ...common });
  await log.ensureTopics(topics);
  const tempFolder = join(folder, "temp");
  const duckdb = await createDuckdbEncoder({ tempFolder, newId });
  const writerOf = (encoderSetting: "duckdb" | "parquetjs-lite") =>
    new LakeWriter(
      {
        ...common,
        log,
        store,
        encoders: { parquetjs: createParquetjsEncoder({ newId }), duckdb },
        encoderSetting,
        tempFolder,
        limits: { flushIntervalMs: 60_000, flushRows: 50_000, flushBytes: 64 * 1024 * 1024 },
        cache: openFileCache({ ...common, url: lake.url, store, folder: join(folder, "cache") }),
        deadLetter: async (letter) => {
          throw new Error(`a dead letter: ${letter.detail}`);
        },
      },
      {
        system: "acme",
        zone: "Europe/Warsaw",
        snapshotSchedule: "off",
        mergeIntervalMs: 3_600_000,
      },
    );
  try {
    const reads: ExpectedRead[] = [];
    await extract(log, folder, { system: "acme", tickets: 200 });
    const writer = writerOf("duckdb");
    await writer.flushUntil(never);
    await writer.writeSnapshot(never);
    const first = await Promise.all(eventTables.map((spec) => stateOf(log, store, spec)));
    await extract(log, folder, { system: "beta", tickets: 100 });
    await writerOf("parquetjs-lite").flushUntil(never);
    for (const [at, spec] of eventTables.entries()) {
      const before = first[at];
      if (before === undefined) continue;
      const now = await stateOf(log, store, spec);
      const columns = [...spec.columns, eventDateColumn];
      const read = (snapshot: TableRead["snapshot"], filter: TableRead["filter"] = null) => ({
        table: spec.table,
        metadata: now.metadata,
        snapshot,
        columns: typesByName(columns),
        filter,
      });
      // A catalog finds the newest metadata by itself: that of the table which gets a column below.
      const newest = spec === eventTables[1] ? now.snapshot : null;
      const [one] = now.rows;
      const ticketId = String((one as { ticket_id?: unknown } | undefined)?.ticket_id);
      const ofOne = now.rows.filter(
        (row) => (row as { ticket_id?: unknown }).ticket_id === ticketId,
      );
      reads.push(
        expected(`${spec.table}, newest`, read(newest), columns, now.rows),
        expected(
          `${spec.table}, as of the first help desk`,
          read(before.snapshot),
          columns,
          before.rows,
        ),
        expected(
          `${spec.table}, one ticket`,
          read(newest, ["ticket_id", ticketId]),
          columns,
          ofOne,
        ),
      );
    }
    for (const spec of stateTables) reads.push(await newestState(log, store, spec));
    reads.push(await afterEvolution(log, store, folder));
    return reads;
  } finally {
    await duckdb.close();
    await log.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function expected(
  name: string,
  read: TableRead,
  columns: readonly Column[],
  rows: readonly object[],
): ExpectedRead {
  return { name, read, expected: rowChecksum(columns, rows) };
}

type EventTable = (typeof eventTables)[number];

async function stateOf(log: EventLog, store: ObjectStore, spec: EventTable) {
  const table = await Table.open({ store, table: spec.table, clock: systemClock, newId });
  const rows: object[] = [];
  for await (const { records } of batchesToEnd(log, spec.topic))
    for (const record of records) {
      const event = decodeJson(record) as { observed_at: string };
      rows.push({ ...event, event_date: event.observed_at.slice(0, 10) });
    }
  return { metadata: metadataOf(table), snapshot: table.snapshot?.["snapshot-id"] ?? null, rows };
}

function metadataOf(table: Table): string {
  return table.files.uriOf(table.files.metadataKey(table.version));
}

/** A current-state table: the newest record of each key. */
async function newestState(
  log: EventLog,
  store: ObjectStore,
  spec: (typeof stateTables)[number],
): Promise<ExpectedRead> {
  const table = await Table.open({ store, table: spec.table, clock: systemClock, newId });
  const newest = new Map<string, object>();
  for await (const { records } of batchesToEnd(log, spec.topic))
    for (const record of records) {
      const month = record.headers[headerNames.createdMonth];
      const key = record.key ?? "";
      if (record.value === null) newest.delete(key);
      else newest.set(key, { ...(decodeJson(record) as object), created_month: month });
    }
  const columns = [...spec.columns, createdMonthColumn];
  const read = { table: spec.table, metadata: metadataOf(table), snapshot: null, filter: null };
  const name = `${spec.table}, newest`;
  return expected(name, { ...read, columns: typesByName(columns) }, columns, [...newest.values()]);
}

/** Adds a column to `message_events` and a row that has it: older rows have null there. */
async function afterEvolution(
  log: EventLog,
  store: ObjectStore,
  folder: string,
): Promise<ExpectedRead> {
  const spec = eventTables[1];
  const note: Column = { id: 60, name: "note", type: "text", doc: "Added later" };
  const columns = [...spec.columns, note];
  const { rows } = await stateOf(log, store, spec);
  const table = await Table.open({ store, table: spec.table, clock: systemClock, newId });
  await table.prepare(tableSpecOf({ ...spec, columns }));
  const row = { ...rows[0], note: "zażółć 😀" };
  const path = join(folder, "added.parquet");
  const encoder = createParquetjsEncoder({ newId });
  const file = await encoder.open(path, columns);
  await file.append([Buffer.from(JSON.stringify(row))]);
  const stats = await file.close();
  const partition = String((row as { event_date?: string }).event_date);
  const key = `${table.files.folder}/data/event_date=${partition}/${newId()}.parquet`;
  await store.put(key, { file: path });
  await table.commit({
    operation: "append",
    added: [{ key, partition, ...stats, sorted: false }],
    writtenAtMs: systemClock.now(),
  });
  const all = [...columns, eventDateColumn];
  const read = { table: spec.table, metadata: metadataOf(table), snapshot: null, filter: null };
  return expected(
    `${spec.table}, with an added column`,
    { ...read, columns: typesByName(all) },
    all,
    [...rows, row],
  );
}

/** Everything of a sandbox with so many tickets into the log. */
async function extract(
  log: EventLog,
  folder: string,
  { system, tickets }: { readonly system: string; readonly tickets: number },
): Promise<void> {
  const startMs = Date.parse("2026-11-23T22:30:00.000Z");
  const sandbox = createSandbox({ tickets, startMs, standStill: true });
  const server = await serveSandbox({ sandbox, ...common });
  const zone = "Europe/Warsaw";
  const source = createThuliumSource({
    url: server.url,
    system,
    user: "sandbox",
    password: "sandbox",
    zone,
    ...common,
  });
  const index = TicketIndex.open(join(folder, `index-${system}`), "sandbox", {
    closedStatuses: ["Zamknięte"],
  });
  const extractor = await Extractor.open(
    { source, log, index, random, ...common },
    { system, zone, requestsPerSecond: 10_000 },
  );
  try {
    await extractor.catchUp(never);
  } finally {
    await extractor.close();
    await source.close();
    await server.close();
  }
}
