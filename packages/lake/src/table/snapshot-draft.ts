import { type DataFile, type Positions, type SnapshotId, totalsOf } from "./data-file.ts";
import {
  dataFileOf,
  encodeManifest,
  entryStatus,
  icebergFileOf,
  type ManifestEntry,
  manifestTable,
} from "./manifest.ts";
import { encodeManifestList, type ManifestFile, manifestFileOf } from "./manifest-list.ts";
import type { LiveEntry, TableFiles } from "./table-files.ts";
import {
  columnsOf,
  currentSnapshot,
  type IcebergSnapshot,
  names,
  partitionOf,
  type TableMetadata,
  type Wholeness,
  wholenessProperties,
} from "./table-metadata.ts";

/** Files that come and go, and the log positions that they reach. */
export interface TableChange {
  /**
   * What it does to the rows: `append` only adds; `overwrite` replaces files by others with other rows (merge, erasure); `replace` lays the same rows
   * out anew (compaction); `delete` only removes.
   */
  readonly operation: "append" | "overwrite" | "replace" | "delete";
  readonly added: readonly DataFile[];
  /** Keys of files that go; all must be live. */
  readonly removed?: readonly string[];
  /** For each of the writer's partitions, where its rows begin; another position there means that it was overtaken. */
  readonly from?: Positions;
  /** Where they end. */
  readonly to?: Positions;
  /** How far every row is current from now on, and how far it was when the change was planned: another answer there means that it was overtaken. Left out = as before. */
  readonly whole?: Wholeness & { readonly from: Positions };
  /** When the first of the added files was begun, epoch milliseconds: an old one is not committed, since it may have been taken for an orphan. */
  readonly writtenAtMs: number;
  /** Further entries of the snapshot's summary. */
  readonly summary?: Readonly<Record<string, string>>;
}

/** Who makes a snapshot. */
export interface DraftId {
  readonly commitId: string;
  readonly snapshotId: SnapshotId;
}

/** Manifests from this number on are merged into one. */
const mostManifests = 100;

/** A snapshot on its way: keeps what every attempt can use, writes anew what depends on the version that it is based on. */
export class SnapshotDraft {
  readonly #files: TableFiles;
  readonly #change: TableChange;
  readonly #id: DraftId;
  #written = 0;
  #addedManifest: ManifestFile | null = null;
  /** Entries of the manifests that were read. Manifests do not change: an attempt after a lost race reads and writes what is new alone. */
  readonly #entries = new Map<string, readonly LiveEntry[]>();
  /** What was made of the manifests `of` that hold a file that goes. */
  #rewritten: { readonly of: string; readonly manifest: ManifestFile } | null = null;

  constructor(files: TableFiles, change: TableChange, id: DraftId) {
    this.#files = files;
    this.#change = change;
    this.#id = id;
  }

