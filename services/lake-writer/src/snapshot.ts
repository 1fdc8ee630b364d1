import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import {
  appendOf,
  type Column,
  checkpoint as checkpointSchema,
  decodeJson,
  type EventLog,
  encodeJson,
  Failure,
  type Instant,
  instantOf,
  type LogRecord,
  type ObjectStore,
} from "@thulium-stream/contracts";
import { chooseEncoder, Table } from "@thulium-stream/lake";
import { batchesToEnd, retrying } from "@thulium-stream/runtime";
import { Temporal } from "temporal-polyfill";
import { closeSnapshot } from "./close-snapshot.ts";
import { mergedTables } from "./columns.ts";
import { copySnapshot, type SnapshotCut } from "./copied-snapshot.ts";
import { encodeRows } from "./encode-rows.ts";
import type { MergeDeps } from "./merge-table.ts";

/** What a snapshot's manifest says of one table. It is written last: a folder without it is not complete. */
export interface SnapshotManifest {
  readonly format: "thulium-stream/snapshot";
  readonly formatVersion: 1;
  readonly table: string;
  readonly system: string;
  /** When the cut was made. */
  readonly at: Instant;
  /** Number of the append at which tickets and messages of this snapshot were cut. Figures are those that the log held then. */
  readonly cutAppend: number;
  /** Id of the table's state that the files are of, as text; null when the rows were read from the log. */
  readonly tableState: string | null;
  readonly rows: number;
  readonly bytes: number;
  readonly files: readonly {
    readonly name: string;
    readonly rows: number;
    readonly bytes: number;
    readonly sha256: string;
  }[];
  /** Next position per partition up to which the topic was read. */
  readonly positions: Readonly<Record<string, number>>;
}

/** What {@link writeSnapshot} wrote. */
export interface SnapshotSummary {
  readonly at: Instant;
  readonly tickets: number;
  readonly messages: number;
  readonly files: number;
  readonly rows: number;
}

/** Rows of one file at most. */
const rowsPerFile = 200_000;
/** Records that wait for the encoder. */
const rowsAtOnce = 20_000;

/** Where {@link writeSnapshot} reads from and writes to. */
export type SnapshotDeps = MergeDeps;

/**
 * Writes the whole current state as plain Parquet into folders of their own, never changed afterwards: tickets and messages cut at one append, their figures as far as the metrics service had come. The files are those of the current-state tables, copied
 * within the store; where these are not merged (no DuckDB) or hold other tenants, too, the state is read from the compacted topics. Each folder is complete when its manifest is there.
 */
export async function writeSnapshot(
  deps: SnapshotDeps,
  options: { readonly system: string; readonly zone: string },
  signal: AbortSignal,
): Promise<SnapshotSummary> {
  for (let tries = 1; ; tries += 1) {
    const { at, manifests, folderOf } = await makeFiles(deps, options, signal);
    if (!(await closeSnapshot(deps.store, manifests, folderOf))) {
      const told = { at, tries };
      const what = "files of a snapshot are not as they were copied";
      // Made anew for ever it would fill the store: then it is the tables that do not fit their files.
      if (tries === mostTries)
        throw new Failure("CorruptRecord", what, { advice: "Run `lake verify`." });
      deps.logger.warn(told, `${what}; making another one`);
      continue;
    }
    await writeHint(deps, manifests, folderOf, signal);
    await tagStates(deps, manifests, localDay(at, options.zone));
    return summaryOf(at, manifests);
  }
}

/** Snapshots that are begun for one. */
const mostTries = 3;

/** A snapshot but for its manifests. */
interface UnclosedSnapshot {
  readonly at: Instant;
  readonly manifests: readonly SnapshotManifest[];
  readonly folderOf: (table: string) => string;
}

async function makeFiles(
  deps: SnapshotDeps,
  { system, zone }: { readonly system: string; readonly zone: string },
  signal: AbortSignal,
): Promise<UnclosedSnapshot> {
  const at = await instantOfItsOwn(deps, zone, signal);
  const { cutAppend, isAlone } = await lastAppend(deps.log, system);
  const folderOf = (table: string) => snapshotFolder(table, at, zone);
  const previous = await latestFolders(deps.store);
  const cut = { system, at, cutAppend, folderOf, previous };
  const canCopy = isAlone && deps.encoders.duckdb !== null;
  const copied = canCopy ? await copySnapshot(deps, cut, signal) : null;
  return { at, folderOf, manifests: copied ?? (await readSnapshot(deps, cut, signal)) };
}

