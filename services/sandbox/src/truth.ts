import { type Rendering, type Row, renderCanonical } from "./api/render-ticket.ts";
import { fates } from "./population/ticket-fold.ts";
import type { TruthEntry } from "./population/truth-log.ts";

/** How many there are, at one instant. */
export interface TruthSummary {
  /** The population's time, ISO 8601 UTC. */
  readonly now: string;
  /** Tickets that the list shows, and their messages. */
  readonly tickets: number;
  readonly messages: number;
  /** Tickets that are gone from the list because they were merged or deleted. */
  readonly merged: number;
  readonly deleted: number;
  /** Changes since the start instant. */
  readonly changes: number;
}

/** What is really so, past every switch that only changes how it is shown. */
export interface Truth extends TruthSummary {
  /** Every listed ticket, canonical: all fields, ids as text, null for no value, messages by id, tags sorted. */
  rows(): Generator<Row>;
  /** One listed ticket, canonical; null when the list does not show it. */
  row(ticketId: string): Row | null;
  /** Changes after the `since`-th. */
  log(since?: number): Generator<TruthEntry>;
}

/** The truth as of now. Its generators read the living store: stop time while they run. */
export function truthOf(rendering: Rendering): Truth {
  const { population } = rendering;
  const { columns } = population;
  const having = (fate: number) =>
    columns.fate.subarray(0, columns.rows).filter((one) => one === fate).length;
  return {
    now: new Date(population.nowS * 1000).toISOString(),
    tickets: population.listedTickets,
    messages: population.listedMessages,
    merged: having(fates.merged),
    deleted: having(fates.deleted),
    changes: population.log.length,
    *rows() {
      for (let row = 0; row < columns.rows; row++) {
        if (population.isListed(row)) yield renderCanonical(rendering, row);
      }
    },
    row: (ticketId) => {
      const row = population.rowOfTicket(Number(ticketId));
      return row >= 0 && population.isListed(row) ? renderCanonical(rendering, row) : null;
    },
    log: (since = 0) => population.log.since(since),
  };
}

/** The figures of a truth without its generators. */
export function summaryOf(truth: Truth): TruthSummary {
  const { now, tickets, messages, merged, deleted, changes } = truth;
  return { now, tickets, messages, merged, deleted, changes };
}