  /** Writes manifests and manifest list for a snapshot on top of `base`; null when a file that it removes is no longer live. */
  async on(
    base: TableMetadata,
    positions: Positions,
    nowMs: number,
  ): Promise<IcebergSnapshot | null> {
    const parent = currentSnapshot(base);
    const sequenceNumber = base["last-sequence-number"] + 1;
    const held = await this.#files.manifests(parent);
    const kept = await this.#withoutRemoved(base, held, sequenceNumber);
    if (kept === null) return null;
    const added = await this.#added(base, sequenceNumber);
    const manifests = await this.#merged(
      base,
      added === null ? kept.manifests : [...kept.manifests, added],
      sequenceNumber,
    );
    const bytes = encodeManifestList(manifests, {
      id: this.#id.snapshotId,
      parentId: parent?.["snapshot-id"] ?? null,
      sequenceNumber,
    });
    const list = await this.#files.put(this.#nameOf("snap", "avro"), bytes);
    return {
      "snapshot-id": this.#id.snapshotId,
      ...(parent === null ? {} : { "parent-snapshot-id": parent["snapshot-id"] }),
      "sequence-number": sequenceNumber,
      "timestamp-ms": nowMs,
      "manifest-list": list,
      summary: this.#summary(parent, kept.removed, positions, base),
      "schema-id": base["current-schema-id"],
    };
  }

  /** The manifests without the files that go: those that hold one are written anew, as one, with the files marked as deleted. */
  async #withoutRemoved(
    base: TableMetadata,
    held: readonly ManifestFile[],
    sequenceNumber: number,
  ): Promise<{ manifests: readonly ManifestFile[]; removed: readonly LiveEntry[] } | null> {
    const keys = new Set(this.#change.removed);
    if (keys.size === 0) return { manifests: held, removed: [] };
    await this.#read(held);
    const entriesOf = ({ manifest_path: path }: ManifestFile) => this.#entries.get(path) ?? [];
    const isRemoved = (entry: LiveEntry) => keys.has(this.#files.keyOf(entry.data_file.file_path));
    const touched = held.filter((manifest) => entriesOf(manifest).some(isRemoved));
    const entries = touched.flatMap(entriesOf);
    const removed = entries.filter(isRemoved);
    if (removed.length < keys.size) return null;
    const of = touched.map(({ manifest_path: path }) => path).join();
    if (this.#rewritten?.of !== of) {
      const rewritten = entries.map((entry) =>
        isRemoved(entry)
          ? {
              ...withoutBounds(entry),
              status: entryStatus.deleted,
              snapshot_id: this.#id.snapshotId,
            }
          : { ...entry, status: entryStatus.existing },
      );
      this.#rewritten = { of, manifest: await this.#manifest(base, rewritten, sequenceNumber) };
    }
    const others = held.filter((manifest) => !touched.includes(manifest));
    return { manifests: [...others, atAttempt(this.#rewritten.manifest, sequenceNumber)], removed };
  }

  /** Reads the manifests that were not read by an earlier attempt. */
  async #read(manifests: readonly ManifestFile[]): Promise<void> {
    const unread = manifests.filter(({ manifest_path: path }) => !this.#entries.has(path));
    for (const [at, entries] of (await this.#files.liveEntries(unread)).entries())
      this.#entries.set(unread[at]?.manifest_path ?? "", entries);
  }

  /** The manifest of added files: written once, since added files take the sequence number of the list that names them. */
  async #added(base: TableMetadata, sequenceNumber: number): Promise<ManifestFile | null> {
    const { added } = this.#change;
    if (added.length === 0) return null;
    if (this.#addedManifest === null) {
      const [columns, partition] = [columnsOf(base), partitionOf(base)];
      const entries = added.map((file) => ({
        status: entryStatus.added,
        snapshot_id: this.#id.snapshotId,
        sequence_number: null,
        file_sequence_number: null,
        data_file: icebergFileOf(file, { columns, partition, uri: this.#files.uriOf(file.key) }),
      }));
      this.#addedManifest = await this.#manifest(base, entries, sequenceNumber);
    }
    return atAttempt(this.#addedManifest, sequenceNumber);
  }

  /** One manifest instead of too many; entries marked as deleted fall out. */
  async #merged(
    base: TableMetadata,
    manifests: readonly ManifestFile[],
    sequenceNumber: number,
  ): Promise<readonly ManifestFile[]> {
    if (manifests.length < mostManifests) return manifests;
    const own = manifests.filter((manifest) => this.#isOwn(manifest));
    const old = manifests.filter((manifest) => !this.#isOwn(manifest));
    const entries = (await this.#files.liveEntries(old)).flat();
    const existing = entries.map((entry) => ({ ...entry, status: entryStatus.existing }));
    if (existing.length === 0) return own;
    return [await this.#manifest(base, existing, sequenceNumber), ...own];
  }

  /** Manifests of this very snapshot stay: they tell what it added and removed. */
  #isOwn(manifest: ManifestFile): boolean {
    return manifest.added_snapshot_id === this.#id.snapshotId;
  }

  async #manifest(
    base: TableMetadata,
    entries: readonly ManifestEntry[],
    sequenceNumber: number,
  ): Promise<ManifestFile> {
    const partition = partitionOf(base);
    const table = manifestTable(columnsOf(base), base["current-schema-id"], partition);
    const bytes = encodeManifest(table, entries);
    const uri = await this.#files.put(this.#nameOf("m", "avro"), bytes);
    return manifestFileOf(
      entries,
      { uri, bytes: bytes.byteLength, partition },
      { id: this.#id.snapshotId, sequenceNumber },
    );
  }

  #nameOf(kind: string, extension: string): string {
    this.#written += 1;
    return `${kind}-${this.#id.commitId}-${this.#written}.${extension}`;
  }

  /** What the snapshot did, by the names of Iceberg's spec ("Optional Snapshot Summary Fields"), and the positions that it covers. */
  #summary(
    parent: IcebergSnapshot | null,
    removed: readonly LiveEntry[],
    positions: Positions,
    base: TableMetadata,
  ): IcebergSnapshot["summary"] {
    const { operation, added, summary } = this.#change;
    const columns = columnsOf(base);
    const partition = partitionOf(base);
    const gone = removed.map((entry) =>
      dataFileOf(entry.data_file, { columns, partition, key: "" }),
    );
    const [plus, minus] = [totalsOf(added), totalsOf(gone)];
    const before = (name: string) => Number(parent?.summary[name] ?? 0);
    const partitions = new Set([...added, ...gone].map((file) => file.partition));
    const counts = {
      "added-data-files": plus.files,
      "added-records": plus.rows,
      "added-files-size": plus.bytes,
      ...(minus.files === 0
        ? {}
        : {
            "deleted-data-files": minus.files,
            "deleted-records": minus.rows,
            "removed-files-size": minus.bytes,
          }),
      "changed-partition-count": partitions.size,
      "total-data-files": before("total-data-files") + plus.files - minus.files,
      "total-records": before("total-records") + plus.rows - minus.rows,
      "total-files-size": before("total-files-size") + plus.bytes - minus.bytes,
      "total-delete-files": 0,
      "total-position-deletes": 0,
      "total-equality-deletes": 0,
    };
    const { [names.wholePositions]: held, [names.wholeAt]: heldAt } = base.properties;
    const whole = {
      ...(held === undefined ? {} : { [names.wholePositions]: held }),
      ...(heldAt === undefined ? {} : { [names.wholeAt]: heldAt }),
      ...(this.#change.whole === undefined ? {} : wholenessProperties(this.#change.whole)),
    };
    const texts = Object.entries(counts).map(([name, count]) => [name, String(count)]);
    return {
      ...Object.fromEntries(texts),
      ...summary,
      ...whole,
      [names.positions]: JSON.stringify(positions),
      [names.commitId]: this.#id.commitId,
      operation,
    };
  }
}

/** A manifest of this snapshot as a later attempt lists it: what is new in it takes the number of that attempt. */
function atAttempt(manifest: ManifestFile, sequenceNumber: number): ManifestFile {
  const { sequence_number: written, min_sequence_number: least } = manifest;
  return {
    ...manifest,
    sequence_number: sequenceNumber,
    min_sequence_number: least === written ? sequenceNumber : least,
  };
}

/** Bounds are words of the rows: a file that goes, for an erasure maybe, leaves none of them behind. Nobody skips a file that is gone. */
function withoutBounds(entry: LiveEntry): LiveEntry {
  return { ...entry, data_file: { ...entry.data_file, lower_bounds: null, upper_bounds: null } };
}