/** Names the newest folders: one that another machine has closed meanwhile may be newer. */
async function writeHint(
  { store, clock, logger }: SnapshotDeps,
  manifests: readonly SnapshotManifest[],
  folderOf: (table: string) => string,
  signal: AbortSignal,
): Promise<void> {
  const held = await latestFolders(store);
  const latest = manifests.map(({ table }) => {
    const [folder, before = ""] = [folderOf(table), held[table]];
    return [table, folder > before ? folder : before] as const;
  });
  const options = { what: "writing the hint", clock, logger, signal };
  const bytes = encodeJson(Object.fromEntries(latest));
  await retrying(() => store.put("snapshots/_latest.json", bytes), options);
}

/** Names the states that the files are of by the local day, for readers of the tables. Of the snapshots of a day the last one's has the name. */
async function tagStates(
  { store, clock, newId }: SnapshotDeps,
  manifests: readonly SnapshotManifest[],
  day: string,
): Promise<void> {
  for (const { table: name, tableState } of manifests) {
    if (tableState === null) continue;
    const table = await Table.open({ store, table: name, clock, newId });
    const state = table.metadata?.snapshots.find(
      (each) => String(each["snapshot-id"]) === tableState,
    );
    if (state !== undefined) await table.tag(day, state["snapshot-id"]);
  }
}

function summaryOf(at: Instant, manifests: readonly SnapshotManifest[]): SnapshotSummary {
  const rowsOf = (table: string) =>
    manifests.find((manifest) => manifest.table === table)?.rows ?? 0;
  return {
    at,
    tickets: rowsOf("tickets"),
    messages: rowsOf("messages"),
    files: manifests.reduce((sum, { files }) => sum + files.length, 0),
    rows: manifests.reduce((sum, { rows }) => sum + rows, 0),
  };
}

/** When a snapshot is made. Its folders are named by the second: those that another one of that second has begun are left to it. */
async function instantOfItsOwn(
  { store, clock }: SnapshotDeps,
  zone: string,
  signal: AbortSignal,
): Promise<Instant> {
  for (;;) {
    const at = instantOf(clock.now());
    if (!(await isBegun(store, at, zone))) return at;
    await clock.sleep(1_000 - (clock.now() % 1_000), signal);
  }
}

async function isBegun(store: ObjectStore, at: Instant, zone: string): Promise<boolean> {
  for (const { table } of mergedTables)
    for await (const _ of store.list(`${snapshotFolder(table, at, zone)}/`)) return true;
  return false;
}

/** The state from the compacted topics, in two passes (the newest position of each key, then the rows at these positions), so that memory holds keys, not rows. */
async function readSnapshot(
  deps: SnapshotDeps,
  { system, at, cutAppend, folderOf }: SnapshotCut,
  signal: AbortSignal,
): Promise<readonly SnapshotManifest[]> {
  const manifests: SnapshotManifest[] = [];
  for (const { table, topic, columns } of mergedTables) {
    const cut = { system, table, topic, columns, at, cutAppend, folder: folderOf(table) };
    manifests.push(await writeTable(deps, cut, signal));
  }
  return manifests;
}

/** Folders of the newest snapshot by the hint; none when it cannot be read. */
async function latestFolders(store: ObjectStore): Promise<Readonly<Record<string, string>>> {
  const bytes = await store.get("snapshots/_latest.json");
  try {
    return JSON.parse(new TextDecoder().decode(bytes ?? new Uint8Array())) as Record<
      string,
      string
    >;
  } catch {
    return {};
  }
}

/** `snapshots/<table>/snapshot_date=<local day>/snapshot_at=<UTC instant>`. */
export function snapshotFolder(table: string, at: Instant, zone: string): string {
  return `snapshots/${table}/snapshot_date=${localDay(at, zone)}/snapshot_at=${at.replace(/[-:]|\.\d+/g, "")}`;
}

