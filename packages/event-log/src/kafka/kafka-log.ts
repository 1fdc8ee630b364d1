import {
  type Clock,
  type EventLog,
  Failure,
  type LogReader,
  type LogWriter,
  type PartitionPosition,
  type PartitionRange,
  type ReaderOptions,
  type TopicSpec,
  topics,
} from "@thulium-stream/contracts";
import { ClaimingReader } from "../claiming-reader.ts";
import type { Claims } from "../claims.ts";
import { KafkaAdmin } from "./kafka-admin.ts";
import { type KafkaConnection, kafkaClient } from "./kafka-clients.ts";
import { openKafkaReader } from "./kafka-reader.ts";
import { openKafkaWriter } from "./kafka-writer.ts";
import type { Durability } from "./topic-settings.ts";

/** How to open the log on Kafka. */
export interface KafkaLogOptions extends KafkaConnection {
  /** Put in front of topics, groups and transactional ids, e.g. `thulium.`. */
  readonly topicPrefix: string;
  /** Of topics that `ensureTopics` creates. Default: what the brokers have as theirs. */
  readonly durability?: Durability;
  readonly clock: Clock;
  /** Where records above the limit of their topic go. Without it they are `TooLarge`. */
  readonly claims?: Claims;
  /** Makes the names of throwaway groups of private readers. */
  readonly newId: () => string;
}

/** The event log on a Kafka cluster (L1–L12). Connects at first use; the caller closes it. */
export function openKafkaLog(options: KafkaLogOptions): EventLog {
  return new KafkaLog(options);
}

class KafkaLog implements EventLog {
  readonly #options: KafkaLogOptions;
  readonly #admin: KafkaAdmin;
  readonly #open = new Set<LogReader | LogWriter>();
  #closing: Promise<void> | null = null;

  constructor(options: KafkaLogOptions) {
    this.#options = options;
    this.#admin = new KafkaAdmin(kafkaClient(options, "patient"), options.clock, options.brokers);
  }

  readonly #nameOf = (topic: string) => `${this.#options.topicPrefix}${topic}`;

  async ensureTopics(specs: readonly TopicSpec[]): Promise<readonly string[]> {
    this.#assertOpen();
    return this.#admin.ensureTopics(specs, this.#nameOf, this.#options.durability ?? {});
  }

  async openWriter(writerId: string): Promise<LogWriter> {
    this.#assertOpen();
    // Brokers that do not answer are told apart here, after seconds; the writer's own retries are patient.
    await this.#admin.partitions([]);
    const { clock, logger, claims, brokers } = this.#options;
    const undecided = new KafkaAdmin(
      kafkaClient(this.#options, "patient"),
      clock,
      brokers,
      "uncommitted",
    );
    try {
      const writer = await openKafkaWriter(
        {
          kafka: kafkaClient(this.#options, "brisk"),
          admin: this.#admin,
          undecided,
          topics: topics.map(({ topic }) => topic),
          clock,
          logger,
          nameOf: this.#nameOf,
          claims,
        },
        this.#nameOf(writerId),
      );
      return await this.#keep(writer);
    } finally {
      await undecided.close();
    }
  }

  async openReader(options: ReaderOptions): Promise<LogReader> {
    this.#assertOpen();
    const { clock, logger, topicPrefix, newId, claims } = this.#options;
    const reader = await openKafkaReader(
      {
        kafka: kafkaClient(this.#options, "patient"),
        admin: this.#admin,
        clock,
        logger,
        nameOf: this.#nameOf,
        groupId: `${topicPrefix}${options.group ?? `private.${newId()}`}`,
      },
      options,
    );
    const kept = await this.#keep(reader);
    return claims === undefined ? kept : new ClaimingReader(kept, claims);
  }

  /** Remembers what it opened; what was opened while it was being closed is closed at once (L11). */
  async #keep<T extends LogReader | LogWriter>(opened: T): Promise<T> {
    if (this.#closing === null) {
      this.#open.add(opened);
      return opened;
    }
    await opened.close();
    throw closed();
  }

  async ends(topic: string): Promise<readonly PartitionRange[]> {
    this.#assertOpen();
    return this.#admin.ends(topic, this.#nameOf(topic));
  }

  async positionsAt(topic: string, atMs: number): Promise<readonly PartitionPosition[]> {
    this.#assertOpen();
    return this.#admin.positionsAt(topic, this.#nameOf(topic), atMs);
  }

  async purge(before: readonly PartitionPosition[]): Promise<void> {
    this.#assertOpen();
    // The broker itself lets go of what is superseded, by `max.compaction.lag.ms`, and refuses to be told to.
    const byTime = before.filter(({ topic }) => isKeptByTime(topic));
    for (const topic of new Set(byTime.map((each) => each.topic)))
      await this.#admin.deleteRecords(
        this.#nameOf(topic),
        byTime.filter((each) => each.topic === topic),
      );
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw closed();
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.all([...this.#open].map((each) => each.close()));
      await this.#admin.close();
    })();
    return this.#closing;
  }
}

function closed(): Failure {
  return new Failure("Closed", "The event log is closed");
}

function isKeptByTime(topic: string): boolean {
  return topics.find((spec) => spec.topic === topic)?.cleanUp.by === "time";
}
