import {
  type Checkpoint,
  type Clock,
  type DeadLetter,
  ErasureRecords,
  type ErasureState,
  type EventLog,
  type ExtractorHeartbeat,
  erasureKeyRecord,
  Failure,
  type HoleState,
  hashId,
  instantOf,
  isFailure,
  type Logger,
  type LogWriter,
  type ObservedTicket,
  type Origin,
  type SliceState,
  type TaskState,
  type TicketPage,
} from "@thulium-stream/contracts";
import { retrying } from "@thulium-stream/runtime";
import { messageHash, ticketHash } from "@thulium-stream/thulium-api/pure";
import { Batch, firstCheckpoint } from "./batch.ts";
import { logIdRecord, readExtractorState } from "./extractor-state.ts";
import { lastMentions } from "./last-mentions.ts";
import type { ObservationContext } from "./observation-context.ts";
import { ObservationOrder } from "./observation-order.ts";
import type { TicketIndex } from "./ticket-index.ts";

/** Something to be published as one whole: a page and what it proves, or a decision of the census. */
export interface Job {
  readonly origin: Origin;
  readonly page?: TicketPage;
  /** Progress that this page proves; durable together with its events. By {@link sliceId}. */
  readonly slices?: Patch<SliceState>;
  readonly tasks?: Patch<TaskState>;
  readonly checkpoint?: Partial<Omit<Checkpoint, "system" | "append" | "observed_at">>;
  /** Tickets whose absence was confirmed twice. */
  readonly deletedIds?: readonly string[];
  /** Tickets that exist but are no longer listed. */
  readonly unlistedIds?: readonly string[];
  readonly deadLetters?: readonly DeadLetter[];
  /** Holes found, tried again in vain, or (null) read at last. */
  readonly holes?: Patch<HoleState>;
  readonly heartbeat?: ExtractorHeartbeat;
  readonly erasure?: ErasureStep;
}

/** What an append does of an erasure. */
export interface ErasureStep {
  readonly erasureId: string;
  /** The erasure as it begins; left out, the one that is known goes on. */
  readonly begun?: ErasureState;
  /** Held tickets that go. */
  readonly ticketIds?: readonly string[];
  /** Makes its next state of the one that it has when the append is made. */
  readonly change?: (erasure: ErasureState) => ErasureState;
}

/** New values by id; null removes. */
export type Patch<T> = Iterable<readonly [id: string, value: T | null]>;

/** What became of a job. */
export interface JobResult {
  readonly events: number;
  /** Tickets whose observations overlapped and differed: to be asked for again. */
  readonly unclear: readonly ObservedTicket[];
}

/** What the publisher works with. */
export interface PublisherDeps {
  readonly log: EventLog;
  readonly index: TicketIndex;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly newId: () => string;
}

/** What the publisher needs to know. */
export interface PublisherOptions
  extends Pick<ObservationContext, "closedStatuses" | "stepPatterns"> {
  readonly system: string;
}

/** Counts since the start. */
export interface PublishedCounts {
  ticketEvents: number;
  messageEvents: number;
  appends: number;
  deadLetters: number;
  /** Observations that were left out, since they are of what was erased. */
  dropped: number;
}

/** A job with its observations sorted into those to be used and those to be asked for again. */
interface Judged {
  readonly job: Job;
  readonly rows: readonly ObservedTicket[];
  readonly unclear: readonly ObservedTicket[];
}

/** Most pages of one append: bounds the transaction and what is done again after a failed one. */
const mostJobsAtOnce = 4;

/**
 * The one way to the log: events, new state and checkpoint in one atomic append, one append at a time; only then the index follows (E5). Jobs that wait while an
 * append is in flight go together into the next. After a failed append nothing in memory is believed: the writer is opened anew (which fences), the index follows
 * the log, and the same jobs are compared again with what is really there.
 */