function localDay(at: Instant, zone: string): string {
  return Temporal.Instant.from(at).toZonedDateTimeISO(zone).toPlainDate().toString();
}

interface TableCut {
  readonly system: string;
  readonly table: string;
  readonly topic: string;
  readonly columns: readonly Column[];
  readonly at: Instant;
  readonly cutAppend: number;
  readonly folder: string;
}

async function writeTable(
  deps: SnapshotDeps,
  cut: TableCut,
  signal: AbortSignal,
): Promise<SnapshotManifest> {
  const { system, table, topic, at, cutAppend } = cut;
  const ranges = await deps.log.ends(topic);
  const counts = (record: LogRecord) =>
    appendOf(record) <= cutAppend && record.key?.startsWith(`${system}:`) === true;
  const newest = new Map<string, number>();
  for await (const { records } of batchesToEnd(deps.log, topic, { ranges, signal }))
    for (const record of records.filter(counts)) {
      if (record.value === null) newest.delete(record.key ?? "");
      else newest.set(record.key ?? "", record.position);
    }
  const files: SnapshotManifest["files"][number][] = [];
  let waiting: LogRecord[] = [];
  const flush = async () => {
    if (waiting.length > 0)
      files.push(...(await writeFile(deps, { ...cut, signal }, waiting, files.length)));
    waiting = [];
  };
  for await (const { records } of batchesToEnd(deps.log, topic, { ranges, signal }))
    for (const record of records) {
      if (!counts(record) || newest.get(record.key ?? "") !== record.position) continue;
      waiting.push(record);
      if (waiting.length >= Math.min(rowsAtOnce, rowsPerFile)) await flush();
    }
  await flush();
  return {
    format: "thulium-stream/snapshot",
    formatVersion: 1,
    table,
    system,
    at,
    cutAppend,
    tableState: null,
    rows: files.reduce((sum, { rows }) => sum + rows, 0),
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    files,
    positions: Object.fromEntries(ranges.map(({ partition, end }) => [partition, end])),
  };
}

async function writeFile(
  deps: SnapshotDeps,
  { columns, folder, signal }: TableCut & { readonly signal: AbortSignal },
  records: readonly LogRecord[],
  number: number,
) {
  const { encoders, encoderSetting, tempFolder, store, clock, logger, newId, deadLetter } = deps;
  const bytes = records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
  const choice = chooseEncoder({
    setting: encoderSetting,
    rows: records.length,
    bytes,
    duckdbAvailable: encoders.duckdb !== null,
  });
  const encoder =
    choice === "duckdb" && encoders.duckdb !== null ? encoders.duckdb : encoders.parquetjs;
  const path = join(tempFolder, `${newId()}.parquet`);
  await mkdir(tempFolder, { recursive: true });
  try {
    const stats = await encodeRows(records, {
      encoder,
      path,
      columns,
      deadLetter,
      nowMs: clock.now(),
    });
    if (stats === null) return [];
    const name = `part-${String(number).padStart(5, "0")}.parquet`;
    await retrying(() => store.put(`${folder}/${name}`, { file: path }), {
      what: "uploading a snapshot file",
      clock,
      logger,
      signal,
    });
    return [{ name, rows: stats.rows, bytes: stats.bytes, sha256: await sha256Of(path) }];
  } finally {
    await rm(path, { force: true });
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/** Number of the newest append, whose later changes are not part of the cut, and whether the log is this tenant's alone: appends of several are numbered each by itself. */
async function lastAppend(
  log: EventLog,
  system: string,
): Promise<{ readonly cutAppend: number; readonly isAlone: boolean }> {
  let [cutAppend, isAlone] = [0, true];
  for await (const { records } of batchesToEnd(log, "extractor-state"))
    for (const record of records) {
      if (record.value === null || !record.key?.endsWith(":checkpoint")) continue;
      if (record.key === `${system}:checkpoint`)
        cutAppend = checkpointSchema.parse(decodeJson(record)).append;
      else isAlone = false;
    }
  return { cutAppend, isAlone };
}
