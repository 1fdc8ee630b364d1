import { isFailure, type ObjectStore } from "@thulium-stream/contracts";
import {
  type FileCache,
  type IcebergSnapshot,
  openLakeQuery,
  type Positions,
  positionsOfSnapshot,
  Table,
  wholePositionsOfSnapshot,
} from "@thulium-stream/lake";
import { eventTables, type LakeTable, lakeTables, mergedTables } from "./columns.ts";
import { snapshotsOf } from "./lake-catalog.ts";
import { verifySnapshot } from "./verify-snapshot.ts";

/** Something that is not as the lake says. */
export interface LakeFault {
  /** Key of the object or folder. */
  readonly where: string;
  readonly what: string;
}

/** What was looked at, and what is wrong. */
export interface LakeVerdict {
  readonly tables: number;
  /** States of tables that can still be read. */
  readonly states: number;
  /** Complete snapshot folders. */
  readonly snapshots: number;
  readonly files: number;
  readonly rows: number;
  readonly faults: readonly LakeFault[];
}

/** How far {@link verifyLake} looks. */
export interface VerifyLakeOptions {
  readonly store: ObjectStore;
  /** With it, every file is read: rows are counted, checksums compared, events looked for twice. Without it only what the store lists. */
  readonly cache: FileCache | null;
  readonly signal: AbortSignal;
}

/**
 * Compares what tables and snapshots say with what is there: every file that any state names exists in its size, totals add up, the covered ranges of the log adjoin (no state
 * covers less than the one before it), rows and checksums are as stated, no event and no key of a current state is there twice. What is let go while it is looked at is no fault. Reads only.
 * @throws Failure of the store; `CorruptRecord` for metadata that cannot be read.
 */
export async function verifyLake(options: VerifyLakeOptions): Promise<LakeVerdict> {
  const faults: LakeFault[] = [];
  const count = { tables: 0, states: 0, snapshots: 0, files: 0, rows: 0 };
  for (const spec of lakeTables) {
    const found = await verifyTable(spec, options, faults);
    if (found === null) continue;
    count.tables += 1;
    count.states += found.states;
    count.files += found.files;
    count.rows += found.rows;
  }
  const counted = new Map<string, number>();
  for (const { folder, complete } of await snapshotsOf(options.store)) {
    options.signal.throwIfAborted();
    if (!complete) continue;
    count.snapshots += 1;
    const found = await verifySnapshot(folder, { ...options, counted });
    count.files += found.files;
    faults.push(...found.faults);
  }
  return { ...count, faults };
}

/** What a table came to. */
interface VerifiedTable {
  readonly states: number;
  readonly files: number;
  readonly rows: number;
}

/** Times that a table is looked at anew because states of it were let go meanwhile. */
const mostLooks = 5;

async function verifyTable(
  spec: LakeTable,
  options: VerifyLakeOptions,
  faults: LakeFault[],
): Promise<VerifiedTable | null> {
  const reading = { clock: { now: () => 0, sleep: async () => {} }, newId: () => "" };
  const open = () => Table.open({ store: options.store, table: spec.table, ...reading });
  for (let look = 1; ; look += 1) {
    const table = await open();
    if (table.metadata === null) return null;
    const found: LakeFault[] = [];
    const looked = await lookAt(table, { spec, options, faults: found }).catch((error: unknown) => {
      if (isFailure(error)) return error;
      throw error;
    });
    const isWell = !isFailure(looked) && found.length === 0;
    if (isWell || look === mostLooks || !hasLetGo(table, await open())) {
      if (isFailure(looked)) throw looked;
      faults.push(...found);
      return looked;
    }
  }
}

/** Whether states of a table are no more. */
function hasLetGo(before: Table, now: Table): boolean {
  const known = new Set(now.metadata?.snapshots.map((state) => state["snapshot-id"]));
  return (before.metadata?.snapshots ?? []).some((state) => !known.has(state["snapshot-id"]));
}

