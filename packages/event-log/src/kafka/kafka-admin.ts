import {
  type Clock,
  Failure,
  isFailure,
  type PartitionPosition,
  type PartitionRange,
  type TopicSpec,
} from "@thulium-stream/contracts";
import type { Admin, AdminConfig, Kafka } from "kafkajs";
import { maxSendBytesPerPartition, sendBytesFor } from "./append-plan.ts";
import { withDeadline } from "./deadline.ts";
import { kafkaFailure, missingTopic } from "./failures.ts";
import { type Durability, driftOf, settingsOf } from "./topic-settings.ts";

const deadlineMs = 30_000;
/** How often, and how long apart, ends are asked for while metadata lack the topic. */
const metadataTries = 10;
const metadataPauseMs = 100;
/** `ConfigResourceTypes.TOPIC`, which kafkajs, being CommonJS, does not export by name. */
const topicResource = 2;

/** What a writer needs to know of a topic. */
export interface TopicShape {
  readonly partitions: number;
  /** Most bytes that one send carries for one of its partitions. */
  readonly sendBytes: number;
}

/** Whether ends leave out what lies in undecided transactions. */
export type Isolation = "committed" | "uncommitted";

/** One connection and the calls that use it. */
interface Connection {
  readonly admin: Promise<Admin>;
  calls: number;
}

/**
 * The cluster's administrative side: topics, ends, groups. Connects at first use; a connection that failed is
 * dropped and the next call makes a new one. Calls share a connection, so a dropped one is disconnected only when
 * the last of them has ended: kafkajs forgets its metadata on disconnect, and what is under way would fail with
 * TypeErrors. Topic names here are the broker's, prefix included.
 */
export class KafkaAdmin {
  readonly #kafka: Kafka;
  readonly #clock: Clock;
  /** The addresses of the settings; none: an advertised one is not told apart. */
  readonly #bootstrap: readonly string[];
  readonly #isolation: Isolation;
  #connection: Connection | null = null;

  constructor(
    kafka: Kafka,
    clock: Clock,
    bootstrap: readonly string[] = [],
    isolation: Isolation = "committed",
  ) {
    this.#kafka = kafka;
    this.#bootstrap = bootstrap;
    this.#isolation = isolation;
    this.#clock = clock;
  }

  /** Runs one administrative call with a deadline. @throws Failure as `failures.ts` classifies. */
  async #call<T>(what: string, run: (admin: Admin) => Promise<T>): Promise<T> {
    this.#connection ??= { admin: this.#connect(), calls: 0 };
    const connection = this.#connection;
    connection.calls += 1;
    try {
      const work = connection.admin.then(run);
      return await withDeadline(this.#clock, deadlineMs, what, work);
    } catch (error) {
      const known = this.#bootstrap.length === 0 ? undefined : this.#bootstrap;
      const failure = kafkaFailure(error, what, known);
      const isCurrent = this.#connection === connection;
      if (isCurrent && isFailure(failure, "Unavailable", "TimedOut")) this.#connection = null;
      throw failure;
    } finally {
      connection.calls -= 1;
      if (this.#connection !== connection && connection.calls === 0) {
        void disconnect(connection).catch(() => {});
      }
    }
  }

