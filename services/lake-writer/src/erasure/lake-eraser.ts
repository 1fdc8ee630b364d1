import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type Clock,
  type ErasureState,
  type EventLog,
  erasurePartRecord,
  instantOf,
  type Logger,
  type ObjectStore,
} from "@thulium-stream/contracts";
import type { FileCache } from "@thulium-stream/lake";
import { ParquetRewriter } from "@thulium-stream/lake/duckdb";
import { ErasureFollower } from "@thulium-stream/runtime";
import { eraseClaims } from "./erase-claims.ts";
import { eraseSnapshots } from "./erase-snapshots.ts";
import { eraseTables } from "./erase-tables.ts";
import { ErasedRowFinder } from "./erased-rows.ts";

/** What a {@link LakeEraser} works with. */
export interface LakeEraserDeps {
  readonly system: string;
  readonly log: EventLog;
  readonly store: ObjectStore;
  /** Local copies of the lake's objects; emptied when something was erased. */
  readonly cache: FileCache;
  /** Local folder for files on their way. */
  readonly tempFolder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newId: () => string;
}

/** How far {@link LakeEraser.eraseAll} came. */
export type LakeErasure = "done" | "ahead" | "orphans";

const nothing = { "rows of tables": 0, "rows of snapshots": 0, "claim-check bodies": 0 };

/**
 * The lake's part of every erasure. What is left to do is seen in the objects themselves, so that a part that was cut short is simply done again; that it is done is
 * written into `extractor-state`.
 */
export class LakeEraser {
  readonly #deps: LakeEraserDeps;
  readonly #follower: ErasureFollower;
  /** What was removed since the last part that was told as done: it may take several looks. */
  #removed = nothing;

  constructor(deps: LakeEraserDeps) {
    this.#deps = deps;
    this.#follower = new ErasureFollower(deps.log, deps.system);
  }

  /** What was erased, as of the last look. */
  get list() {
    return this.#follower.records.list;
  }

  /** Reads what was erased of late. @throws Failure of the log. */
  async refresh(signal?: AbortSignal): Promise<void> {
    await this.#follower.refresh(signal);
  }

  /**
   * Does what is left to do of every erasure that the log has done. `ahead`: a table has still to come past events of it. `orphans`: files that nobody names are too young
   * to be removed, since a writer may be about to commit them. Either way it is to be called again. @throws Failure of log or store; `InvalidSettings` without DuckDB.
   */
  async eraseAll(signal: AbortSignal): Promise<LakeErasure> {
    await this.refresh(signal);
    const left = this.#left;
    // One look through all files serves every erasure.
    return left.length === 0 ? "done" : this.#erase(left, signal);
  }

  /** Whether anything is left to do, as of the log's end. @throws Failure of the log. */
  async hasWork(signal: AbortSignal): Promise<boolean> {
    await this.refresh(signal);
    return this.#left.length > 0;
  }

  get #left(): readonly ErasureState[] {
    const { records } = this.#follower;
    return records.list.erasures.filter(
      (erasure) => erasure.state === "erased" && records.doneBy("lake", erasure) === null,
    );
  }

  async #erase(erasures: readonly ErasureState[], signal: AbortSignal): Promise<LakeErasure> {
    const { log, store, cache, clock, logger, newId } = this.#deps;
    const tempFolder = join(this.#deps.tempFolder, "erasure");
    await mkdir(tempFolder, { recursive: true });
    const { list } = this.#follower.records;
    try {
      await using finder = await ErasedRowFinder.open(list);
      await using rewriter = await ParquetRewriter.open({ tempFolder, newId });
      const deps = { store, finder, rewriter, cache, tempFolder, newId, clock };
      const tables = await eraseTables(deps, signal);
      const snapshots = await eraseSnapshots(deps, signal);
      const claims = await eraseClaims(store, list);
      const counts = {
        "rows of tables": this.#removed["rows of tables"] + tables.rows,
        "rows of snapshots": this.#removed["rows of snapshots"] + snapshots.rows,
        "claim-check bodies": this.#removed["claim-check bodies"] + claims,
      };
      this.#removed = counts;
      if (await this.#isAhead(tables.positions, erasures, signal)) return "ahead";
      if (!tables.isClean) return "orphans";
      await this.#tell(log, erasures, counts);
      this.#removed = nothing;
      logger.info({ counts }, "erased from the lake");
      return "done";
    } finally {
      // Nothing of what is found may stay behind here either.
      await cache.clear();
      await rm(tempFolder, { recursive: true, force: true });
    }
  }

  /** Whether a table has still to come past events of what was erased. */
  async #isAhead(
    positions: ReadonlyMap<string, Readonly<Record<string, number>>>,
    erasures: readonly ErasureState[],
    signal: AbortSignal,
  ): Promise<boolean> {
    for (const [topic, at] of positions)
      for (const erasure of erasures)
        if (await this.#follower.hasErasedAhead(topic, at, erasure, signal)) return true;
    return false;
  }

  async #tell(
    log: EventLog,
    erasures: readonly ErasureState[],
    counts: Readonly<Record<string, number>>,
  ): Promise<void> {
    const { system, clock, newId } = this.#deps;
    const writer = await log.openWriter(`erasure-lake.${newId()}`);
    try {
      const done_at = instantOf(clock.now());
      await writer.append(
        erasures.map(({ erasure_id, revision }) =>
          erasurePartRecord("lake", 0, { system, erasure_id, revision, done_at, counts }),
        ),
      );
    } finally {
      await writer.close();
    }
  }
}
