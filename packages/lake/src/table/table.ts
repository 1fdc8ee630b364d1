import { createHash } from "node:crypto";
import {
  type Clock,
  type Column,
  Failure,
  isFailure,
  type ObjectStore,
} from "@thulium-stream/contracts";
import type { LiveFile, Positions, SnapshotId } from "./data-file.ts";
import { evolvedColumns } from "./iceberg-schema.ts";
import { dataFileOf } from "./manifest.ts";
import {
  firstMetadata,
  nextVersion,
  type TableSpec,
  withColumns,
  withHistory,
  withSnapshot,
} from "./next-metadata.ts";
import { type DraftId, SnapshotDraft, type TableChange } from "./snapshot-draft.ts";
import { tagAgeOf } from "./snapshot-history.ts";
import { TableFiles, type TableVersion } from "./table-files.ts";
import {
  columnsOf,
  currentSnapshot,
  type IcebergSnapshot,
  names,
  partitionOf,
  positionsOf,
  type TableMetadata,
  type Wholeness,
  wholenessOf,
  wholenessProperties,
} from "./table-metadata.ts";

/** What a table needs. */
export interface TableOptions {
  readonly store: ObjectStore;
  /** Name of the table. */
  readonly table: string;
  readonly clock: Clock;
  readonly newId: () => string;
}

/**
 * What became of a commit. `overtaken`: another writer moved the positions of these partitions. `conflict`: a file to be removed is no longer live; the
 * work must be done again from the newest files. `stale`: its files are older than an hour. In each of these nothing was committed, and nothing may be deleted.
 */
export type CommitOutcome = "committed" | "overtaken" | "conflict" | "stale";

/** Tries of one commit whose outcome stays unknown, before the failure is told. */
const mostDoubts = 8;

/** Files older than this are not committed (1 h): well before anything takes them for orphans. */
export const oldestFileMs = 3_600_000;

/**
 * An Apache Iceberg table (format version 2) of Parquet files in an object store, committed by conditional PUT of the next metadata file. Its position in the log is part
 * of each commit: exactly once needs nothing else (lake.md, 2). Any number of writers may share it by partition; one whose positions were moved by another has been overtaken.
 */
export class Table {
  readonly #options: TableOptions;
  readonly #files: TableFiles;
  #current: TableVersion | null = null;

  private constructor(options: TableOptions) {
    this.#options = options;
    this.#files = new TableFiles(options.store, options.table);
  }

  /** Opens a table, which may not exist yet. @throws Failure `InvalidSettings` (foreign or newer), `CorruptRecord`, and what the store throws. */
  static async open(options: TableOptions): Promise<Table> {
    const table = new Table(options);
    await table.refresh();
    return table;
  }

  get name(): string {
    return this.#options.table;
  }

  /** The newest metadata as of the last refresh or commit; null while the table does not exist. */
  get metadata(): TableMetadata | null {
    return this.#current?.metadata ?? null;
  }

  /** Number of the newest metadata file; 0 while the table does not exist. */
  get version(): number {
    return this.#current?.version ?? 0;
  }

  /** Next position of each partition that the table covers. */
  get positions(): Positions {
    return this.metadata === null ? {} : positionsOf(this.metadata);
  }

  /** How far every row is current; not further than {@link positions}. */
  get wholeness(): Wholeness {
    return this.metadata === null ? { positions: {}, atMs: null } : wholenessOf(this.metadata);
  }

  /** The columns now, the partition column included. */
  get columns(): readonly Column[] {
    return this.metadata === null ? [] : columnsOf(this.metadata);
  }

  /** The newest snapshot; null while nothing was written. */
  get snapshot(): IcebergSnapshot | null {
    return this.metadata === null ? null : currentSnapshot(this.metadata);
  }

  /** Where the table's files lie, and how their keys and URIs go. */
  get files(): TableFiles {
    return this.#files;
  }

  /** Finds the newest version. */
  async refresh(): Promise<void> {
    this.#current = await this.#files.newest(this.#current);
  }

  /** Files of a snapshot: the newest one, or the one given (time travel). */
  async liveFiles(snapshot: IcebergSnapshot | null = this.snapshot): Promise<readonly LiveFile[]> {
    if (this.metadata === null) return [];
    const entries = await this.#files.liveEntries(await this.#files.manifests(snapshot));
    const [columns, partition] = [this.columns, partitionOf(this.metadata)];
    return entries.flat().map((entry) => ({
      ...dataFileOf(entry.data_file, {
        columns,
        partition,
        key: this.#files.keyOf(entry.data_file.file_path),
      }),
      addedBy: entry.snapshot_id,
    }));
  }