export class Publisher {
  readonly #deps: PublisherDeps;
  readonly #options: PublisherOptions;
  readonly #order = new ObservationOrder();
  readonly #queue: {
    readonly job: Job;
    readonly resolve: (result: JobResult) => void;
    readonly reject: (error: unknown) => void;
  }[] = [];
  readonly counts: PublishedCounts = {
    ticketEvents: 0,
    messageEvents: 0,
    appends: 0,
    deadLetters: 0,
    dropped: 0,
  };
  #writer: LogWriter | null = null;
  #checkpoint: Checkpoint;
  readonly #tasks = new Map<string, TaskState>();
  readonly #slices = new Map<string, SliceState>();
  readonly #holes = new Map<string, HoleState>();
  #heartbeat: ExtractorHeartbeat | null = null;
  #erasures: ErasureRecords;
  #running = false;
  /** Aborted by {@link close}: whoever was let go must not open a writer again, since that would fence the one who works now. */
  readonly #ended = new AbortController();

  private constructor(deps: PublisherDeps, options: PublisherOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#checkpoint = firstCheckpoint(options.system, instantOf(deps.clock.now()));
    this.#erasures = new ErasureRecords(options.system);
  }

  /** Opens the writer, which fences an older extractor, and brings memory and index to what the log says. */
  static async open(
    deps: PublisherDeps,
    options: PublisherOptions,
    signal?: AbortSignal,
  ): Promise<Publisher> {
    const publisher = new Publisher(deps, options);
    const { clock, logger, random } = deps;
    await retrying(() => publisher.#recover(), {
      what: "opening the log's writer",
      clock,
      logger,
      random,
      longestDelayMs: 10_000,
      ...(signal === undefined ? {} : { signal }),
    });
    return publisher;
  }

  /** The checkpoint of the last append. */
  get checkpoint(): Checkpoint {
    return this.#checkpoint;
  }

  /** Open tasks and the last ended ones, by id. */
  get tasks(): ReadonlyMap<string, TaskState> {
    return this.#tasks;
  }

  /** Slices of open tasks by {@link sliceId}. */
  get slices(): ReadonlyMap<string, SliceState> {
    return this.#slices;
  }

  /** What the extractor, maybe an earlier process, last said about itself. */
  get heartbeat(): ExtractorHeartbeat | null {
    return this.#heartbeat;
  }

  /** Open holes by id. */
  get holes(): ReadonlyMap<string, HoleState> {
    return this.#holes;
  }

  /** What was erased, and is being. */
  get erasures(): ErasureRecords {
    return this.#erasures;
  }

  /** Publishes a job; resolves when it is durable. @throws Failure `Fenced` when another extractor took over; stop then. */
  publish(job: Job): Promise<JobResult> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ job, resolve, reject });
      void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    while (this.#queue.length > 0) {
      const taken = this.#queue.splice(0, mostJobsAtOnce);
      try {
        const results = await this.#publishAll(taken.map(({ job }) => job));
        taken.forEach(({ resolve }, at) => {
          resolve(results[at] ?? { events: 0, unclear: [] });
        });
      } catch (error) {
        for (const { reject } of taken) reject(error);
      }
    }
    this.#running = false;
  }

  #publishAll(jobs: readonly Job[]): Promise<readonly JobResult[]> {
    return this.#publishJudged(jobs.map((job) => this.#judge(job)));
  }

  async #publishJudged(judged: readonly Judged[]): Promise<readonly JobResult[]> {
    const { clock, logger, random } = this.#deps;
    let isDoubtful = false;
    const appendOnce = async () => {
      if (isDoubtful) await this.#recover();
      const batch = this.#batchOf(isDoubtful ? lastMentions(judged) : judged);
      isDoubtful = true;
      if (batch.isWorthAppending) await this.#append(batch);
      return batch.results;
    };
    try {
      // A broker that is away is waited for; a fenced writer never comes back.
      return await retrying(appendOnce, {
        what: "appending to the log",
        clock,
        logger,
        random,
        longestDelayMs: 10_000,
        signal: this.#ended.signal,
      });
    } catch (error) {
      if (!isFailure(error, "TooLarge")) throw error;
      return this.#publishInParts(judged, error);
    }
  }

  /** A record larger than the log takes keeps nothing else from it: the batch is halved until its ticket stands alone, which becomes a dead letter. */
  async #publishInParts(
    judged: readonly Judged[],
    failure: Failure,
  ): Promise<readonly JobResult[]> {
    const [only, ...others] = judged;
    if (only === undefined) return [];
    if (others.length > 0) {
      const results: JobResult[] = [];
      for (const one of judged) results.push(...(await this.#publishJudged([one])));
      return results;
    }
    const { job, rows, unclear } = only;
    const [row] = rows;
    if (row === undefined) throw failure;
    if (rows.length === 1) {
      const letter = letterOfLargeRow(row, failure, instantOf(this.#deps.clock.now()));
      const deadLetters = [...(job.deadLetters ?? []), letter];
      return this.#publishJudged([{ job: { ...job, deadLetters }, rows: [], unclear }]);
    }
    const middle = Math.ceil(rows.length / 2);
    const { page, origin } = job;
    // Progress rides with the last part: it may not be durable before all of the page is.
    const first = {
      job: { origin, ...(page === undefined ? {} : { page }) },
      rows: rows.slice(0, middle),
      unclear: [],
    };
    const [before] = await this.#publishJudged([first]);
    const [after] = await this.#publishJudged([{ job, rows: rows.slice(middle), unclear }]);
    return [{ events: (before?.events ?? 0) + (after?.events ?? 0), unclear }];
  }

  /** Orders the observations once: a repeated attempt must not judge them against themselves. */
  #judge(job: Job): Judged {
    const rows: ObservedTicket[] = [];
    const unclear: ObservedTicket[] = [];
    for (const row of job.page?.rows ?? []) {
      const parts = row.messages.map((message) => messageHash(message) + message.ratings.join());
      const hash = hashId(`${ticketHash(row.ticket)}${parts.join()}`);
      const verdict = this.#order.judge(row.ticket.ticket_id, hash, job.page as TicketPage);
      (verdict === "apply" ? rows : unclear).push(row);
    }
    return { job, rows, unclear };
  }

  #batchOf(judged: readonly Judged[]): Batch {
    const { index, clock } = this.#deps;
    const before = {
      checkpoint: this.#checkpoint,
      held: (id: string) => index.get(id),
      erasures: this.#erasures,
    };
    const batch = new Batch(this.#options, before, instantOf(clock.now()));
    for (const { job, rows, unclear } of judged) batch.add(job, rows, unclear);
    return batch;
  }

  async #append(batch: Batch): Promise<void> {
    await (this.#writer as LogWriter).append(batch.records());
    this.#checkpoint = batch.checkpoint;
    patch(this.#tasks, batch.tasks);
    patch(this.#slices, batch.slices);
    patch(this.#holes, batch.holes);
    for (const erasure of batch.erasures.values()) this.#erasures.put(erasure);
    this.#heartbeat = batch.heartbeat ?? this.#heartbeat;
    this.#deps.index.apply(batch.states, batch.deletedIds);
    this.counts.appends += 1;
    this.counts.ticketEvents += batch.ticketEvents;
    this.counts.messageEvents += batch.messageEvents;
    this.counts.deadLetters += batch.deadLetters;
    this.counts.dropped += batch.dropped;
  }

  async #recover(): Promise<void> {
    const { log, index, newId, clock } = this.#deps;
    const { system } = this.#options;
    await this.#writer?.close();
    if (this.#ended.signal.aborted) throw new Failure("Closed", "the publisher is closed");
    this.#writer = await log.openWriter(`extractor.${system}`);
    const state = await readExtractorState(log, system);
    const id = state.logId ?? newId();
    const key = state.erasures.key ?? newErasureKey(newId);
    const firsts = [
      ...(state.logId === null ? [logIdRecord(id)] : []),
      ...(state.erasures.key === null ? [erasureKeyRecord(system, key)] : []),
    ];
    if (firsts.length > 0) await this.#writer.append(firsts);
    this.#erasures = state.erasures;
    this.#erasures.setKey(key);
    if (state.checkpoint !== null) this.#checkpoint = state.checkpoint;
    replace(this.#tasks, state.tasks);
    replace(this.#slices, state.slices);
    replace(this.#holes, state.holes);
    this.#heartbeat = state.heartbeat;
    await index.follow(log, id, instantOf(clock.now()));
  }

  /** Waits for the append in flight and lets the writer go. What still waited to be tried again is given up: its jobs fail with `Cancelled`. */
  async close(): Promise<void> {
    this.#ended.abort();
    await this.#writer?.close();
  }
}

/** 64 characters of at least 256 random bits. */
function newErasureKey(newId: () => string): string {
  return [newId(), newId(), newId()].map(hashId).join("").slice(0, 64);
}

function patch<T>(map: Map<string, T>, changes: Patch<T>): void {
  for (const [id, value] of changes) {
    if (value === null) map.delete(id);
    else map.set(id, value);
  }
}

function replace<T>(map: Map<string, T>, by: ReadonlyMap<string, T>): void {
  map.clear();
  patch(map, by);
}

/** What is kept of a ticket that no record can hold: its id, size and beginning. The source still has it. */
function letterOfLargeRow(
  { ticket, messages }: ObservedTicket,
  failure: Failure,
  at: string,
): DeadLetter {
  const text = JSON.stringify({ ticket, messages });
  const { system, ticket_id } = ticket;
  return {
    system,
    letter_id: hashId(`source-row\n${ticket_id}\n${text}`),
    reason: failure.code,
    detail: `${failure.message}; the ticket has ${text.length} characters, of which the first 2,048 are kept here`,
    stage: "source-row",
    key: ticket_id,
    attempts: 1,
    first_at: at,
    last_at: at,
    raw: text.slice(0, 2048),
    position: null,
  };
}
