import { isFailure, type LogRecord } from "@thulium-stream/contracts";
import { nextRunMs, retrying } from "@thulium-stream/runtime";
import { eventTables, mergedTables } from "./columns.ts";
import { LakeEraser, type LakeErasure } from "./erasure/lake-eraser.ts";
import { compactLake, expireLake } from "./maintain-lake.ts";
import { type MaintenanceStep, maintenanceLoop } from "./maintenance-loop.ts";
import { type MergeDeps, mergeTable } from "./merge-table.ts";
import { type SnapshotSummary, writeSnapshot } from "./snapshot.ts";
import { type TableStatus, TableWriter } from "./table-writer.ts";

/** What a lake writer works with. */
export type LakeWriterDeps = MergeDeps;

/** What a lake writer needs to know. */
export interface LakeWriterOptions {
  /** Tenant whose state the snapshots hold. */
  readonly system: string;
  /** IANA zone of local days. */
  readonly zone: string;
  /** Cron pattern in `zone`, or `off`. */
  readonly snapshotSchedule: string;
  /** How often the current-state tables are merged, in milliseconds. */
  readonly mergeIntervalMs: number;
  /** Age from which snapshot folders go, in milliseconds; null keeps all. Default null. */
  readonly retainSnapshotsMs?: number | null;
}

/** How often small files are laid together (1 h), and how often old states and orphans go (1 day), in milliseconds. */
const compactionIntervalMs = 3_600_000;
const expiryIntervalMs = 24 * compactionIntervalMs;

/** Where a lake writer stands. */
export interface LakeWriterStatus {
  readonly tables: readonly TableStatus[];
  readonly lastSnapshotAt: string | null;
}

/** How often the lake writer looks for what was erased. */
const erasureLookMs = 5_000;
/** How long it waits for what only time brings. */
const erasureAgainMs = 600_000;

/** Turns the log's events into Parquet tables, and its current state into snapshots. */
export class LakeWriter {
  readonly #deps: LakeWriterDeps;
  readonly #options: LakeWriterOptions;
  readonly #eraser: LakeEraser;
  readonly #tables: readonly TableWriter[];
  #lastSnapshotAt: string | null = null;
  #maintaining: Promise<unknown> = Promise.resolve();

  constructor(deps: LakeWriterDeps, options: LakeWriterOptions) {
    this.#deps = deps;
    this.#options = options;
    const eraser = new LakeEraser({ ...deps, system: options.system });
    this.#eraser = eraser;
    const isErased = (record: LogRecord) => eraser.list.erasureOfRecord(record) !== null;
    this.#tables = eventTables.map((spec) => new TableWriter({ ...deps, isErased }, spec));
  }