  /**
   * Makes the table when it is missing, adds the columns that it lacks, and says how long its history is kept.
   * @throws Failure `InvalidSettings` when something else lies at its place, it is made of another topic, or a column would change its type.
   */
  async prepare(spec: TableSpec): Promise<void> {
    await this.refresh();
    if (this.#current === null) await this.#create(spec);
    await this.update((metadata) => {
      this.#checkSpec(metadata, spec);
      const columns = evolvedColumns(columnsOf(metadata), spec.columns);
      return columns === null ? null : withColumns(metadata, columns);
    });
    const { history } = spec;
    if (history !== undefined) await this.update((metadata) => withHistory(metadata, history));
  }

  /**
   * Commits a change of files together with the positions that it reaches. When another commit came first, the change is tried again on top of it, as long as nobody
   * has moved the writer's partitions and every file that it removes is still live. A PUT that failed may have landed (O3): it is recognised by its id. Never deletes anything.
   * @throws Failure of the store after eight doubts; `Cancelled` after the first one when `signal` has fired: the commit may then have landed.
   */
  async commit(change: TableChange, signal?: AbortSignal): Promise<CommitOutcome> {
    const { clock, newId } = this.#options;
    const commitId = newId();
    const id: DraftId = { commitId, snapshotId: snapshotIdOf(commitId) };
    const draft = new SnapshotDraft(this.#files, change, id);
    let refused: CommitOutcome | null = null;
    const landed = await this.#advance(
      (metadata) => metadata.snapshots.some((each) => each["snapshot-id"] === id.snapshotId),
      async (base, nowMs) => {
        refused = refusalOf(change, base, clock.now());
        if (refused !== null) return null;
        const positions = { ...positionsOf(base), ...change.to };
        const snapshot = await draft.on(base, positions, nowMs);
        if (snapshot === null) refused = "conflict";
        const properties = {
          [names.positions]: JSON.stringify(positions),
          [names.commitId]: commitId,
          ...(change.whole === undefined ? {} : wholenessProperties(change.whole)),
        };
        return snapshot === null ? null : withSnapshot(base, snapshot, properties);
      },
      signal,
    );
    return landed ? "committed" : (refused ?? "overtaken");
  }

  /**
   * Commits other metadata over the same files: tags, properties, columns, fewer snapshots. `change` is pure, and asked again on top of whatever came first; null = nothing to do.
   */
  async update(change: (metadata: TableMetadata) => TableMetadata | null): Promise<void> {
    const commitId = this.#options.newId();
    await this.#advance(
      ({ properties }) => properties[names.commitId] === commitId,
      async (base) => {
        const next = change(base);
        if (next === null) return null;
        return { ...next, properties: { ...next.properties, [names.commitId]: commitId } };
      },
    );
  }

  /** Tells that the log held nothing beyond the table's positions at that time, when that is still so of the newest version. */
  async confirmWhole(atMs: number): Promise<void> {
    const seen = JSON.stringify(this.positions);
    await this.update((metadata) => {
      const { positions } = wholenessOf(metadata);
      const isSame = [positions, positionsOf(metadata)].every(
        (each) => JSON.stringify(each) === seen,
      );
      return isSame
        ? {
            ...metadata,
            properties: { ...metadata.properties, ...wholenessProperties({ positions, atMs }) },
          }
        : null;
    });
  }

  /**
   * Names a snapshot, so that it can be read by this name as long as the table keeps days of its history; the name may have been another one's. One that is gone by now is not named.
   */
  async tag(name: string, snapshotId: SnapshotId): Promise<void> {
    await this.update((metadata) => {
      if (!metadata.snapshots.some((each) => each["snapshot-id"] === snapshotId)) return null;
      const tag = { "snapshot-id": snapshotId, type: "tag" as const, ...tagAgeOf(metadata) };
      return { ...metadata, refs: { ...metadata.refs, [name]: tag } };
    });
  }

