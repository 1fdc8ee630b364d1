import type { Clock } from "@thulium-stream/contracts";
import {
  type Aggregate,
  type Group,
  type SlaName,
  slaClocks,
  Totals,
} from "./aggregates/aggregate.ts";
import { clockColumns } from "./aggregates/figure-table.ts";
import { rowFilter, type ScannedGroup, scanTable } from "./aggregates/scan-table.ts";
import type { Stretches } from "./aggregates/stretches.ts";
import { ticketMetricsOf } from "./figures/ticket-metrics-of.ts";
import { type VendorDifference, vendorDifferences } from "./figures/vendor-difference.ts";
import { unpackHistory } from "./history/stored-history.ts";
import {
  addDays,
  type Bucket,
  bucketsOf,
  type Interval,
  LocalHours,
  localDay,
  startOfDay,
} from "./local-time.ts";
import type {
  Filter,
  GroupedSeries,
  MetricsQuery,
  OpenClocks,
  SeriesPage,
  Summary,
  TicketFigures,
} from "./metrics-view.ts";
import type { FigureRules } from "./rules/figure-rules.ts";
import type { MetricsStore } from "./store/metrics-store.ts";

/** What the readings are made from. */
export interface FiguresViewDeps {
  readonly store: MetricsStore;
  readonly rules: FigureRules;
  readonly clock: Clock;
  readonly system: string;
  readonly zone: string;
}

/** The answers of a {@link MetricsView} that need nothing but the store: scans of its columns, and records by ticket. */
export class FiguresView {
  readonly #deps: FiguresViewDeps;
  readonly #hours: LocalHours;

  constructor(deps: FiguresViewDeps) {
    this.#deps = deps;
    this.#hours = new LocalHours(deps.zone);
  }