async function lookAt(
  table: Table,
  {
    spec,
    options: { store, cache, signal },
    faults,
  }: { spec: LakeTable; options: VerifyLakeOptions; faults: LakeFault[] },
): Promise<VerifiedTable> {
  const held = new Map<string, number>();
  // Listed before the states are read: files that come later are in none of them.
  for await (const { key, bytes } of store.list(`${table.files.folder}/data/`))
    held.set(key, bytes);
  const states = [...(table.metadata?.snapshots ?? [])].sort(
    (a, b) => a["sequence-number"] - b["sequence-number"],
  );
  faults.push(...gapsOf(spec.table, states));
  const filesOf = filesOfStates(table);
  for (const state of states) {
    signal.throwIfAborted();
    const files = await filesOf(state);
    for (const { key, bytes } of files) {
      const size = held.get(key);
      if (size === undefined) faults.push({ where: key, what: "is missing" });
      else if (size !== bytes)
        faults.push({ where: key, what: `has ${size} bytes, the table says ${bytes}` });
    }
    const rows = files.reduce((sum, file) => sum + file.rows, 0);
    const stated = Number(state.summary["total-records"]);
    if (rows !== stated)
      faults.push({
        where: `${table.files.folder} at state ${state["snapshot-id"]}`,
        what: `its files have ${rows} rows, its summary says ${stated}`,
      });
  }
  const files = table.snapshot === null ? [] : await filesOf(table.snapshot);
  const missing = new Set(faults.map(({ where }) => where));
  if (cache !== null && !files.some(({ key }) => missing.has(key)))
    faults.push(...(await readTable(spec, files, cache)));
  return {
    states: states.length,
    files: files.length,
    rows: files.reduce((sum, file) => sum + file.rows, 0),
  };
}

/** What a state says of a file. */
interface StatedFile {
  readonly key: string;
  readonly rows: number;
  readonly bytes: number;
}

/** Tells the files of a table's states; each manifest is read once, however many states share it. */
function filesOfStates({
  files,
}: Table): (state: IcebergSnapshot) => Promise<readonly StatedFile[]> {
  const known = new Map<string, readonly StatedFile[]>();
  return async (state) => {
    const manifests = await files.manifests(state);
    const unread = manifests.filter(({ manifest_path }) => !known.has(manifest_path));
    for (const [at, entries] of (await files.liveEntries(unread)).entries()) {
      const stated = entries.map(({ data_file: file }) => ({
        key: files.keyOf(file.file_path),
        rows: file.record_count,
        bytes: file.file_size_in_bytes,
      }));
      known.set(unread[at]?.manifest_path ?? "", stated);
    }
    return manifests.flatMap(({ manifest_path }) => known.get(manifest_path) ?? []);
  };
}

/** Where a state covers less of the log than the one before it, or says that every row is current beyond what it covers. Pure. */
export function gapsOf(table: string, states: readonly IcebergSnapshot[]): readonly LakeFault[] {
  return states.flatMap((state, at) => {
    const where = `tables/${table} at state ${state["snapshot-id"]}`;
    const before = states[at - 1];
    const [now, whole] = [positionsOfSnapshot(state), wholePositionsOfSnapshot(state)];
    const earlier = before === undefined ? {} : positionsOfSnapshot(before);
    const earlierWhole = before === undefined ? {} : wholePositionsOfSnapshot(before);
    return [
      ...shortOf(now, earlier).map(({ partition, has, due }) => ({
        where,
        what: `covers partition ${partition} up to ${has}, the state before it up to ${due}`,
      })),
      ...shortOf(whole, earlierWhole).map(({ partition, has, due }) => ({
        where,
        what: `is whole in partition ${partition} up to ${has}, the state before it up to ${due}`,
      })),
      ...shortOf(now, whole).map(({ partition, has, due }) => ({
        where,
        what: `covers partition ${partition} up to ${has}, and says to be whole up to ${due}`,
      })),
    ];
  });
}

/** Partitions in which positions do not come up to others. */
function shortOf(held: Positions, least: Positions) {
  return Object.entries(least).flatMap(([partition, due]) => {
    const has = held[partition] ?? 0;
    return has >= due ? [] : [{ partition, has, due }];
  });
}

/** Counts rows of every file, and events and keys that are there twice. */
async function readTable(
  { table, columns }: LakeTable,
  files: readonly { readonly key: string; readonly rows: number; readonly bytes: number }[],
  cache: FileCache,
): Promise<readonly LakeFault[]> {
  const faults: LakeFault[] = [];
  const paths = await cache.pathsOf(files);
  const each = paths.map((path, at) => ({ name: `f${at}`, files: [path], columns }));
  await using query = await openLakeQuery({
    views: [{ name: "t", files: paths, columns }, ...each],
  });
  const one = async (sql: string) => (await query.run(sql)).rows[0]?.map(Number) ?? [];
  for (const [at, file] of files.entries()) {
    const [rows] = await one(`select count(*) from f${at}`);
    if (rows !== file.rows)
      faults.push({ where: file.key, what: `has ${rows} rows, the table says ${file.rows}` });
  }
  const isOfEvents = eventTables.some((events) => events.table === table);
  const key = mergedTables.find((state) => state.table === table)?.key ?? ["id"];
  const [all = 0, distinct = 0] = await one(
    `select count(*), count(distinct (${key.join(", ")}, null)) from t`,
  );
  if (all !== distinct)
    faults.push({
      where: `tables/${table}`,
      what: `has ${all - distinct} ${isOfEvents ? "events" : "keys"} twice`,
    });
  return faults;
}