  async #create(spec: TableSpec): Promise<void> {
    const used = await this.#files.isFolderUsed();
    if (used !== null) {
      await this.refresh();
      if (this.#current !== null) return;
      throw new Failure(
        "InvalidSettings",
        `LAKE_URL holds something else at ${used}. Choose another prefix, or restore the metadata of the table ${this.name}.`,
      );
    }
    const metadata = firstMetadata(spec, {
      location: this.#files.location,
      uuid: uuidOf(this.#options.newId()),
      nowMs: this.#options.clock.now(),
    });
    // Whoever made it first: what is there counts.
    await this.#files.create({ version: 1, metadata });
    await this.refresh();
    await this.#files.writeHint(this.version);
  }

  #checkSpec(metadata: TableMetadata, { topic, partition }: TableSpec): void {
    const held = metadata.properties[names.topic];
    if (held !== topic)
      throw new Failure(
        "InvalidSettings",
        `the table ${this.name} is made of the topic ${held}, not of ${topic}. Choose another LAKE_URL.`,
      );
    const specs = metadata["partition-specs"];
    if (specs.length !== 1 || partitionOf(metadata) !== partition)
      throw new Failure(
        "InvalidSettings",
        `the table ${this.name} is partitioned otherwise than by ${partition}: another engine changed it. Restore an older metadata file or choose another LAKE_URL.`,
      );
  }

  /** Writes the next version until it is there, or `next` has nothing (more) to write. Returns whether it landed. */
  async #advance(
    isLanded: (metadata: TableMetadata) => boolean,
    next: (base: TableMetadata, nowMs: number) => Promise<TableMetadata | null>,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const { clock } = this.#options;
    for (let doubts = 0; ; ) {
      const base = this.#current;
      if (base === null) throw new Failure("Invariant", `the table ${this.name} does not exist`);
      try {
        if (isLanded(base.metadata)) return true;
        // Clocks of writers differ: time in the table never steps back.
        const nowMs = Math.max(clock.now(), base.metadata["last-updated-ms"]);
        const metadata = await next(base.metadata, nowMs);
        if (metadata === null) return false;
        if (await this.#put(base, nextVersion(metadata, this.#nameOf(base), nowMs), isLanded))
          return true;
      } catch (error) {
        // What an older version names may be gone: an erasure lets the history of a table go at once.
        if (isFailure(error, "CorruptRecord") && (await this.#isOutdated(base))) continue;
        doubts += 1;
        if (!isFailure(error, "Unavailable", "TimedOut", "RateLimited") || doubts >= mostDoubts)
          throw error;
        await clock.sleep(100 * 2 ** doubts, signal);
      }
      await this.refresh();
    }
  }

  /** Whether there is a newer version than this one, which is then the current one. */
  async #isOutdated({ version }: TableVersion): Promise<boolean> {
    this.#current = await this.#files.newest(null);
    return this.version > version;
  }

  /** One conditional PUT. Returns whether it won; the newest version is known afterwards only then. */
  async #put(
    base: TableVersion,
    metadata: TableMetadata,
    isLanded: (metadata: TableMetadata) => boolean,
  ): Promise<boolean> {
    const version = base.version + 1;
    if ((await this.#files.create({ version, metadata })) !== "created") return false;
    // A process that slept for days may have filled a gap that expiry left far behind the newest version: then the hint is ahead, unless it was late itself, and the version before is gone.
    // The newest version decides.
    if ((await this.#files.hint()) > version || !(await this.#files.isThere(base.version))) {
      this.#current = await this.#files.newest(null);
      if (this.metadata === null || !isLanded(this.metadata)) return false;
    } else {
      this.#current = { version, metadata };
      await this.#files.writeHint(version);
    }
    return true;
  }

  #nameOf({ version, metadata }: TableVersion) {
    return {
      file: this.#files.uriOf(this.#files.metadataKey(version)),
      updatedAtMs: metadata["last-updated-ms"],
    };
  }
}

/** Why a change must not be committed on top of these positions; null = it may. Pure. */
function refusalOf(change: TableChange, base: TableMetadata, nowMs: number): CommitOutcome | null {
  const { added, removed = [], from = {}, whole, writtenAtMs } = change;
  const held = positionsOf(base);
  const isMoved = Object.entries(from).some(
    ([partition, position]) => (held[partition] ?? 0) !== position,
  );
  const isWholeMoved =
    whole !== undefined &&
    JSON.stringify(wholenessOf(base).positions) !== JSON.stringify(whole.from);
  if (isMoved || isWholeMoved) return "overtaken";
  // A change that only removes has written manifests, which may have been taken for orphans as well.
  const hasFiles = added.length + removed.length > 0;
  return hasFiles && nowMs - writtenAtMs > oldestFileMs ? "stale" : null;
}

/** A snapshot id that stays exact as a number: 48 bits of the commit's id. */
function snapshotIdOf(commitId: string): number {
  return createHash("sha256").update(commitId).digest().readUIntBE(0, 6);
}

function uuidOf(id: string): string {
  const hex = createHash("sha256").update(id).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
