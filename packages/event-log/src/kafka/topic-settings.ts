import { type TopicSpec, tombstoneRetentionMs } from "@thulium-stream/contracts";

/** Oldest that a superseded record of a compacted topic may get, in milliseconds (24 h). */
const compactionLagMs = 86_400_000;

/** The broker's settings of a topic, by name (Kafka documentation, "Topic Configs"). L10. */
export function settingsOf(spec: TopicSpec): Readonly<Record<string, string>> {
  return spec.cleanUp.by === "time"
    ? { "cleanup.policy": "delete", "retention.ms": String(spec.cleanUp.retentionMs) }
    : {
        "cleanup.policy": "compact",
        "delete.retention.ms": String(tombstoneRetentionMs),
        "max.compaction.lag.ms": String(compactionLagMs),
      };
}

/** A topic as the broker has it. */
export interface ExistingTopic {
  readonly name: string;
  readonly partitions: number;
  readonly settings: Readonly<Record<string, string>>;
}

/** One line per difference between the table and what exists; none when all is as stated. */
export function driftOf(spec: TopicSpec, existing: ExistingTopic): string[] {
  const lines = Object.entries(settingsOf(spec)).flatMap(([setting, wanted]) => {
    const found = existing.settings[setting] ?? "(none)";
    return found === wanted ? [] : [`${existing.name}: ${setting} is ${found}, not ${wanted}`];
  });
  if (existing.partitions === spec.partitions) return lines;
  return [`${existing.name}: ${existing.partitions} partitions, not ${spec.partitions}`, ...lines];
}
