import { type TopicSpec, tombstoneRetentionMs } from "@thulium-stream/contracts";

/** Oldest that a superseded record of a compacted topic may get, in milliseconds (24 h). */
const compactionLagMs = 86_400_000;

/** Longest time that a segment of a topic kept by time is written to (24 h): so much later than its retention a record goes, at most. */
const segmentMs = 86_400_000;

/** How safely topics are kept; what is left out is the brokers' business. */
export interface Durability {
  /** Copies of each partition. */
  readonly replicationFactor?: number;
  /** Copies that must have a record before its append counts. */
  readonly minInsyncReplicas?: number;
}

/** The broker's settings of a topic, by name (Kafka documentation, "Topic Configs"). L10. */
export function settingsOf(
  spec: TopicSpec,
  { minInsyncReplicas }: Durability = {},
): Readonly<Record<string, string>> {
  const safe =
    minInsyncReplicas === undefined ? {} : { "min.insync.replicas": String(minInsyncReplicas) };
  const cleanUp: Record<string, string> =
    spec.cleanUp.by === "time"
      ? {
          "cleanup.policy": "delete",
          "retention.ms": String(spec.cleanUp.retentionMs),
          // A segment goes as a whole, when its newest record is old enough.
          "segment.ms": String(segmentMs),
        }
      : {
          "cleanup.policy": "compact",
          "delete.retention.ms": String(tombstoneRetentionMs),
          "max.compaction.lag.ms": String(compactionLagMs),
        };
  return { ...cleanUp, ...safe };
}

/** A topic as the broker has it. */
export interface ExistingTopic {
  readonly name: string;
  readonly partitions: number;
  /** Fewest copies of any partition. */
  readonly replicas: number;
  /** null when they may not be read. */
  readonly settings: Readonly<Record<string, string>> | null;
}

/** One line per difference between the table and what exists; none when all is as stated. */
export function driftOf(
  spec: TopicSpec,
  { name, partitions, replicas, settings }: ExistingTopic,
  durability: Durability = {},
): string[] {
  const wanted: readonly (readonly [
    what: string,
    found: string | number,
    wanted: string | number,
  ])[] = [
    ["partitions", partitions, spec.partitions],
    ["replicas", replicas, durability.replicationFactor ?? replicas],
    ...Object.entries(settingsOf(spec, durability)).map(
      ([setting, value]) =>
        [setting, settings === null ? value : (settings[setting] ?? "(none)"), value] as const,
    ),
  ];
  const lines = wanted
    .filter(([, found, value]) => String(found) !== String(value))
    .map(([what, found, value]) => `${name}: ${what} is ${found}, not ${value}`);
  if (settings !== null) return lines;
  return [...lines, `${name}: its settings may not be read by this user (ACL DescribeConfigs)`];
}
