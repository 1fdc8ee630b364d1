import {
  createdMonthHeader,
  encodeJson,
  type Instant,
  isErasureNews,
  type LogBatch,
  type Logger,
  type LogWriter,
  type NewRecord,
  type TicketHistory,
  type TicketMetrics,
  ticketKey,
} from "@thulium-stream/contracts";
import { ticketMetricsOf } from "../figures/ticket-metrics-of.ts";
import { withoutIds } from "../figures/without-ids.ts";
import { emptyHistory, foldEvent } from "../history/fold-event.ts";
import { packHistory, unpackHistory } from "../history/stored-history.ts";
import type { FigureRules } from "../rules/figure-rules.ts";
import {
  type AppliedRecord,
  foldedToHeader,
  foldHeader,
  keptOf,
  type MetricsStore,
} from "../store/metrics-store.ts";
import { eventOf, eventTopics } from "./event-of.ts";
import { type FoldIds, flushName } from "./follow-figures.ts";

/** A record of `ticket-metrics`, laid where the ticket lies that it is `of`. */
interface FoldedRecord extends AppliedRecord {
  readonly of: string;
  /** null = a tombstone. */
  readonly value: Uint8Array | null;
  readonly createdAt: Instant | null;
}

/** What a partition's fold works with. */
export interface PartitionFoldDeps {
  readonly store: MetricsStore;
  /** The one writer of this partition's figures. */
  readonly writer: LogWriter;
  readonly logger: Logger;
  readonly system: string;
  readonly rules: FigureRules;
  readonly partition: number;
  /** Names this fold in what it writes. */
  readonly foldId: string;
  /** Told of each flush that is in the store, as long as it lists this fold. */
  readonly foldIds: FoldIds;
  /** Whether a ticket, or the customer whose it was then, was erased: its events are passed over. */
  readonly isErased: (ticketId: string, customerId: string | null) => boolean;
  readonly newId: () => string;
}

/**
 * Folds the events of one partition. Events are gathered in memory; a flush appends the new figures of all tickets they touched, with the positions that they reach, in one
 * atomic append, and only then takes them over into the store. A kill at any instruction leaves a log whose newest record tells exactly how far its figures go.
 */
export class PartitionFold {
  readonly #deps: PartitionFoldDeps;
  #touched = new Map<string, TicketHistory>();
  /** What a flush under way publishes: newer than the store until it has ended. */
  #flushing: ReadonlyMap<string, TicketHistory> = new Map();
  /** Messages of tickets whose head has not come yet. */
  readonly #headless = new Map<string, TicketHistory>();
  /** Tickets that are taken out with the next flush. */
  readonly #erased = new Set<string>();
  readonly #foldedTo: Record<string, number> = {};
  #flushes = 0;
  /** Whether every head that was appended with the messages read so far has been read, too. */
  #headsAreRead = true;

  constructor(deps: PartitionFoldDeps) {
    this.#deps = deps;
  }

  /** Names the fold in what it writes. */
  get id(): string {
    return this.#deps.foldId;
  }

  /** Tickets whose new figures wait for the next flush. */
  get waiting(): number {
    return this.#touched.size;
  }

  /** Positions that the gathered events reach, by topic. */
  get foldedTo(): Readonly<Record<string, number>> {
    return this.#foldedTo;
  }

  /** Gathers a batch of events. Returns how many there were of this system. */
  gather(batch: LogBatch): number {
    const { logger, system, rules, isErased } = this.#deps;
    let count = 0;
    for (const record of batch.records) {
      if (isErasureNews(record)) continue;
      const event = eventOf(record);
      if (event === null) {
        const { topic, partition, position } = record;
        logger.warn(
          { topic, partition, position },
          "a record is no event; left out of the metrics",
        );
        continue;
      }
      if (event.system !== system || isErased(event.ticket_id, event.ticket.customer_id)) continue;
      count += 1;
      const before = this.#historyOf(event.ticket_id);
      const after = foldEvent(before, event, rules);
      if (after !== before) this.#touched.set(event.ticket_id, after);
    }
    this.#foldedTo[batch.topic] = batch.nextPosition;
    this.#headsAreRead = batch.topic === "ticket-events" && batch.nextPosition >= batch.endPosition;
    return count;
  }

