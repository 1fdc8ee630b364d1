import {
  type Clock,
  instantOf,
  invariant,
  isFailure,
  type ObjectStore,
} from "@thulium-stream/contracts";
import {
  commitKey,
  type DataFile,
  decodeCommit,
  encodeCommit,
  hintKey,
  nextCommit,
  type Positions,
  type TableCommit,
} from "./table-commit.ts";

/** What a table needs. */
export interface TableOptions {
  readonly store: ObjectStore;
  /** Name of the table. */
  readonly table: string;
  /** The one topic that it is made of. */
  readonly topic: string;
  readonly clock: Clock;
  readonly newId: () => string;
}

/** What became of {@link Table.append}. */
export type AppendOutcome = "committed" | "overtaken";

/** Puts of one commit whose outcome stays unknown, before the failure is told. */
const mostDoubts = 8;

/**
 * An append-only table of Parquet files in an object store, committed by conditional PUT. Its position in the log is part of each commit: exactly once needs nothing
 * else (lake.md, 2). Any number of writers may share it by partition; one whose positions were moved by another has been overtaken.
 */
export class Table {
  readonly #options: TableOptions;
  #current: TableCommit | null = null;

  private constructor(options: TableOptions) {
    this.#options = options;
  }

  /** Opens a table, which may not exist yet. @throws Failure `InvalidSettings` (foreign or newer), `CorruptRecord`, and what the store throws. */
  static async open(options: TableOptions): Promise<Table> {
    const table = new Table(options);
    await table.refresh();
    return table;
  }

  /** The newest commit as of the last refresh or append; null before the first. */
  get current(): TableCommit | null {
    return this.#current;
  }

  /** Next position of each partition that the table covers. */
  get positions(): Positions {
    return this.#current?.positions ?? {};
  }

  /** Finds the newest commit: from the hint, or what is known, forward until there is no next. */
  async refresh(): Promise<void> {
    this.#current ??= await this.#hinted();
    for (;;) {
      const next = await this.#read((this.#current?.version ?? 0) + 1);
      if (next === null) return;
      this.#current = next;
    }
  }

  /** All files of the newest commit. */
  async files(): Promise<readonly DataFile[]> {
    if (this.#current === null) return [];
    const files: DataFile[] = [];
    for (let version = this.#current.fullVersion; version <= this.#current.version; version += 1) {
      const commit = version === this.#current.version ? this.#current : await this.#read(version);
      invariant(commit !== null, `commit ${version} of ${this.#options.table} is missing`);
      files.push(...(commit.files ?? commit.added));
    }
    return files;
  }

  /**
   * Commits files together with the positions they reach. `from` holds, for each of the writer's partitions, where its files begin. When another writer
   * committed meanwhile, the commit is tried again on top of it, as long as nobody has moved these partitions; else the writer was overtaken: its files stay
   * orphans, nothing is deleted. A PUT that failed may have landed (O3): the same commit is put again, and recognised by its id.
   */
  async append(added: readonly DataFile[], from: Positions, to: Positions): Promise<AppendOutcome> {
    const { store, table, topic, clock, newId } = this.#options;
    const commitId = newId();
    let doubts = 0;
    for (;;) {
      await this.refresh();
      if (this.#current?.commitId === commitId) return "committed";
      if (
        Object.entries(from).some(
          ([partition, position]) => (this.positions[partition] ?? 0) !== position,
        )
      )
        return "overtaken";
      const files = await this.#filesWhenFull();
      const commit = nextCommit(this.#current, files, {
        table,
        topic,
        commitId,
        committedAt: instantOf(clock.now()),
        added,
        to,
      });
      try {
        if (
          (await store.putIfAbsent(commitKey(table, commit.version), encodeCommit(commit))) !==
          "created"
        )
          continue;
        this.#current = commit;
        await this.#hint(commit.version);
        return "committed";
      } catch (error) {
        doubts += 1;
        if (!isFailure(error, "Unavailable", "TimedOut") || doubts >= mostDoubts) throw error;
        await clock.sleep(100 * 2 ** doubts);
        // It may have landed as this version, and others may have followed: look for it among them.
        if (await this.#landed(commit.version, commitId)) return "committed";
      }
    }
  }

  async #landed(version: number, commitId: string): Promise<boolean> {
    const found = await this.#read(version);
    if (found?.commitId !== commitId) return false;
    await this.refresh();
    return true;
  }

  async #filesWhenFull(): Promise<readonly DataFile[]> {
    const probe = nextCommit(this.#current, [], {
      table: "",
      topic: "",
      commitId: "",
      committedAt: "",
      added: [],
      to: {},
    });
    return probe.files === undefined ? [] : this.files();
  }

  async #read(version: number): Promise<TableCommit | null> {
    const key = commitKey(this.#options.table, version);
    const bytes = await this.#options.store.get(key);
    return bytes === null ? null : decodeCommit(key, bytes);
  }

  /** The commit that the hint names; without a usable hint the newest of a listing. */
  async #hinted(): Promise<TableCommit | null> {
    const { store, table } = this.#options;
    const hint = await store.get(hintKey(table));
    const version = hint === null ? 0 : versionOf(hint);
    if (version > 0) return this.#read(version);
    let newest = 0;
    for await (const { key } of store.list(`tables/${table}/commits/v`))
      newest = Number(key.slice(-17, -5));
    return newest === 0 ? null : this.#read(newest);
  }

  /** Best effort: a stale hint only costs steps forward. */
  async #hint(version: number): Promise<void> {
    const { store, table } = this.#options;
    try {
      await store.put(hintKey(table), new TextEncoder().encode(JSON.stringify({ version })));
    } catch (error) {
      if (!isFailure(error)) throw error;
    }
  }
}

function versionOf(hint: Uint8Array): number {
  try {
    return (
      Number((JSON.parse(new TextDecoder().decode(hint)) as { version: unknown }).version) || 0
    );
  } catch {
    return 0;
  }
}
