import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  type ChangeEvent,
  type Clock,
  decodeJson,
  type EventLog,
  instantOf,
  isFailure,
  type LogBatch,
  type Logger,
  type LogReader,
  messageEvent,
  type TopicPartition,
  ticketEvent,
} from "@thulium-stream/contracts";
import { retrying } from "@thulium-stream/runtime";
import { type Database, open, type RootDatabase } from "lmdb";
import {
  type Aggregate,
  aggregate,
  type FigureRow,
  type Group,
  grouped,
  rowOf,
  series,
} from "./aggregate.ts";
import { createBusinessCalendar } from "./business-calendar.ts";
import {
  addDays,
  type Bucket,
  bucketsOf,
  type Interval,
  localDay,
  startOfDay,
  weekdayHour,
} from "./local-time.ts";
import type { Filter, Freshness, MetricsQuery, MetricsView, Summary } from "./metrics-view.ts";
import { type FigureRules, type TicketFigures, ticketFigures } from "./ticket-figures.ts";
import { emptyTimeline, foldEvent, type TicketTimeline } from "./ticket-timeline.ts";

/** What the engine works with. */
export interface MetricsDeps {
  readonly log: EventLog;
  /** Folder of its store, owned by this process; can be deleted at any time. */
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What the engine needs to know. */
export interface MetricsOptions {
  readonly system: string;
  readonly zone: string;
  readonly closedStatuses: readonly string[];
  readonly automaticLogins: readonly string[];
  /** `Mon-Fri 08:00-16:00`. */
  readonly businessHours: string;
  /** Country code, or `none`. */
  readonly holidays: string;
}

const eventTopics = ["ticket-events", "message-events"];
/** Raise it when timelines are kept in another form: the store is then rebuilt from the log. */
const storeVersion = 1;

/**
 * Folds change events into a timeline per ticket, kept in LMDB together with the log's positions in one transaction, and answers questions from one row of figures per
 * ticket in memory. A restart goes on where it was; a store that does not fit the log is rebuilt from it, with the same figures.
 */
export class MetricsEngine implements MetricsView {
  readonly #deps: MetricsDeps;
  readonly #options: MetricsOptions;
  readonly #rules: FigureRules;
  readonly #root: RootDatabase<unknown, string>;
  readonly #timelines: Database<TicketTimeline, string>;
  readonly #meta: Database<number, string>;
  readonly #rows = new Map<string, FigureRow>();
  readonly #changed = new Set<() => void>();
  #events = 0;
  #asOfMs: number;
  #lag = 0;
  #caughtUp = false;

