import { isFailure, type ObjectStore } from "@thulium-stream/contracts";
import {
  type FileCache,
  type IcebergSnapshot,
  type LakeView,
  openLakeQuery,
  type Positions,
  positionsOfSnapshot,
  Table,
  viewSql,
  wholePositionsOfSnapshot,
} from "@thulium-stream/lake";
import { eventTables, type LakeTable, lakeTables, mergedTables } from "./columns.ts";
import { snapshotFolders } from "./lake-catalog.ts";
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
  /** With it, every file of the newest states and of the snapshots is read: rows are counted, every column is decoded, checksums of snapshots are compared, events looked for twice. Without it only what the store lists. */
  readonly cache: FileCache | null;
  readonly signal: AbortSignal;
}

/**
 * Compares what tables and snapshots say with what is there: every file that any state names exists in its size, totals add up, the covered ranges of the log adjoin (no state
 * covers less than the one before it), rows are as stated and can be read, so are the checksums of snapshots, no event and no key of a current state is there twice. What cannot be read is a fault,
 * what is let go while it is looked at is none. Reads only.
 * @throws Failure of the store; `InvalidSettings` for something foreign at the place.
 */
export async function verifyLake(options: VerifyLakeOptions): Promise<LakeVerdict> {
  const faults: LakeFault[] = [];
  const count = { tables: 0, states: 0, snapshots: 0, files: 0, rows: 0 };
  for (const spec of lakeTables) {
    const where = `tables/${spec.table}`;
    const found = await unlessDamaged(where, faults, () => verifyTable(spec, options, faults));
    if (found === null) continue;
    count.tables += 1;
    count.states += found.states;
    count.files += found.files;
    count.rows += found.rows;
  }
  const counted = new Map<string, number>();
  for (const { folder, complete } of await snapshotFolders(options.store)) {
    options.signal.throwIfAborted();
    if (!complete) continue;
    count.snapshots += 1;
    const found = await unlessDamaged(folder, faults, () =>
      verifySnapshot(folder, { ...options, counted }),
    );
    count.files += found?.files ?? 0;
    faults.push(...(found?.faults ?? []));
  }
  return { ...count, faults };
}

/** What `look` finds; null, and a fault more, when it meets something that cannot be decoded. */
async function unlessDamaged<T>(
  where: string,
  faults: LakeFault[],
  look: () => Promise<T>,
): Promise<T | null> {
  try {
    return await look();
  } catch (error) {
    if (!isFailure(error, "CorruptRecord")) throw error;
    faults.push({ where, what: `cannot be read: ${error.message}` });
    return null;
  }
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
  // By file: many states name it, and it is told once.
  const lost = new Map<string, string>();
  for (const state of states) {
    signal.throwIfAborted();
    const files = await filesOf(state);
    for (const { key, bytes } of files) {
      const size = held.get(key);
      if (size === undefined) lost.set(key, "is missing");
      else if (size !== bytes) lost.set(key, `has ${size} bytes, the table says ${bytes}`);
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
  for (const [where, what] of lost) faults.push({ where, what });
  const there = files.filter(({ key }) => !lost.has(key));
  if (cache !== null) faults.push(...(await readTable(spec, there, { cache, signal })));
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

/** Reads every file to its last column, counts its rows, and looks for events and keys that are there twice. */
async function readTable(
  { table, columns }: LakeTable,
  files: readonly StatedFile[],
  { cache, signal }: { readonly cache: FileCache; readonly signal: AbortSignal },
): Promise<readonly LakeFault[]> {
  const faults: LakeFault[] = [];
  const paths = await cache.pathsOf(files);
  const readable: string[] = [];
  await using query = await openLakeQuery({ views: [] });
  const one = async (view: LakeView, sql: string) => {
    await query.run(viewSql(view));
    return (await query.run(sql, { signal })).rows[0]?.map(Number) ?? [];
  };
  for (const [at, { key, rows: stated }] of files.entries()) {
    const path = paths[at] ?? "";
    const view = { name: `f${at}`, files: [path], columns };
    try {
      // The hash is of no use but that every value has to be decoded for it.
      const [rows] = await one(view, `select count(*), bit_xor(hash(f${at})) from f${at}`);
      readable.push(path);
      if (rows !== stated)
        faults.push({ where: key, what: `has ${rows} rows, the table says ${stated}` });
    } catch (error) {
      if (!isFailure(error, "InvalidSettings")) throw error;
      const [reason = ""] = error.message.split("\n");
      faults.push({ where: key, what: `cannot be read: ${reason}` });
    }
  }
  const isOfEvents = eventTables.some((events) => events.table === table);
  const key = mergedTables.find((state) => state.table === table)?.key ?? ["id"];
  const [all = 0, distinct = 0] = await one(
    { name: "t", files: readable, columns },
    `select count(*), count(distinct (${key.join(", ")}, null)) from t`,
  );
  if (all !== distinct)
    faults.push({
      where: `tables/${table}`,
      what: `has ${all - distinct} ${isOfEvents ? "events" : "keys"} twice`,
    });
  return faults;
}