  /** Makes the figures of a ticket anew with the next flush, whether or not events of it come. */
  renew(ticketId: string): void {
    if (!this.#touched.has(ticketId)) this.#touched.set(ticketId, this.#historyOf(ticketId));
  }

  /** Takes tickets out with the next flush: their record goes, and figures of one that is closed stay as numbers without ids, in the same append. */
  erase(ticketIds: readonly string[]): void {
    const { isErased } = this.#deps;
    for (const ticketId of ticketIds) this.#erased.add(ticketId);
    for (const gathered of [this.#touched, this.#headless])
      for (const ticketId of gathered.keys())
        if (this.#erased.has(ticketId) || isErased(ticketId, null)) gathered.delete(ticketId);
  }

  /** Publishes what was gathered; more may be gathered meanwhile, but no second flush begun. @throws Failure of the writer; the fold is then spent. */
  async flush(): Promise<number> {
    const { store, writer, system, rules, partition, foldId, foldIds } = this.#deps;
    const records: FoldedRecord[] = [];
    this.#flushing = this.#touched;
    this.#touched = new Map();
    for (const [ticketId, history] of this.#flushing) {
      const metrics = ticketMetricsOf(history, { system, ticketId, rules });
      if (metrics === null) this.#headless.set(ticketId, history);
      else {
        this.#headless.delete(ticketId);
        records.push(this.#recordOf({ ...metrics, history: packHistory(history) }, ticketId));
      }
    }
    // While a head may still come, its messages must be read again after a kill. One that does not come has expired.
    const isComplete = this.#headless.size === 0 || this.#headsAreRead;
    const foldedTo = isComplete ? this.#reached() : {};
    this.#flushes += 1;
    const flush = this.#flushes;
    const headers = {
      [foldHeader]: flushName(foldId, flush),
      [foldedToHeader]: JSON.stringify(foldedTo),
    };
    for (const ticketId of this.#erased) records.push(...this.#recordsOfErased(ticketId));
    if (records.length > 0)
      await writer.append(
        records.map(
          ({ ticketId, of, value, createdAt }): NewRecord => ({
            topic: "ticket-metrics",
            key: ticketKey(system, ticketId),
            partitionKey: ticketKey(system, of),
            value,
            headers: { ...headers, ...createdMonthHeader(createdAt) },
          }),
        ),
      );
    await store.apply({ partition, records, foldedTo });
    if (foldIds.has(foldId)) foldIds.set(foldId, flush);
    this.#flushing = new Map();
    this.#erased.clear();
    return records.length;
  }

  /** Closes its writer. What was gathered and not flushed is folded again by whoever is next. */
  close(): Promise<void> {
    return this.#deps.writer.close();
  }

  /** How far the events are folded: what this fold has gathered, else what was published before it. Erasing leaves no older record that tells it. */
  #reached(): Readonly<Record<string, number>> {
    const { store, partition } = this.#deps;
    const reached: Record<string, number> = {};
    for (const topic of Object.keys(eventTopics)) {
      const position = this.#foldedTo[topic] ?? store.foldedTo({ topic, partition });
      if (position !== null) reached[topic] = position;
    }
    return reached;
  }

  /** A tombstone, and under a name that means nothing the figures of a closed ticket. An open one would stay open for ever. */
  #recordsOfErased(of: string): readonly FoldedRecord[] {
    const { store, system, rules, newId } = this.#deps;
    const gone: FoldedRecord = { ticketId: of, of, value: null, createdAt: null, kept: null };
    const held = store.ticket(of);
    if (held === null) return [gone];
    const history = withoutIds(unpackHistory(held.history));
    const ticketId = `erased-${newId()}`;
    const figures = ticketMetricsOf(history, { system, ticketId, rules });
    if (figures === null || figures.is_open) return [gone];
    return [gone, this.#recordOf({ ...figures, history: packHistory(history) }, of)];
  }

  #recordOf(metrics: TicketMetrics, of: string): FoldedRecord {
    return {
      ticketId: metrics.ticket_id,
      of,
      value: encodeJson(metrics),
      createdAt: metrics.created_at,
      kept: keptOf(metrics, this.#deps.partition),
    };
  }

  #historyOf(ticketId: string): TicketHistory {
    const touched =
      this.#touched.get(ticketId) ?? this.#flushing.get(ticketId) ?? this.#headless.get(ticketId);
    if (touched !== undefined) return touched;
    const { store } = this.#deps;
    // Most tickets of a backfill are new: no need to ask the disk for them.
    if (store.table.rowOf(ticketId) === undefined) return emptyHistory;
    const held = store.ticket(ticketId);
    return held === null ? emptyHistory : unpackHistory(held.history);
  }
}