  private constructor(deps: MetricsDeps, options: MetricsOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#rules = { ...options, calendar: createBusinessCalendar(options) };
    mkdirSync(deps.folder, { recursive: true });
    this.#root = open({
      path: join(deps.folder, "metrics.mdb"),
      noSubdir: true,
      maxDbs: 3,
      noSync: true,
    });
    this.#timelines = this.#root.openDB({
      name: "timelines",
      encoding: "msgpack",
      compression: true,
    });
    this.#meta = this.#root.openDB({ name: "meta", encoding: "json" });
    this.#asOfMs = deps.clock.now();
  }

  /** Opens the store and reads the figures of every ticket into memory. @throws Failure `InvalidSettings` for BUSINESS_HOURS or HOLIDAYS. */
  static async open(deps: MetricsDeps, options: MetricsOptions): Promise<MetricsEngine> {
    const engine = new MetricsEngine(deps, options);
    if (engine.#meta.get("version") !== storeVersion) await engine.#clear();
    for (const { value } of engine.#timelines.getRange()) engine.#show(value);
    return engine;
  }

  /** Follows the log until `signal` fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#deps;
    // A broker that is away is waited for; the store knows where to go on.
    await retrying(() => this.#follow(signal, null), {
      what: "following the log",
      clock,
      logger,
      signal,
      longestDelayMs: 10_000,
    });
  }

  /** Follows the log up to its ends as of now. */
  async catchUp(signal: AbortSignal): Promise<void> {
    const ranges = (
      await Promise.all(eventTopics.map((topic) => this.#deps.log.ends(topic)))
    ).flat();
    await this.#follow(
      signal,
      new Map(ranges.map(({ topic, partition, end }) => [`${topic}/${partition}`, end])),
    );
  }

  /** Figures of one ticket; null when it is unknown or deleted. */
  ticket(ticketId: string): TicketFigures | null {
    return this.#rows.get(ticketId)?.figures ?? null;
  }

  /** Aggregates of the whole stretch, and one line per combination of group values, the largest first. */
  summary(query: MetricsQuery, groups: readonly Group[]): Summary {
    const [fromMs, toMs] = this.#bounds(query);
    const rows = [...this.#select(query.where)];
    const parts =
      groups.length === 0
        ? []
        : grouped(rows, groups).map(([key, part]) => ({ key, ...aggregate(part, fromMs, toMs) }));
    return { total: aggregate(rows, fromMs, toMs), groups: parts };
  }

  /** Aggregates per interval of local time. */
  timeseries(query: MetricsQuery, interval: Interval): readonly (Bucket & Aggregate)[] {
    return series(
      this.#select(query.where),
      bucketsOf(query.from, query.to, interval, this.#options.zone),
    );
  }

  /** Tickets created by weekday (Monday first) and hour: 7 × 24 counts. */
  heatmap(query: MetricsQuery): readonly (readonly number[])[] {
    const [fromMs, toMs] = this.#bounds(query);
    const counts = Array.from({ length: 7 }, () => new Array<number>(24).fill(0));
    for (const { createdMs } of this.#select(query.where)) {
      if (createdMs < fromMs || createdMs >= toMs) continue;
      const [weekday, hour] = weekdayHour(createdMs, this.#options.zone);
      const row = counts[weekday];
      if (row !== undefined) row[hour] = (row[hour] ?? 0) + 1;
    }
    return counts;
  }

  /** Open tickets, the oldest first, a page of them, and how many there are. */
  slowestOpen(
    filter: Filter,
    { offset, limit }: { readonly offset: number; readonly limit: number },
  ): { readonly total: number; readonly tickets: readonly TicketFigures[] } {
    const open = [...this.#select(filter)]
      .filter(({ figures }) => figures.is_open)
      .sort((a, b) => a.createdMs - b.createdMs);
    const tickets = open.slice(offset, offset + limit).map(({ figures }) => figures);
    return { total: open.length, tickets };
  }

  /** Values of a group that occur, by name. */
  valuesOf(group: Group): readonly string[] {
    const found = new Set<string>();
    for (const { figures } of this.#rows.values()) {
      const value = figures[group];
      if (value !== null) found.add(value);
    }
    return [...found].sort();
  }

  /** Open tickets now. */
  backlog(): number {
    let open = 0;
    for (const { figures } of this.#rows.values()) if (figures.is_open) open += 1;
    return open;
  }

  freshness(): Freshness {
    const nowMs = this.#deps.clock.now();
    const asOfMs = this.#lag === 0 && this.#caughtUp ? nowMs : this.#asOfMs;
    return {
      as_of: instantOf(asOfMs),
      lag_s: Math.max(0, Math.round((nowMs - asOfMs) / 1000)),
      tickets: this.#rows.size,
      events: this.#events,
    };
  }

  /** Whether the log's end was reached since the start. */
  get isCaughtUp(): boolean {
    return this.#caughtUp;
  }

  /** Today's local day, moved by whole days. */
  day(offset: number): string {
    return addDays(localDay(this.#deps.clock.now(), this.#options.zone), offset);
  }

  /** Calls back after figures have changed. Returns the way to stop it. */
  onChange(callback: () => void): () => void {
    this.#changed.add(callback);
    return () => this.#changed.delete(callback);
  }

  /** Closes the store. */
  close(): Promise<void> {
    return this.#root.close();
  }

  #bounds({ from, to }: MetricsQuery): readonly [number, number] {
    const { zone } = this.#options;
    return [startOfDay(from, zone), startOfDay(addDays(to, 1), zone)];
  }

  *#select(filter: Filter = {}): Iterable<FigureRow> {
    const wanted = Object.entries(filter) as readonly [Group, string | null][];
    for (const row of this.#rows.values())
      if (wanted.every(([group, value]) => row.figures[group] === value)) yield row;
  }

  async #follow(signal: AbortSignal, ends: ReadonlyMap<string, number> | null): Promise<void> {
    const startAt = async (partitions: readonly TopicPartition[]) =>
      partitions.flatMap(({ topic, partition }) => {
        const position = this.#meta.get(`${topic}/${partition}`);
        return position === undefined ? [] : [{ topic, partition, position }];
      });
    let reader: LogReader | null = null;
    try {
      reader = await this.#deps.log.openReader({ topics: eventTopics, startAt });
      await this.#pull(reader, signal, ends);
    } catch (error) {
      if (isFailure(error, "Cancelled") && signal.aborted) return;
      if (!isFailure(error, "PositionLost")) throw error;
      this.#deps.logger.warn(
        { reason: error.message },
        "the log does not hold what comes next; rebuilding the metrics from it",
      );
      await reader?.close();
      reader = null;
      await this.#clear();
      await this.#follow(signal, ends);
    } finally {
      await reader?.close();
    }
  }

  async #pull(
    reader: LogReader,
    signal: AbortSignal,
    ends: ReadonlyMap<string, number> | null,
  ): Promise<void> {
    const left = new Map(ends ?? []);
    for (const [key, end] of left) if ((this.#meta.get(key) ?? 0) >= end) left.delete(key);
    while (ends === null || left.size > 0) {
      const delivery = await reader.next({ timeoutMs: 1000, signal });
      if (delivery.kind === "idle") this.#caughtUp = true;
      if (delivery.kind !== "batch") continue;
      await this.#fold(delivery);
      const key = `${delivery.topic}/${delivery.partition}`;
      if (delivery.nextPosition >= (left.get(key) ?? Number.POSITIVE_INFINITY)) left.delete(key);
    }
    this.#caughtUp = true;
  }

  async #fold(batch: LogBatch): Promise<void> {
    const touched = new Map<string, TicketTimeline>();
    for (const record of batch.records) {
      const event = eventOf(record.topic, record);
      if (event === null)
        this.#deps.logger.warn(
          { topic: record.topic, position: record.position },
          "a record is no event; left out of the metrics",
        );
      if (event === null || event.system !== this.#options.system) continue;
      const before =
        touched.get(event.ticket_id) ??
        this.#timelines.get(event.ticket_id) ??
        emptyTimeline(event.ticket_id);
      touched.set(event.ticket_id, foldEvent(before, event));
    }
    await this.#root.transaction(() => {
      for (const [id, timeline] of touched) this.#timelines.put(id, timeline);
      this.#meta.put(`${batch.topic}/${batch.partition}`, batch.nextPosition);
    });
    for (const timeline of touched.values()) this.#show(timeline);
    this.#events += batch.records.length;
    this.#lag = batch.endPosition - batch.nextPosition;
    this.#asOfMs = batch.records.at(-1)?.appendedAtMs ?? this.#asOfMs;
    if (touched.size > 0) for (const callback of this.#changed) callback();
  }

  #show(timeline: TicketTimeline): void {
    const figures = ticketFigures(timeline, this.#rules);
    const row = figures === null ? null : rowOf(figures);
    if (row === null) this.#rows.delete(timeline.ticket_id);
    else this.#rows.set(timeline.ticket_id, row);
  }

  async #clear(): Promise<void> {
    await this.#timelines.clearAsync();
    await this.#meta.clearAsync();
    await this.#meta.put("version", storeVersion);
    this.#rows.clear();
  }
}

/** The event of a record by the two fields that folding needs; the whole schema is the subscriber's business. */
function eventOf(topic: string, record: Parameters<typeof decodeJson>[0]): ChangeEvent | null {
  try {
    const value = decodeJson(record) as Partial<ChangeEvent>;
    const types: readonly string[] = (
      topic === "ticket-events" ? ticketEvent : messageEvent
    ).options.map((option) => option.shape.type.value);
    return typeof value.ticket_id === "string" &&
      typeof value.version === "number" &&
      types.includes(value.type ?? "")
      ? (value as ChangeEvent)
      : null;
  } catch (error) {
    if (isFailure(error, "CorruptRecord")) return null;
    throw error;
  }
}
