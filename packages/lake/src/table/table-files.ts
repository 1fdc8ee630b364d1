import { Failure, isFailure, type ObjectStore } from "@thulium-stream/contracts";
import type { SnapshotId } from "./data-file.ts";
import { corrupt, decodeManifest, type ManifestEntry } from "./manifest.ts";
import { decodeManifestList, entriesOf, type ManifestFile } from "./manifest-list.ts";
import {
  decodeMetadata,
  encodeMetadata,
  type IcebergSnapshot,
  type TableMetadata,
} from "./table-metadata.ts";

/** A version of a table: the metadata file that made it. */
export interface TableVersion {
  readonly version: number;
  readonly metadata: TableMetadata;
}

/** Manifests read at once. */
const readsAtOnce = 8;

/** Where the files of one table lie, and how they are read and written. Names are those that Iceberg's Hadoop tables use, so that engines find the newest version without a catalog. */
export class TableFiles {
  readonly #store: ObjectStore;
  readonly #table: string;

  constructor(store: ObjectStore, table: string) {
    this.#store = store;
    this.#table = table;
  }

  /** Folder of the table, without a slash at its end. */
  get folder(): string {
    return `tables/${this.#table}`;
  }

  /** Absolute URI of the table. */
  get location(): string {
    return this.uriOf(this.folder);
  }

  metadataKey(version: number): string {
    return `${this.folder}/metadata/v${version}.metadata.json`;
  }

  get hintKey(): string {
    return `${this.folder}/metadata/version-hint.text`;
  }

  uriOf(key: string): string {
    return `${this.#store.baseUri}/${key}`;
  }

  /** Key of a file by its URI. What counts is the part from the table's folder on, so that a lake that was moved is still read. @throws Failure `InvalidSettings` for a file outside the table. */
  keyOf(uri: string): string {
    const at = uri.lastIndexOf(`/${this.folder}/`);
    if (at < 0)
      throw new Failure(
        "InvalidSettings",
        `the table ${this.#table} names the file ${uri}, which is not in its folder`,
        { advice: "Another engine added it: this project reads files inside the lake only." },
      );
    return uri.slice(at + 1);
  }

  async read(version: number): Promise<TableVersion | null> {
    const key = this.metadataKey(version);
    const bytes = await this.#store.get(key);
    return bytes === null ? null : { version, metadata: decodeMetadata(key, bytes) };
  }

  /** Writes a version unless it exists. */
  async create({ version, metadata }: TableVersion): Promise<"created" | "exists"> {
    return await this.#store.putIfAbsent(this.metadataKey(version), encodeMetadata(metadata));
  }

  /**
   * The newest version: from `from`, or the hint, forward until there is no next; without a usable hint by a listing. A `from` that expiry has removed by now tells nothing: the
   * versions behind it are gone, too.
   */
  async newest(from: TableVersion | null): Promise<TableVersion | null> {
    let current = from !== null && (await this.isThere(from.version)) ? from : null;
    if (current === null) {
      const hinted = await this.hint();
      current = hinted === 0 ? null : await this.read(hinted);
      current ??= await this.#listed();
    }
    for (;;) {
      const next = await this.read((current?.version ?? 0) + 1);
      if (next === null) return current;
      current = next;
    }
  }

  /** Whether the metadata file of a version is still there. */
  async isThere(version: number): Promise<boolean> {
    return (await this.#store.get(this.metadataKey(version))) !== null;
  }

  /** The version that the hint names; 0 when there is none or it is unreadable. */
  async hint(): Promise<number> {
    const bytes = await this.#store.get(this.hintKey);
    const text = bytes === null ? "" : new TextDecoder().decode(bytes).trim();
    return /^\d{1,15}$/.test(text) ? Number(text) : 0;
  }

  /** Best effort: a stale hint costs readers some steps forward. */
  async writeHint(version: number): Promise<void> {
    try {
      await this.#store.put(this.hintKey, new TextEncoder().encode(String(version)));
    } catch (error) {
      if (!isFailure(error)) throw error;
    }
  }

  /** Manifests of a snapshot. @throws Failure `CorruptRecord` when its list is missing, unreadable, or names fewer files than the snapshot's summary: a list that was cut short reads as a smaller table. */
  async manifests(snapshot: IcebergSnapshot | null): Promise<readonly ManifestFile[]> {
    if (snapshot === null) return [];
    const key = this.keyOf(snapshot["manifest-list"]);
    const manifests = await decodeManifestList(key, await this.#whole(key));
    const found = manifests
      .filter(({ content }) => content === 0)
      .reduce((sum, each) => sum + each.added_files_count + each.existing_files_count, 0);
    const stated = Number(snapshot.summary["total-data-files"] ?? 0);
    if (found < stated)
      throw corrupt(key, `its manifests have ${found} files, the summary says ${stated}`);
    return manifests;
  }

  /** Live entries of manifests, with what they inherit from them: sequence numbers and the snapshot that added them. */
  async liveEntries(manifests: readonly ManifestFile[]): Promise<readonly LiveEntry[][]> {
    const entries: LiveEntry[][] = manifests.map(() => []);
    const queue = manifests.entries();
    await Promise.all(
      Array.from({ length: readsAtOnce }, async () => {
        for (const [at, manifest] of queue) entries[at] = await this.#entriesOf(manifest);
      }),
    );
    return entries;
  }

  async put(name: string, bytes: Uint8Array): Promise<string> {
    const key = `${this.folder}/metadata/${name}`;
    await this.#store.put(key, bytes);
    return this.uriOf(key);
  }

  /** Whether something lies in the table's folder. */
  async isFolderUsed(): Promise<string | null> {
    for await (const { key } of this.#store.list(`${this.folder}/`)) return key;
    return null;
  }

  async #entriesOf(manifest: ManifestFile): Promise<LiveEntry[]> {
    if (manifest.content !== 0)
      throw new Failure(
        "InvalidSettings",
        `the table ${this.#table} has row-level deletes (${manifest.manifest_path}), which this version does not read`,
        { advice: "Compact the table with the engine that wrote them." },
      );
    const key = this.keyOf(manifest.manifest_path);
    const entries = await decodeManifest(key, await this.#whole(key), entriesOf(manifest));
    return entries.flatMap((entry) =>
      entry.status === 2
        ? []
        : {
            ...entry,
            snapshot_id: entry.snapshot_id ?? manifest.added_snapshot_id,
            sequence_number: entry.sequence_number ?? manifest.sequence_number,
            file_sequence_number: entry.file_sequence_number ?? manifest.sequence_number,
          },
    );
  }

  async #whole(key: string): Promise<Uint8Array> {
    const bytes = await this.#store.get(key);
    if (bytes !== null) return bytes;
    throw new Failure("CorruptRecord", `${key} is missing, which the table's metadata names`, {
      advice:
        "Restore it from the bucket's versions, or read again: an old snapshot may have expired meanwhile.",
    });
  }

  async #listed(): Promise<TableVersion | null> {
    let newest = 0;
    for await (const { key } of this.#store.list(`${this.folder}/metadata/v`)) {
      const [, version = "0"] = /\/v(\d+)\.metadata\.json$/.exec(key) ?? [];
      newest = Math.max(newest, Number(version));
    }
    return newest === 0 ? null : await this.read(newest);
  }
}

/** A live entry with nothing left to inherit. */
export interface LiveEntry extends ManifestEntry {
  readonly snapshot_id: SnapshotId;
  readonly sequence_number: number;
  readonly file_sequence_number: number;
}
