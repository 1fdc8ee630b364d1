import { isFailure } from "@thulium-stream/contracts";
import { nextRunMs, retrying } from "@thulium-stream/runtime";
import { eventTables, stateTables, ticketMetricsTable } from "./columns.ts";
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
}

/** Where a lake writer stands. */
export interface LakeWriterStatus {
  readonly tables: readonly TableStatus[];
  readonly lastSnapshotAt: string | null;
}

/** Turns the log's events into Parquet tables, and its current state into snapshots. */
export class LakeWriter {
  readonly #deps: LakeWriterDeps;
  readonly #options: LakeWriterOptions;
  readonly #tables: readonly TableWriter[];
  #lastSnapshotAt: string | null = null;

  constructor(deps: LakeWriterDeps, options: LakeWriterOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#tables = eventTables.map((spec) => new TableWriter(deps, spec));
  }

  /** Works until `signal` fires, then writes what waits. @throws Failure that no retry mends. */
  async run(signal: AbortSignal): Promise<void> {
    const failed = new AbortController();
    const both = AbortSignal.any([signal, failed.signal]);
    const loops = [this.#snapshotLoop(both), this.#mergeLoop(both)];
    const parts = [...this.#tables.map((table) => table.run(both)), ...loops].map((running) =>
      running.catch((error: unknown) => {
        if (isFailure(error, "Cancelled")) return;
        failed.abort();
        throw error;
      }),
    );
    const ends = await Promise.allSettled(parts);
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  /** Brings all tables to the log's ends as of now, the current-state ones by a merge. Returns what was added to the append tables. */
  async flushUntil(
    signal: AbortSignal,
  ): Promise<{ readonly rows: number; readonly files: number }> {
    for (const [at, { topic }] of eventTables.entries()) {
      const ends = new Map(
        (await this.#deps.log.ends(topic)).map(({ partition, end, earliest }) => [
          partition,
          earliest < end ? end : 0,
        ]),
      );
      await this.#tables[at]?.run(signal, ends);
    }
    await this.mergeStates(signal);
    const tables = this.#tables.map((table) => table.status());
    return {
      rows: tables.reduce((sum, { rows }) => sum + rows, 0),
      files: tables.reduce((sum, { files }) => sum + files, 0),
    };
  }

  /** Brings the current-state tables to the log's ends as of now. Does nothing where DuckDB is not to be had: snapshots hold the state there. */
  async mergeStates(signal: AbortSignal): Promise<void> {
    if (this.#deps.encoders.duckdb === null) return;
    for (const table of [...stateTables, ticketMetricsTable]) {
      const merged = await mergeTable(this.#deps, table, { signal });
      if (merged.changes > 0) this.#deps.logger.debug({ table: table.table, ...merged }, "merged");
    }
  }

  /** Writes a snapshot now. */
  async writeSnapshot(signal: AbortSignal): Promise<SnapshotSummary> {
    const summary = await writeSnapshot(this.#deps, this.#options, signal);
    this.#lastSnapshotAt = summary.at;
    return summary;
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
      await retrying(() => this.mergeStates(signal), options);
    }
  }

  /** Whether this writer looks after the tables: merges, compaction, expiry, snapshots. */
  get ownsMaintenance(): boolean {
    return this.#tables[0]?.owns(0) ?? false;
  }

  async #snapshotLoop(signal: AbortSignal): Promise<void> {
    const { snapshotSchedule, zone } = this.#options;
    const { clock, logger } = this.#deps;
    for (;;) {
      const nextMs = nextRunMs(snapshotSchedule, zone, clock.now());
      if (nextMs === null) return;
      await clock.sleep(nextMs - clock.now(), signal);
      const options = { what: "writing the snapshot", clock, logger, signal };
      const { rows, files } = await retrying(() => this.writeSnapshot(signal), options);
      logger.info({ rows, files }, "snapshot written");
    }
  }
}
