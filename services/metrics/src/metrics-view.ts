import type { TicketMetrics } from "@thulium-stream/contracts";
import type { Aggregate, Group, SlaName } from "./aggregates/aggregate.ts";
import type { VendorDifference } from "./figures/vendor-difference.ts";
import type { Bucket, Interval } from "./local-time.ts";

/** Figures of one ticket, without the history that they were made from. What still runs is counted up to `as_of`. */
export type TicketFigures = Omit<TicketMetrics, "history">;

/** Local days, inclusive, and what narrows them: a group's value, `null` being the tickets without one. */
export interface MetricsQuery {
  readonly from: string;
  readonly to: string;
  readonly where?: Filter;
}

/** Values that a ticket must have now. */
export type Filter = Readonly<Partial<Record<Group, string | null>>>;

/** Values of the groups asked for, in that order, and the figures of the tickets that have them. */
export type GroupLine = { readonly key: readonly (string | null)[] } & Aggregate;

/** Aggregates of a whole stretch. */
export interface Summary {
  readonly total: Aggregate;
  /** One line per combination that occurs, the most tickets first. */
  readonly groups: readonly GroupLine[];
}

/** What decides which groups of a time series come first: the tickets that they have, or their backlog at the end; the more the earlier. */
export const seriesOrders = ["tickets", "backlog"] as const;
/** One of {@link seriesOrders}. */
export type SeriesOrder = (typeof seriesOrders)[number];

/** Which groups of a time series are asked for. */
export interface SeriesPage {
  /** At most two. */
  readonly groups: readonly Group[];
  readonly order: SeriesOrder;
  readonly offset: number;
  readonly limit: number;
}

/** A page of the groups of a time series. */
export interface GroupedSeries {
  /** How many groups there are. */
  readonly total: number;
  /** In the order asked for; all have the same stretches. */
  readonly lines: readonly {
    readonly key: readonly (string | null)[];
    readonly points: readonly (Bucket & Aggregate)[];
  }[];
}

/** How fresh the figures are. */
export interface Freshness {
  /** Everything appended to the log up to here is counted. */
  readonly as_of: string;
  readonly lag_s: number;
  readonly tickets: number;
  readonly events: number;
}

/** How the open clocks of one kind stand now. */
export interface OpenClocks {
  /** Clocks that run and have not run out. */
  readonly running: number;
  /** Of these, how many run out within 1, 4, 8 and 24 hours of calendar time; each count holds the one before. */
  readonly due_within_1h: number;
  readonly due_within_4h: number;
  readonly due_within_8h: number;
  readonly due_within_24h: number;
  /** Clocks of open tickets that ran out before what they wait for was done. */
  readonly overdue: number;
}

/** All that HTTP API, dashboard, Prometheus and report ask of the figures. Pure readings: nothing here waits or changes anything. */
export interface MetricsView {
  /** Aggregates of the stretch, in all and by at most two groups; none gives no lines. */
  summary(query: MetricsQuery, groups: readonly Group[]): Summary;
  /** Aggregates per interval of local time. */
  timeseries(query: MetricsQuery, interval: Interval): readonly (Bucket & Aggregate)[];
  /** The same by at most two groups: a page of them. */
  timeseriesBy(query: MetricsQuery, interval: Interval, by: SeriesPage): GroupedSeries;
  /** Tickets created by weekday (Monday first) and hour: 7 × 24 counts. */
  heatmap(query: MetricsQuery): readonly (readonly number[])[];
  /** Open tickets, the oldest first, and how many there are in all. */
  slowestOpen(
    filter: Filter,
    page: { readonly offset: number; readonly limit: number },
  ): { readonly total: number; readonly tickets: readonly TicketFigures[] };
  /** Figures of one ticket as of now; null when it is unknown, deleted, or another tenant's. */
  ticket(ticketId: string): TicketFigures | null;
  /** How the vendor's own figures of a ticket compare with ours, with the likely reasons; none for a ticket without any. */
  vendorDifferences(ticketId: string): readonly VendorDifference[];
  /** How the service level's clocks of open tickets stand now. */
  openClocks(filter: Filter): Readonly<Record<SlaName, OpenClocks>>;
  /** Values of a group that occur, by name, without null. */
  valuesOf(group: Group): readonly string[];
  /** Open tickets now. */
  backlog(filter?: Filter): number;
  freshness(): Freshness;
  /** Whether the log's end was reached since the start. */
  readonly isCaughtUp: boolean;
  /** Today's local day, moved by whole days. */
  day(offset: number): string;
  /** Calls back after figures have changed. Returns the way to stop it. */
  onChange(callback: () => void): () => void;
}