  /** Works until `signal` fires, then writes what waits. @throws Failure that no retry mends. */
  async run(signal: AbortSignal): Promise<void> {
    const failed = new AbortController();
    const both = AbortSignal.any([signal, failed.signal]);
    if (!(await this.#knowErased(signal))) return;
    const loops = [
      this.#snapshotLoop(both),
      this.#mergeLoop(both),
      this.#maintenanceLoop(both),
      this.#erasureLoop(both),
    ];
    const parts = [...this.#tables.map((table) => table.run(both)), ...loops].map((running) =>
      running.catch((error: unknown) => {
        // Whatever was told to stop says so by a failure, or throws the signal's own reason: the first failure is what counts.
        if (isFailure(error, "Cancelled") || (both.aborted && error === both.reason)) return;
        failed.abort();
        throw error;
      }),
    );
    const ends = await Promise.allSettled(parts);
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  /** Nothing of what was erased before may be taken over. Returns false when `signal` fires first. */
  async #knowErased(signal: AbortSignal): Promise<boolean> {
    const { clock, logger } = this.#deps;
    const options = { what: "reading what was erased", clock, logger, signal };
    try {
      await retrying(() => this.#eraser.refresh(signal), { ...options, longestDelayMs: 10_000 });
      return true;
    } catch (error) {
      if (signal.aborted && isFailure(error, "Cancelled")) return false;
      throw error;
    }
  }

  /** Merges, snapshots, maintenance and erasures share the copies of files on this machine, and a snapshot's tables are cut at one append: one after the other. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const working = this.#maintaining.then(work);
    this.#maintaining = working.catch(() => {});
    return working;
  }

  /** Brings all tables to the log's ends as of now, the current-state ones by a merge. Returns what was added to the append tables. */
  async flushUntil(
    signal: AbortSignal,
  ): Promise<{ readonly rows: number; readonly files: number }> {
    await this.#eraser.refresh(signal);
    for (const [at, { topic }] of eventTables.entries()) {
      const ends = new Map(
        (await this.#deps.log.ends(topic)).map(({ partition, end, earliest }) => [
          partition,
          earliest < end ? end : 0,
        ]),
      );
      await this.#tables[at]?.run(signal, ends);
    }
    await this.mergeStates(signal, { whole: true });
    const tables = this.#tables.map((table) => table.status());
    return {
      rows: tables.reduce((sum, { rows }) => sum + rows, 0),
      files: tables.reduce((sum, { files }) => sum + files, 0),
    };
  }

  /**
   * Merges the current-state tables; with `whole` every row is brought to the log's ends as of now, else files of which little changed may wait. Does nothing where DuckDB is not to be had:
   * snapshots hold the state there.
   */
  mergeStates(signal: AbortSignal, how: { readonly whole: boolean }): Promise<void> {
    return this.#alone(() => this.#mergeStates(signal, how));
  }

  async #mergeStates(signal: AbortSignal, { whole }: { readonly whole: boolean }): Promise<void> {
    if (this.#deps.encoders.duckdb === null) return;
    for (const table of mergedTables) {
      const merged = await mergeTable(this.#deps, table, { whole, signal });
      if (merged.changes + merged.filesWritten > 0)
        this.#deps.logger.debug({ table: table.table, ...merged }, "merged");
    }
  }

  /** Writes a snapshot now. */
  async writeSnapshot(signal: AbortSignal): Promise<SnapshotSummary> {
    const write = () => writeSnapshot(this.#deps, this.#options, signal);
    const summary = await this.#alone(write);
    this.#lastSnapshotAt = summary.at;
    return summary;
  }

  /** Lays small files of the append tables together. */
  compact(signal: AbortSignal): Promise<void> {
    return this.#alone(async () => {
      for (const done of await compactLake(this.#deps, signal))
        if (done.filesBefore > 0) this.#deps.logger.info(done, "compacted");
    });
  }

  /** Lets old states of the tables go, what no state names, and snapshot folders that are too old. */
  expire(signal: AbortSignal): Promise<void> {
    const retainSnapshotsMs = this.#options.retainSnapshotsMs ?? null;
    return this.#alone(async () => {
      const expired = await expireLake(this.#deps, { retainSnapshotsMs }, signal);
      this.#deps.logger.info(expired, "expired");
    });
  }

  /** Does the lake's part of every erasure; the append tables should have come to the log's end. */
  erase(signal: AbortSignal): Promise<LakeErasure> {
    return this.#alone(async () => {
      // Tombstones first: what a merge takes over after them is no row of what was erased.
      if (await this.#eraser.hasWork(signal)) await this.#mergeStates(signal, { whole: true });
      return this.#eraser.eraseAll(signal);
    });
  }

  status(): LakeWriterStatus {
    return {
      tables: this.#tables.map((table) => table.status()),
      lastSnapshotAt: this.#lastSnapshotAt,
    };
  }

  /** Merges run in one place: at the writer that owns partition 0. A second one would be overtaken, not harmful. */
  async #mergeLoop(signal: AbortSignal): Promise<void> {
    const { clock, logger, encoders } = this.#deps;
    if (encoders.duckdb === null)
      logger.warn({}, "current-state tables are not merged: DuckDB has no native binary here");
    for (;;) {
      await clock.sleep(this.#options.mergeIntervalMs, signal);
      if (!this.ownsMaintenance) continue;
      const options = { what: "merging", clock, logger, signal };
      await retrying(() => this.mergeStates(signal, { whole: false }), options);
    }
  }

  /** Keeps files few and the past short, one work after the other, so that memory is that of one. */
  #maintenanceLoop(signal: AbortSignal): Promise<void> {
    const { clock, logger, encoders } = this.#deps;
    const steps: MaintenanceStep[] = [
      { what: "expiring", everyMs: expiryIntervalMs, work: (stop) => this.expire(stop) },
    ];
    if (encoders.duckdb !== null)
      steps.unshift({ what: "compacting", everyMs: 0, work: (stop) => this.compact(stop) });
    const isOwner = () => this.ownsMaintenance;
    const deps = { clock, logger, everyMs: compactionIntervalMs, isOwner };
    return maintenanceLoop(steps, deps, signal);
  }

  /** Whether this writer looks after the tables: merges, compaction, expiry, snapshots. */
  get ownsMaintenance(): boolean {
    return this.#tables[0]?.owns(0) ?? false;
  }

  /** Another writer looks after the tables: this one only has to know what it leaves out. */
  async #look(signal: AbortSignal): Promise<LakeErasure> {
    await this.#eraser.refresh(signal);
    return "done";
  }

  /** Without DuckDB nothing can be taken out of a file: that is told, and the rest goes on. */
  async #erasureLoop(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#deps;
    const eraseOnce = async () => {
      try {
        return this.ownsMaintenance ? await this.erase(signal) : await this.#look(signal);
      } catch (error) {
        // A file that another commit has just replaced: the next look finds the new one.
        if (isFailure(error, "Rejected")) return "ahead";
        // What a table names may be let go by another machine while it is looked at: seen later, it is there or still missing.
        if (!isFailure(error, "InvalidSettings", "CorruptRecord")) throw error;
        logger.error({ reason: error.message }, "an erasure waits: this lake writer cannot do it");
        return "orphans";
      }
    };
    for (;;) {
      const came = await retrying(eraseOnce, {
        what: "erasing from the lake",
        clock,
        logger,
        signal,
        longestDelayMs: 60_000,
      });
      await clock.sleep(came === "orphans" ? erasureAgainMs : erasureLookMs, signal);
    }
  }

  async #snapshotLoop(signal: AbortSignal): Promise<void> {
    const { snapshotSchedule, zone } = this.#options;
    const { clock, logger } = this.#deps;
    for (;;) {
      const nextMs = nextRunMs(snapshotSchedule, zone, clock.now());
      if (nextMs === null) return;
      await clock.sleep(nextMs - clock.now(), signal);
      if (!this.ownsMaintenance) continue;
      const options = { what: "writing the snapshot", clock, logger, signal };
      const { rows, files } = await retrying(() => this.writeSnapshot(signal), options);
      logger.info({ rows, files }, "snapshot written");
    }
  }
}
