import type { Aggregate, Group } from "./aggregate.ts";
import type { Bucket, Interval } from "./local-time.ts";
import type { TicketFigures } from "./ticket-figures.ts";

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

/** How fresh the figures are. */
export interface Freshness {
  /** Everything appended to the log up to here is counted. */
  readonly as_of: string;
  readonly lag_s: number;
  readonly tickets: number;
  readonly events: number;
}

/** All that HTTP API, dashboard, Prometheus and report ask of the figures. Pure readings: nothing here waits or changes anything. */
export interface MetricsView {
  /** Aggregates of the stretch, in all and by at most two groups; none gives no lines. */
  summary(query: MetricsQuery, groups: readonly Group[]): Summary;
  /** Aggregates per interval of local time. */
  timeseries(query: MetricsQuery, interval: Interval): readonly (Bucket & Aggregate)[];
  /** Tickets created by weekday (Monday first) and hour: 7 × 24 counts. */
  heatmap(query: MetricsQuery): readonly (readonly number[])[];
  /** Open tickets, the oldest first, and how many there are in all. */
  slowestOpen(
    filter: Filter,
    page: { readonly offset: number; readonly limit: number },
  ): { readonly total: number; readonly tickets: readonly TicketFigures[] };
  /** Figures of one ticket; null when it is unknown, deleted, or another tenant's. */
  ticket(ticketId: string): TicketFigures | null;
  /** Values of a group that occur, by name, without null. */
  valuesOf(group: Group): readonly string[];
  /** Open tickets now. */
  backlog(): number;
  freshness(): Freshness;
  /** Whether the log's end was reached since the start. */
  readonly isCaughtUp: boolean;
  /** Today's local day, moved by whole days. */
  day(offset: number): string;
  /** Calls back after figures have changed. Returns the way to stop it. */
  onChange(callback: () => void): () => void;
}
