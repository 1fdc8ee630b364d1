import {
  type Clock,
  type EventLog,
  instantOf,
  isFailure,
  type LogBatch,
  type Logger,
} from "@thulium-stream/contracts";
import { ErasureFollower, retrying } from "@thulium-stream/runtime";
import { eventEnds, eventRanges, FoldLoop } from "./engine/fold-loop.ts";
import { type FoldIds, followFigures } from "./engine/follow-figures.ts";
import { FiguresView } from "./figures-view.ts";
import type { Freshness, MetricsView } from "./metrics-view.ts";
import { createFigureRules, type FigureRules, type RuleOptions } from "./rules/figure-rules.ts";
import { noMetricsSettings } from "./rules/metrics-settings.ts";
import { MetricsStore } from "./store/metrics-store.ts";

/** What the engine works with. */
export interface MetricsDeps {
  readonly log: EventLog;
  /** Folder of its store, owned by this process; can be deleted at any time. */
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newId: () => string;
}

type Optional = "slaFirstResponseS" | "slaResolutionS" | "file";

/** What the engine needs to know: the system, and the rules of figures; targets and file may be left out. */
export type MetricsOptions = { readonly system: string } & Omit<RuleOptions, Optional> &
  Partial<Pick<RuleOptions, Optional>>;

/**
 * Folds change events into figures per ticket and answers questions about them. Folding is split by partition among the members of the system's group; the figures go to the topic
 * `ticket-metrics`, which every member takes over entirely. Its store is a cache of that topic; a restart goes on where it was, a store that does not fit the log is made anew.
 */
export class MetricsEngine extends FiguresView implements MetricsView {
  readonly #deps: MetricsDeps;
  readonly #system: string;
  readonly #rules: FigureRules;
  readonly #store: MetricsStore;
  readonly #foldIds: FoldIds = new Map();
  readonly #changed = new Set<() => void>();
  /** Instants up to which partitions of the events are folded that lag behind their end. */
  readonly #lagging = new Map<string, number>();
  #events = 0;
  #caughtUp = false;
  #startedMs: number;

  private constructor(deps: MetricsDeps, system: string, rules: FigureRules, parts: Parts) {
    super({ store: parts.store, rules, clock: deps.clock, system, zone: parts.zone });
    this.#deps = deps;
    this.#system = system;
    this.#rules = rules;
    this.#store = parts.store;
    this.#startedMs = deps.clock.now();
  }

  /** Opens the store and reads the figures of every ticket into memory. @throws Failure `InvalidSettings` for BUSINESS_HOURS or HOLIDAYS. */
  static async open(deps: MetricsDeps, options: MetricsOptions): Promise<MetricsEngine> {
    const { system, ...ruleOptions } = options;
    const rules = createFigureRules({
      slaFirstResponseS: null,
      slaResolutionS: null,
      file: noMetricsSettings,
      ...ruleOptions,
    });
    const store = await MetricsStore.open(deps.folder, deps.clock.now());
    return new MetricsEngine(deps, system, rules, { store, zone: options.zone });
  }

  /** Folds and follows until `signal` fires. A broker that is away is waited for. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#untilCancelled(signal, async (both) => {
      await Promise.all([this.#fold(both, null), this.#follow(both, { toEnd: false })]);
    });
  }

  /** Folds and follows up to the log's ends as of now. */
  async catchUp(signal: AbortSignal): Promise<void> {
    await this.#untilCancelled(signal, async (both) => {
      await this.#fold(both, await eventEnds(this.#deps.log));
      await this.#follow(both, { toEnd: true });
      this.#caughtUp = true;
    });
  }

  /**
   * Takes over what others have folded, up to the log's ends as of now; folds and writes nothing, so that it disturbs no metrics that run.
   * Returns how many positions of the events are not folded yet.
   */
  async takeOver(signal: AbortSignal): Promise<number> {
    await this.#untilCancelled(signal, async (both) => {
      await this.#follow(both, { toEnd: true });
      this.#caughtUp = true;
    });
    return (await eventRanges(this.#deps.log)).reduce(
      (sum, range) =>
        sum + Math.max(0, range.end - Math.max(range.earliest, this.#store.foldedTo(range) ?? 0)),
      0,
    );
  }

  freshness(): Freshness {
    const nowMs = this.#deps.clock.now();
    const asOfMs = this.#caughtUp ? Math.min(nowMs, ...this.#lagging.values()) : this.#asOfMs();
    return {
      as_of: instantOf(asOfMs),
      lag_s: Math.max(0, Math.round((nowMs - asOfMs) / 1000)),
      tickets: this.#store.table.tickets,
      events: this.#events,
    };
  }

  /** Whether the log's end was reached since the start. */
  get isCaughtUp(): boolean {
    return this.#caughtUp;
  }

  /** Calls back after figures have changed. Returns the way to stop it. */
  onChange(callback: () => void): () => void {
    this.#changed.add(callback);
    return () => this.#changed.delete(callback);
  }

  /** Closes the store. */
  close(): Promise<void> {
    return this.#store.close();
  }

  /** Before the log's end was reached nothing newer than what was folded is claimed. */
  #asOfMs(): number {
    return Math.min(this.#startedMs, ...this.#lagging.values());
  }

  #fold(signal: AbortSignal, ends: ReadonlyMap<string, number> | null): Promise<void> {
    const loop = new FoldLoop({
      ...this.#deps,
      system: this.#system,
      rules: this.#rules,
      store: this.#store,
      foldIds: this.#foldIds,
      erasures: new ErasureFollower(this.#deps.log, this.#system),
      onBatch: (batch, events) => this.#folded(batch, events),
      onIdle: () => {
        this.#caughtUp = true;
        this.#lagging.clear();
      },
      onPublished: () => this.#tell(),
    });
    return this.#again("folding events", signal, () => loop.run(signal, ends));
  }

  #follow(signal: AbortSignal, how: { readonly toEnd: boolean }): Promise<void> {
    const { log, clock } = this.#deps;
    const deps = {
      log,
      store: this.#store,
      system: this.#system,
      foldIds: this.#foldIds,
      now: () => clock.now(),
      onChange: () => this.#tell(),
    };
    return this.#again("following the figures", signal, () => followFigures(deps, signal, how));
  }

  #again(what: string, signal: AbortSignal, attempt: () => Promise<void>): Promise<void> {
    const { clock, logger } = this.#deps;
    return retrying(attempt, { what, clock, logger, signal, longestDelayMs: 10_000 });
  }

  /** Runs work whose parts end together. A store that does not fit the log is emptied, and the work begun anew. */
  async #untilCancelled(
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    for (;;) {
      const failed = new AbortController();
      try {
        await work(AbortSignal.any([signal, failed.signal]));
        return;
      } catch (error) {
        failed.abort();
        if (isFailure(error, "Cancelled") && signal.aborted) return;
        if (!isFailure(error, "PositionLost")) throw error;
        this.#deps.logger.warn(
          { reason: error.message },
          "the metrics' store does not fit the log; making it anew",
        );
        await this.#store.clear();
      }
    }
  }

  #folded(batch: LogBatch, events: number): void {
    this.#events += events;
    const place = `${batch.topic}/${batch.partition}`;
    const foldedMs = batch.records.at(-1)?.appendedAtMs;
    if (batch.nextPosition >= batch.endPosition) this.#lagging.delete(place);
    else if (foldedMs !== undefined) this.#lagging.set(place, foldedMs);
  }

  #tell(): void {
    for (const callback of this.#changed) callback();
  }
}

/** What opening makes. */
interface Parts {
  readonly store: MetricsStore;
  readonly zone: string;
}