  /** Aggregates of the whole stretch, and one line per combination of group values, the most tickets first. */
  summary(query: MetricsQuery, groups: readonly Group[]): Summary {
    const stretches = this.#stretchOf(query);
    const found = [...this.#scan(stretches, query.where, groups)];
    const total = new Totals();
    for (const { totals } of found) for (const part of totals) total.merge(part);
    if (groups.length === 0) return { total: total.result(), groups: [] };
    return {
      total: total.result(),
      groups: found.sort(byTickets).map((group) => ({ key: group.key, ...totalOf(group) })),
    };
  }

  /** Aggregates per interval of local time. */
  timeseries(query: MetricsQuery, interval: Interval): readonly (Bucket & Aggregate)[] {
    const buckets = bucketsOf(query.from, query.to, interval, this.#deps.zone);
    const [all] = this.#scan(stretchesOf(buckets), query.where, []);
    return buckets.map((bucket, at) => ({ ...bucket, ...totalOf(all, at) }));
  }

  /** The same by at most two groups: a page of them. */
  timeseriesBy(query: MetricsQuery, interval: Interval, by: SeriesPage): GroupedSeries {
    const buckets = bucketsOf(query.from, query.to, interval, this.#deps.zone);
    const found = [...this.#scan(stretchesOf(buckets), query.where, by.groups)].sort(byTickets);
    if (by.order === "backlog") found.sort((a, b) => backlogOf(b) - backlogOf(a));
    const lines = found.slice(by.offset, by.offset + by.limit).map((group) => ({
      key: group.key,
      points: buckets.map((bucket, at) => ({ ...bucket, ...totalOf(group, at) })),
    }));
    return { total: found.length, lines };
  }

  /** Tickets created by weekday (Monday first) and hour: 7 × 24 counts. */
  heatmap(query: MetricsQuery): readonly (readonly number[])[] {
    const { table } = this.#deps.store;
    const { startS, endsS } = this.#stretchOf(query);
    const endS = endsS[0] ?? startS;
    const counts = new Uint32Array(7 * 24);
    const isWanted = rowFilter(table, query.where ?? {});
    const { created } = table.columns;
    for (let row = 0; isWanted !== null && row < table.size; row += 1) {
      const second = created[row] ?? 0;
      if (second < startS || second >= endS || !isWanted(row)) continue;
      const hour = this.#hours.ofWeek(second);
      counts[hour] = (counts[hour] ?? 0) + 1;
    }
    return Array.from({ length: 7 }, (_, day) => [...counts.subarray(day * 24, day * 24 + 24)]);
  }

  /** Open tickets, the oldest first, a page of them, and how many there are. */
  slowestOpen(
    filter: Filter,
    { offset, limit }: { readonly offset: number; readonly limit: number },
  ): { readonly total: number; readonly tickets: readonly TicketFigures[] } {
    const { table } = this.#deps.store;
    const { created } = table.columns;
    const rows = [...this.#openRows(filter)].sort(
      (a, b) => (created[a] ?? 0) - (created[b] ?? 0) || a - b,
    );
    const tickets = rows
      .slice(offset, offset + limit)
      .flatMap((row) => this.ticket(table.idOf(row)) ?? []);
    return { total: rows.length, tickets };
  }

  /** Figures of one ticket as of now; null when it is unknown or deleted. */
  ticket(ticketId: string): TicketFigures | null {
    const { store, rules, system, clock } = this.#deps;
    const held = store.ticket(ticketId);
    if (held === null || held.figures.deleted !== 0) return null;
    const asOfMs = Math.max(clock.now(), held.figures.asOfMs);
    const history = unpackHistory(held.history);
    const metrics = ticketMetricsOf(history, { system, ticketId, rules, asOfMs });
    if (metrics === null) return null;
    const { history: _, ...figures } = metrics;
    return figures;
  }

  /** How the vendor's own figures of a ticket compare with ours. */
  vendorDifferences(ticketId: string): readonly VendorDifference[] {
    const { store, rules, system } = this.#deps;
    const held = store.ticket(ticketId);
    if (held === null || held.figures.deleted !== 0) return [];
    const history = unpackHistory(held.history);
    const metrics = ticketMetricsOf(history, { system, ticketId, rules });
    return metrics === null ? [] : vendorDifferences(metrics);
  }

  /** How the clocks of open tickets stand now. */
  openClocks(filter: Filter): Readonly<Record<SlaName, OpenClocks>> {
    const { columns, hasTargets } = this.#deps.store.table;
    const nowS = this.#deps.clock.now() / 1000;
    const counts = slaClocks.map(() => ({
      running: 0,
      due_within_1h: 0,
      due_within_4h: 0,
      due_within_8h: 0,
      due_within_24h: 0,
      overdue: 0,
    }));
    if (hasTargets)
      for (const row of this.#openRows(filter))
        for (const [at, { state, due }] of clockColumns.entries()) {
          const [code, dueS, count] = [columns[state][row], columns[due][row] ?? 0, counts[at]];
          if (count === undefined || code !== 3) {
            // A first response that came late is breached and no longer owed; so is a later reply.
            if (count !== undefined && code === 2 && isOwed(at, row, columns)) count.overdue += 1;
            continue;
          }
          if (dueS !== 0 && dueS <= nowS) count.overdue += 1;
          else {
            count.running += 1;
            const leftS = dueS === 0 ? Number.POSITIVE_INFINITY : dueS - nowS;
            if (leftS <= 3600) count.due_within_1h += 1;
            if (leftS <= 14_400) count.due_within_4h += 1;
            if (leftS <= 28_800) count.due_within_8h += 1;
            if (leftS <= 86_400) count.due_within_24h += 1;
          }
        }
    const [first_response, next_response, resolution] = counts as [
      OpenClocks,
      OpenClocks,
      OpenClocks,
    ];
    return { first_response, next_response, resolution };
  }

  /** Values of a group that occur, by name. */
  valuesOf(group: Group): readonly string[] {
    const { table } = this.#deps.store;
    const { deleted, [group]: column } = table.columns;
    const isFound = new Uint8Array(table.dictionaries[group].size);
    for (let row = 0; row < table.size; row += 1)
      if (deleted[row] === 0) isFound[column[row] ?? 0] = 1;
    return [...isFound.entries()]
      .flatMap(([code, found]) =>
        found === 1 ? (table.dictionaries[group].textOf(code) ?? []) : [],
      )
      .sort();
  }

  /** Open tickets now. */
  backlog(filter: Filter = {}): number {
    let open = 0;
    for (const _ of this.#openRows(filter)) open += 1;
    return open;
  }

  /** Today's local day, moved by whole days. */
  day(offset: number): string {
    return addDays(localDay(this.#deps.clock.now(), this.#deps.zone), offset);
  }

  *#openRows(filter: Filter): Iterable<number> {
    const { table } = this.#deps.store;
    const isWanted = rowFilter(table, filter);
    if (isWanted === null) return;
    const { ended } = table.columns;
    for (let row = 0; row < table.size; row += 1) if (ended[row] === 0 && isWanted(row)) yield row;
  }

  #stretchOf({ from, to }: MetricsQuery): Stretches {
    const { zone } = this.#deps;
    return {
      startS: startOfDay(from, zone) / 1000,
      endsS: [startOfDay(addDays(to, 1), zone) / 1000],
    };
  }

  #scan(
    stretches: Stretches,
    where: Filter = {},
    groups: readonly Group[] = [],
  ): readonly ScannedGroup[] {
    const nowS = this.#deps.clock.now() / 1000;
    return scanTable(this.#deps.store.table, { stretches, where, groups, nowS });
  }
}

type Columns = MetricsStore["table"]["columns"];

/** Whether a breached clock of an open ticket is still waited for. */
function isOwed(clock: number, row: number, columns: Columns): boolean {
  return clock === 0 ? columns.responded[row] === 0 : clock === 2;
}

function totalOf(group: ScannedGroup | undefined, at = 0): Aggregate {
  const total = group?.totals[at];
  if (total === undefined) throw new RangeError("a stretch has no totals");
  return total.result();
}

function stretchesOf(buckets: readonly Bucket[]): Stretches {
  const startS = (buckets[0]?.fromMs ?? 0) / 1000;
  return { startS, endsS: buckets.map(({ toMs }) => toMs / 1000) };
}

/** The most tickets first. */
function byTickets(a: ScannedGroup, b: ScannedGroup): number {
  return b.rows - a.rows || (nameOf(a) < nameOf(b) ? -1 : 1);
}

/** Open tickets at the end. */
function backlogOf({ totals }: ScannedGroup): number {
  return totals.at(-1)?.result().backlog ?? 0;
}

function nameOf({ key }: ScannedGroup): string {
  return JSON.stringify(key);
}
