import {
  type Clock,
  type EventLog,
  Failure,
  type Logger,
  type LogReader,
  type LogWriter,
  type PartitionPosition,
  type PartitionRange,
  type ReaderOptions,
  type TopicSpec,
} from "@thulium-stream/contracts";
import { ClaimingReader } from "../claiming-reader.ts";
import type { Claims } from "../claims.ts";
import { cleanUp, purge } from "./clean-up.ts";
import { EmbeddedReader, positionAt } from "./embedded-reader.ts";
import { EmbeddedWriter } from "./embedded-writer.ts";
import { type LogStore, openLogStore, type StoredTopic, storedRanges } from "./log-store.ts";

/** Where the log is and what it works with. */
export interface EmbeddedLogOptions {
  /** Created when missing. Several processes may have it open. */
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newId: () => string;
  /** Where records above the log's limit of 32 MiB go. Without it they are `TooLarge`. */
  readonly claims?: Claims;
}

/** An embedded log, and its clean-up by hand. */
export interface EmbeddedLog extends EventLog {
  /** Applies retention and compaction to all topics now; writers do it by themselves every ten minutes. */
  cleanUp(): Promise<void>;
}

/**
 * The `EventLog` port on LMDB (L1–L12): for one machine, any number of processes. A group has one active member, since one machine
 * needs no more: the newest takes over, an older one is left without partitions until it leaves.
 * @throws Failure `InvalidSettings` when the folder cannot be used.
 */
export async function openEmbeddedLog(options: EmbeddedLogOptions): Promise<EmbeddedLog> {
  return new EmbeddedEventLog(options, openLogStore(options.folder));
}

class EmbeddedEventLog implements EmbeddedLog {
  readonly #options: EmbeddedLogOptions;
  readonly #store: LogStore;
  readonly #opened: (LogReader | LogWriter)[] = [];
  #closing: Promise<void> | undefined;
  #wake: () => void = () => {};
  #appended: Promise<void>;

  constructor(options: EmbeddedLogOptions, store: LogStore) {
    this.#options = options;
    this.#store = store;
    this.#appended = this.#armWake();
  }

  async ensureTopics(specs: readonly TopicSpec[]): Promise<readonly string[]> {
    this.#requireOpen();
    return this.#store.root.transaction(() => specs.flatMap((spec) => this.#ensureTopic(spec)));
  }

  #ensureTopic({ topic, ...wanted }: TopicSpec): string[] {
    const found = this.#store.meta.get(`topic/${topic}`) as StoredTopic | undefined;
    if (found === undefined) this.#store.meta.put(`topic/${topic}`, wanted);
    if (found === undefined || JSON.stringify(found) === JSON.stringify(wanted)) return [];
    return [`topic ${topic} is ${JSON.stringify(found)}, expected ${JSON.stringify(wanted)}`];
  }

  async openWriter(writerId: string): Promise<LogWriter> {
    this.#requireOpen();
    const { clock, claims } = this.#options;
    const wake = () => this.#announce();
    const writer = await EmbeddedWriter.open(this.#store, writerId, { clock, wake, claims });
    this.#opened.push(writer);
    return writer;
  }

  async openReader(options: ReaderOptions): Promise<LogReader> {
    this.#requireOpen();
    const { clock, newId, claims } = this.#options;
    const reader = new EmbeddedReader(
      { store: this.#store, clock, nextAppend: () => this.#appended, memberId: newId() },
      options,
    );
    this.#store.root.resetReadTxn();
    await reader.join();
    this.#opened.push(reader);
    return claims === undefined ? reader : new ClaimingReader(reader, claims);
  }

  async ends(topic: string): Promise<readonly PartitionRange[]> {
    this.#requireOpen();
    this.#store.root.resetReadTxn();
    return storedRanges(this.#store, topic);
  }

  async positionsAt(topic: string, atMs: number): Promise<readonly PartitionPosition[]> {
    this.#requireOpen();
    this.#store.root.resetReadTxn();
    return storedRanges(this.#store, topic).map(({ partition }) => ({
      topic,
      partition,
      position: positionAt(this.#store, { topic, partition }, atMs),
    }));
  }

  async purge(before: readonly PartitionPosition[]): Promise<void> {
    this.#requireOpen();
    await purge(this.#store, before, this.#options.clock.now());
  }

  async cleanUp(): Promise<void> {
    this.#requireOpen();
    const names = [...this.#store.meta.getKeys()].flatMap((key) =>
      key.startsWith("topic/") ? [key.slice(6)] : [],
    );
    await cleanUp(this.#store, names, this.#options.clock.now());
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const part of this.#opened.toReversed()) await part.close();
    this.#announce();
    await this.#store.root.close();
  }

  #announce(): void {
    const wake = this.#wake;
    this.#appended = this.#armWake();
    wake();
  }

  #armWake(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #requireOpen(): void {
    if (this.#closing !== undefined) throw new Failure("Closed", "the log is closed");
  }
}
