import {
  type Clock,
  type Command,
  deadLetter,
  decodeJson,
  type EventLog,
  type ExtractorState,
  ExtractorStateFold,
  instantOf,
  isFailure,
  type Logger,
  type LogRecord,
} from "@thulium-stream/contracts";
import { retrying, sendCommand } from "@thulium-stream/runtime";
import type { PipelineBody } from "../http/answer-schemas.ts";
import { type LakeFreshness, pipelineStatus } from "./pipeline-status.ts";

/** What the watch works with. */
export interface PipelineWatchDeps {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How the lake is; null when it cannot be read. */
  readonly lake: () => Promise<LakeFreshness | null>;
}

/** What the watch needs to know. */
export interface PipelineWatchOptions {
  readonly system: string;
  readonly sourceUrl: string | null;
  /** Whether commands may be given: only where a token guards them. */
  readonly canCommand: boolean;
}

/** How long what was counted and asked is good for, in milliseconds. */
const freshMs = 5000;

/** How the rest of the pipeline is, wherever it runs: followed on the log, where the extractor writes down its progress. */
export class PipelineWatch {
  readonly #deps: PipelineWatchDeps;
  readonly #options: PipelineWatchOptions;
  #state: ExtractorStateFold;
  /** Ids of letters that nobody has dealt with. */
  readonly #letters = new Set<string>();
  #asked: { readonly atMs: number; readonly lake: LakeFreshness | null };

  constructor(deps: PipelineWatchDeps, options: PipelineWatchOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#state = new ExtractorStateFold(options.system);
    this.#asked = { atMs: Number.NEGATIVE_INFINITY, lake: null };
  }

  /** Follows the log until `signal` fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#deps;
    const what = "following the extractor's state";
    await retrying(() => this.#follow(signal), {
      what,
      clock,
      logger,
      signal,
      longestDelayMs: 10_000,
    });
  }

  /** What the extractor last wrote down. */
  get state(): ExtractorState {
    return this.#state;
  }

  /** How the pipeline is now. */
  async status(): Promise<PipelineBody> {
    const nowMs = this.#deps.clock.now();
    if (nowMs - this.#asked.atMs > freshMs) await this.#ask(nowMs);
    const { lake } = this.#asked;
    const deadLetters = this.#letters.size;
    return pipelineStatus({ ...this.#options, state: this.#state, deadLetters, lake, nowMs });
  }

  /** Tells the extractor to pause a task or go on with it. Returns the instant of the request; null when there is no such task. */
  async tell(command: "pause" | "resume", taskId: string): Promise<string | null> {
    if (!this.#state.tasks.has(taskId)) return null;
    const requested_at = instantOf(this.#deps.clock.now());
    const { system } = this.#options;
    const told: Command = { command, system, task_id: taskId, requested_at };
    await sendCommand(this.#deps.log, told);
    return requested_at;
  }

  async #ask(nowMs: number): Promise<void> {
    const { lake, logger } = this.#deps;
    const seen = await lake().catch((error: unknown) => {
      logger.warn({ error }, "the lake could not be read for the pipeline's health");
      return null;
    });
    this.#asked = { atMs: nowMs, lake: seen };
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { log, logger } = this.#deps;
    this.#state = new ExtractorStateFold(this.#options.system);
    this.#letters.clear();
    const topics = ["extractor-state", "dead-letters"];
    const reader = await log.openReader({ topics, startAt: "earliest" });
    try {
      while (!signal.aborted) {
        const delivery = await reader.next({ timeoutMs: 1000, signal });
        if (delivery.kind !== "batch") continue;
        for (const record of delivery.records)
          try {
            if (record.topic === "dead-letters") this.#takeLetter(record);
            else this.#state.apply(record);
          } catch (error) {
            if (!isFailure(error, "CorruptRecord")) throw error;
            logger.warn({ reason: error.message }, "left out of the pipeline's health");
          }
      }
    } catch (error) {
      if (!(isFailure(error, "Cancelled") && signal.aborted)) throw error;
    } finally {
      await reader.close();
    }
  }

  /** The newest record of a letter counts. */
  #takeLetter(record: LogRecord): void {
    const letter = deadLetter
      .pick({ system: true, letter_id: true, state: true })
      .safeParse(decodeJson(record)).data;
    if (letter === undefined || letter.system !== this.#options.system) return;
    const { letter_id: id, state = "open" } = letter;
    if (state === "open" || state === "retry") this.#letters.add(id);
    else this.#letters.delete(id);
  }
}
