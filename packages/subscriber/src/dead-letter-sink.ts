import {
  type Clock,
  type DeadLetter,
  type EventLog,
  type Logger,
  type LogWriter,
  recordOfLetter,
} from "@thulium-stream/contracts";
import { retrying } from "@thulium-stream/runtime";

/** What the sink needs. */
export interface DeadLetterSinkOptions {
  readonly log: EventLog;
  readonly group: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newId: () => string;
  readonly signal: AbortSignal;
}

/** Appends dead letters, one at a time, through a writer that is opened with the first; waits for a log that is away. */
export class DeadLetterSink implements AsyncDisposable {
  readonly #options: DeadLetterSinkOptions;
  #writer: LogWriter | null = null;
  #last: Promise<void> = Promise.resolve();

  constructor(options: DeadLetterSinkOptions) {
    this.#options = options;
  }

  /** Resolves when the letter is durable. @throws Failure `Cancelled` when the subscription ends first. */
  append(letter: DeadLetter): Promise<void> {
    const appended = this.#last.then(() => this.#append(letter));
    this.#last = appended.catch(() => {});
    return appended;
  }

  async #append(letter: DeadLetter): Promise<void> {
    const { log, group, clock, logger, newId, signal } = this.#options;
    await retrying(
      async () => {
        // Its own id for each: members of a group must not fence each other.
        this.#writer ??= await log.openWriter(`dead-letters.${group}.${newId()}`);
        try {
          await this.#writer.append([recordOfLetter(letter)]);
        } catch (error) {
          // A writer is spent after a failure (L3); a letter that comes twice has the same id.
          await this.#writer.close();
          this.#writer = null;
          throw error;
        }
      },
      { what: "appending a dead letter", clock, logger, signal, longestDelayMs: 10_000 },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    await this.#writer?.close();
  }
}
