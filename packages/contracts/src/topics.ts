/** How a topic forgets: by age, or by keeping the newest record per key. */
export type CleanUp =
  | { readonly by: "time"; readonly retentionMs: number }
  | { readonly by: "compaction" };

/** One row of the topic table. */
export interface TopicSpec {
  /** Logical name; adapters put the prefix (`TOPIC_PREFIX`) in front. */
  readonly topic: TopicName;
  readonly partitions: number;
  readonly cleanUp: CleanUp;
}

/** Logical names of all topics. */
export type TopicName =
  | "ticket-events"
  | "message-events"
  | "tickets"
  | "messages"
  | "ticket-metrics"
  | "extractor-state"
  | "commands"
  | "dead-letters";

const dayMs = 86_400_000;
const time = { by: "time", retentionMs: 30 * dayMs } as const;
const compaction = { by: "compaction" } as const;

/** Every topic of the pipeline. Ticket topics share their partition count, so that one ticket is one partition everywhere. */
export const topics: readonly TopicSpec[] = [
  { topic: "ticket-events", partitions: 6, cleanUp: time },
  { topic: "message-events", partitions: 6, cleanUp: time },
  { topic: "tickets", partitions: 6, cleanUp: compaction },
  { topic: "messages", partitions: 6, cleanUp: compaction },
  { topic: "ticket-metrics", partitions: 6, cleanUp: compaction },
  { topic: "extractor-state", partitions: 1, cleanUp: compaction },
  { topic: "commands", partitions: 1, cleanUp: time },
  { topic: "dead-letters", partitions: 6, cleanUp: time },
];

/** The table with another retention of the events. */
export function topicsWith({
  eventRetentionMs,
}: {
  readonly eventRetentionMs: number;
}): readonly TopicSpec[] {
  return topics.map((spec) =>
    spec.topic === "ticket-events" || spec.topic === "message-events"
      ? { ...spec, cleanUp: { by: "time", retentionMs: eventRetentionMs } }
      : spec,
  );
}

/** How long a tombstone stays in a compacted topic at least, in milliseconds (7 days, L10). */
export const tombstoneRetentionMs = 7 * dayMs;

/** Key of a ticket on every ticket topic, and what all of them are partitioned by. */
export function ticketKey(system: string, ticketId: string): string {
  return `${system}:${ticketId}`;
}

/** Key of a message in `messages`; its records are partitioned by {@link ticketKey}. */
export function messageKey(system: string, ticketId: string, messageId: string): string {
  return `${system}:${ticketId}:${messageId}`;
}
