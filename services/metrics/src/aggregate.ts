import { epochMsOf } from "@thulium-stream/contracts";
import type { Bucket } from "./local-time.ts";
import { Sketch } from "./sketch.ts";
import type { TicketFigures } from "./ticket-figures.ts";

/** What a summary can be grouped by. */
export const groups = ["queue", "category", "source", "agent", "status"] as const;
/** One of {@link groups}. */
export type Group = (typeof groups)[number];

/** A ticket's figures with its instants as numbers: what aggregates run over. */
export interface FigureRow {
  readonly figures: TicketFigures;
  readonly createdMs: number;
  readonly respondedMs: number | null;
  readonly resolvedMs: number | null;
  readonly open: readonly { readonly fromMs: number; readonly toMs: number }[];
}

/** Distribution of one duration, in seconds; null where there is nothing to measure. */
export interface Distribution {
  readonly count: number;
  readonly mean_s: number | null;
  readonly p50_s: number | null;
  readonly p90_s: number | null;
  readonly p95_s: number | null;
  readonly p99_s: number | null;
}

/** Aggregates of a stretch of time. A duration belongs to the stretch in which it ended. */
export interface Aggregate {
  /** Tickets created in the stretch. */
  readonly created: number;
  /** Tickets whose last close lies in it. */
  readonly closed: number;
  /** Tickets open at its end. */
  readonly backlog: number;
  /** Reopenings among the tickets closed in it. */
  readonly reopened: number;
  readonly first_response: Distribution;
  readonly first_response_business: Distribution;
  readonly resolution: Distribution;
  readonly resolution_business: Distribution;
}

/** The row of a ticket's figures; null for a deleted ticket, which counts nowhere. */
export function rowOf(figures: TicketFigures): FigureRow | null {
  if (figures.deleted) return null;
  const ms = (instant: string | null) => (instant === null ? null : epochMsOf(instant));
  return {
    figures,
    createdMs: epochMsOf(figures.created_at),
    respondedMs: ms(figures.first_response_at),
    resolvedMs: ms(figures.resolved_at),
    open: figures.open.map(({ from, to }) => ({
      fromMs: epochMsOf(from),
      toMs: ms(to) ?? Number.POSITIVE_INFINITY,
    })),
  };
}

/** Aggregates rows over [fromMs, toMs). Pure. */
export function aggregate(rows: Iterable<FigureRow>, fromMs: number, toMs: number): Aggregate {
  const total = new Totals(fromMs, toMs);
  for (const row of rows) total.add(row);
  return total.result();
}

/** One aggregate per bucket, in one pass over the rows. */
export function series(
  rows: Iterable<FigureRow>,
  buckets: readonly Bucket[],
): readonly (Bucket & Aggregate)[] {
  const totals = buckets.map(({ fromMs, toMs }) => new Totals(fromMs, toMs));
  for (const row of rows) for (const total of totals) total.add(row);
  return buckets.map((bucket, at) => ({ ...bucket, ...(totals[at] as Totals).result() }));
}

/** Rows by their values of one or two groups, the most rows first, then by name. */
export function grouped(
  rows: Iterable<FigureRow>,
  groups: readonly Group[],
): readonly (readonly [readonly (string | null)[], readonly FigureRow[]])[] {
  const found = new Map<string, [(string | null)[], FigureRow[]]>();
  for (const row of rows) {
    const key = groups.map((group) => row.figures[group]);
    const name = JSON.stringify(key);
    const held = found.get(name);
    if (held === undefined) found.set(name, [key, [row]]);
    else held[1].push(row);
  }
  return [...found]
    .sort(([a, [, of]], [b, [, rest]]) => rest.length - of.length || (a < b ? -1 : 1))
    .map(([, line]) => line);
}

class Totals {
  readonly #fromMs: number;
  readonly #toMs: number;
  readonly #response = new Sketch();
  readonly #responseBusiness = new Sketch();
  readonly #resolution = new Sketch();
  readonly #resolutionBusiness = new Sketch();
  #created = 0;
  #closed = 0;
  #backlog = 0;
  #reopened = 0;

  constructor(fromMs: number, toMs: number) {
    this.#fromMs = fromMs;
    this.#toMs = toMs;
  }

  add({ figures, createdMs, respondedMs, resolvedMs, open }: FigureRow): void {
    if (createdMs >= this.#toMs) return;
    const inside = (ms: number | null) => ms !== null && ms >= this.#fromMs && ms < this.#toMs;
    if (inside(createdMs)) this.#created += 1;
    if (open.some(({ fromMs, toMs }) => fromMs < this.#toMs && toMs >= this.#toMs))
      this.#backlog += 1;
    if (inside(respondedMs)) {
      this.#response.add(figures.first_response_s ?? 0);
      if (figures.first_response_business_s !== null)
        this.#responseBusiness.add(figures.first_response_business_s);
    }
    if (inside(resolvedMs)) {
      this.#closed += 1;
      this.#reopened += figures.reopen_count;
      this.#resolution.add(figures.resolution_s ?? 0);
      if (figures.resolution_business_s !== null)
        this.#resolutionBusiness.add(figures.resolution_business_s);
    }
  }

  result(): Aggregate {
    return {
      created: this.#created,
      closed: this.#closed,
      backlog: this.#backlog,
      reopened: this.#reopened,
      first_response: distributionOf(this.#response),
      first_response_business: distributionOf(this.#responseBusiness),
      resolution: distributionOf(this.#resolution),
      resolution_business: distributionOf(this.#resolutionBusiness),
    };
  }
}

function distributionOf(sketch: Sketch): Distribution {
  const rounded = (value: number | null) => (value === null ? null : Math.round(value));
  const at = (q: number) => rounded(sketch.quantile(q));
  return {
    count: sketch.count,
    mean_s: rounded(sketch.mean),
    p50_s: at(0.5),
    p90_s: at(0.9),
    p95_s: at(0.95),
    p99_s: at(0.99),
  };
}