  async #connect(): Promise<Admin> {
    // The setting is ours (see `patches/`).
    const isolationLevel = this.#isolation === "committed" ? 1 : 0;
    const admin = this.#kafka.admin({ isolationLevel } as AdminConfig);
    try {
      await admin.connect();
      return admin;
    } catch (error) {
      await admin.disconnect();
      throw error;
    }
  }

  /** Partition count of each existing topic among `names`. */
  async partitions(names: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const found = await this.#layouts(names);
    return new Map([...found].map(([name, { partitions }]) => [name, partitions]));
  }

  async #layouts(
    names: readonly string[],
  ): Promise<ReadonlyMap<string, { readonly partitions: number; readonly replicas: number }>> {
    return this.#call("reading topics", async (admin) => {
      // Asking for an unknown topic by name fails only after many retries; the full list is one request.
      const existing = new Set(await admin.listTopics());
      const topics = names.filter((name) => existing.has(name));
      if (topics.length === 0) return new Map();
      const metadata = await admin.fetchTopicMetadata({ topics });
      return new Map(
        metadata.topics.map(({ name, partitions }) => {
          const replicas = Math.min(...partitions.map((each) => each.replicas.length));
          return [name, { partitions: partitions.length, replicas }];
        }),
      );
    });
  }

  /** Partition count and largest send of each existing topic among `names`. Who may not read the topics' settings gets the usual limit. */
  async shapes(names: readonly string[]): Promise<ReadonlyMap<string, TopicShape>> {
    const partitions = await this.partitions(names);
    if (partitions.size === 0) return new Map();
    const settings = await this.#settingsOrNull([...partitions.keys()]);
    return new Map(
      [...partitions].map(([name, count]) => {
        const maxBytes = Number(settings?.get(name)?.["max.message.bytes"]);
        const sendBytes = maxBytes > 0 ? sendBytesFor(maxBytes) : maxSendBytesPerPartition;
        return [name, { partitions: count, sendBytes }];
      }),
    );
  }

  /**
   * First held and next position of each partition; what lies in undecided transactions is past the end, so
   * that a reader who starts there sees each later append whole. @throws Failure `Rejected` for an unknown topic.
   */
  async ends(topic: string, name: string): Promise<readonly PartitionRange[]> {
    const known = await this.partitions([name]);
    if (!known.has(name)) throw missingTopic(name);
    const offsets = await this.#offsetsOf(name);
    return offsets
      .map(({ partition, low, high }) => ({
        topic,
        partition,
        earliest: Number(low),
        end: Number(high),
      }))
      .sort((a, b) => a.partition - b.partition);
  }

  async #offsetsOf(name: string): ReturnType<Admin["fetchTopicOffsets"]> {
    return this.#call(`reading the ends of ${name}`, async (admin) => {
      // kafkajs throws a TypeError when its metadata show no leader of any partition. Mostly two calls asked for metadata at once, and one got
      // those of the other's topics: they are there at the next try. If not, a new connection knows more.
      for (let tries = 1; ; tries += 1) {
        try {
          return await admin.fetchTopicOffsets(name);
        } catch (error) {
          if (!(error instanceof TypeError)) throw error;
          if (tries === metadataTries)
            throw new Failure("Unavailable", `no leader of ${name} is known`, { cause: error });
          await this.#clock.sleep(metadataPauseMs);
        }
      }
    });
  }

  /** Position of the first record at or after a time per partition; the end when there is none. @throws Failure `Rejected` for an unknown topic. */
  async positionsAt(
    topic: string,
    name: string,
    atMs: number,
  ): Promise<readonly PartitionPosition[]> {
    const known = await this.partitions([name]);
    if (!known.has(name)) throw new Failure("Rejected", `There is no topic ${name}`);
    const offsets = await this.#call(`finding a time in ${name}`, (admin) =>
      admin.fetchTopicOffsetsByTimestamp(name, atMs),
    );
    return offsets.map(({ partition, offset }) => ({ topic, partition, position: Number(offset) }));
  }

  /** Where each partition ends for readers of this isolation; of committed records: before the first undecided transaction. */
  async visibleEnds(name: string): Promise<ReadonlyMap<number, number>> {
    const offsets = await this.#offsetsOf(name);
    return new Map(offsets.map(({ partition, high }) => [partition, Number(high)]));
  }

  /** {@link visibleEnds} of those among `names` that exist. */
  async endsOf(
    names: readonly string[],
  ): Promise<ReadonlyMap<string, ReadonlyMap<number, number>>> {
    const existing = await this.partitions(names);
    const found = [...existing.keys()].map(
      async (name) => [name, await this.visibleEnds(name)] as const,
    );
    return new Map(await Promise.all(found));
  }

  /** Committed positions of a group; partitions without one are left out. */
  async committed(
    groupId: string,
    names: readonly string[],
  ): Promise<readonly { name: string; partition: number; position: number }[]> {
    const answer = await this.#call(`reading the positions of ${groupId}`, (admin) =>
      admin.fetchOffsets({ groupId, topics: [...names] }),
    );
    return answer.flatMap(({ topic, partitions }) =>
      partitions
        .map(({ partition, offset }) => ({ name: topic, partition, position: Number(offset) }))
        .filter(({ position }) => position >= 0),
    );
  }

  /** Removes a group without members; one that is already gone is fine. */
  async deleteGroup(groupId: string): Promise<void> {
    await this.#call(`deleting ${groupId}`, (admin) => admin.deleteGroups([groupId]));
  }

  /** Moves the beginning of partitions up: no reader gets what lies below any more (L15). */
  async deleteRecords(
    name: string,
    before: readonly { readonly partition: number; readonly position: number }[],
  ): Promise<void> {
    const held = new Map((await this.#offsetsOf(name)).map((range) => [range.partition, range]));
    // kafkajs refuses the whole call for one partition that has nothing below the position.
    const partitions = before
      .filter(({ partition, position }) => Number(held.get(partition)?.low ?? 0) < position)
      .map(({ partition, position }) => ({ partition, offset: String(position) }));
    if (partitions.length === 0) return;
    await this.#call(`deleting records of ${name}`, (admin) =>
      admin.deleteTopicRecords({ topic: name, partitions }),
    );
  }

  /** Creates the missing topics and returns one line per difference of the others. */
  async ensureTopics(
    specs: readonly TopicSpec[],
    nameOf: (topic: string) => string,
    durability: Durability,
  ): Promise<readonly string[]> {
    const existing = await this.#layouts(specs.map(({ topic }) => nameOf(topic)));
    const missing = specs.filter(({ topic }) => !existing.has(nameOf(topic)));
    if (missing.length > 0) await this.#create(missing, nameOf, durability);
    const present = specs.filter(({ topic }) => existing.has(nameOf(topic)));
    if (present.length === 0) return [];
    // Another process may be creating them at this moment. One that stays without a leader is no reason not to begin: its readers wait.
    const ignore = (error: unknown) => {
      if (!isFailure(error)) throw error;
    };
    await Promise.all(present.map(({ topic }) => this.#untilLed(nameOf(topic)).catch(ignore)));
    const settings = await this.#settingsOrNull(present.map(({ topic }) => nameOf(topic)));
    return present.flatMap((spec) => {
      const name = nameOf(spec.topic);
      const { partitions = 0, replicas = 0 } = existing.get(name) ?? {};
      const found = { name, partitions, replicas, settings: settings?.get(name) ?? null };
      return driftOf(spec, found, durability);
    });
  }

  async #create(
    specs: readonly TopicSpec[],
    nameOf: (topic: string) => string,
    durability: Durability,
  ): Promise<void> {
    const names = specs.map(({ topic }) => nameOf(topic)).join(", ");
    // Answers false when another process created one meanwhile: as good.
    await this.#call(`creating ${names}`, (admin) =>
      admin.createTopics({
        // kafkajs gives up on a topic that a busy broker does not tell of yet; #untilLed waits longer.
        waitForLeaders: false,
        timeout: 20_000,
        topics: specs.map((spec) => ({
          topic: nameOf(spec.topic),
          numPartitions: spec.partitions,
          replicationFactor: durability.replicationFactor ?? -1,
          configEntries: Object.entries(settingsOf(spec, durability)).map(([name, value]) => ({
            name,
            value,
          })),
        })),
      }),
    );
    for (const { topic } of specs) await this.#untilLed(nameOf(topic));
  }

  /** The metadata names a leader before that broker leads: until it does, reads and writes are refused. */
  async #untilLed(name: string): Promise<void> {
    const untilMs = this.#clock.now() + deadlineMs;
    for (;;) {
      try {
        await this.ends(name, name);
        return;
      } catch (error) {
        const passing = isFailure(error, "Unavailable", "Rejected");
        if (!passing || this.#clock.now() >= untilMs) throw error;
        await this.#clock.sleep(50);
      }
    }
  }

  /** null when this user may not read them. */
  async #settingsOrNull(
    names: readonly string[],
  ): Promise<ReadonlyMap<string, Record<string, string>> | null> {
    return this.#settings(names).catch((error: unknown) => {
      if (isFailure(error, "Forbidden")) return null;
      throw error;
    });
  }

  async #settings(names: readonly string[]): Promise<Map<string, Record<string, string>>> {
    const { resources } = await this.#call("reading topic settings", (admin) =>
      admin.describeConfigs({
        includeSynonyms: false,
        resources: names.map((name) => ({ type: topicResource, name })),
      }),
    );
    return new Map(
      resources.map(({ resourceName, configEntries }) => [
        resourceName,
        Object.fromEntries(
          configEntries.map(({ configName, configValue }) => [configName, configValue]),
        ),
      ]),
    );
  }

  /** Disconnects, when calls are under way after the last of them. */
  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = null;
    if (connection?.calls === 0) await disconnect(connection);
  }
}

async function disconnect({ admin }: Connection): Promise<void> {
  const connected = await admin.catch(() => null);
  await connected?.disconnect();
}
