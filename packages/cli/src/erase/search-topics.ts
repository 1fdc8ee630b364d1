import { type ErasureList, type EventLog, type TopicName, topics } from "@thulium-stream/contracts";
import { erasureOfLetter } from "@thulium-stream/extractor";
import { batchesToEnd } from "@thulium-stream/runtime";

/** What a topic still holds of an erasure. */
export interface FoundInTopic {
  /** Records with content. */
  records: number;
  /** Tombstones: nothing but the key. */
  tombstones: number;
}

/** What a search of every topic came to. */
export interface TopicSearch {
  /** Records that were looked at. */
  readonly records: number;
  /** By erasure and topic. */
  readonly found: ReadonlyMap<string, ReadonlyMap<TopicName, FoundInTopic>>;
}

/** Looks at every record that any reader could still get, from the first that each topic holds. @throws Failure of the log; `Cancelled`. */
export async function searchTopics(
  log: EventLog,
  list: ErasureList,
  signal: AbortSignal,
): Promise<TopicSearch> {
  const found = new Map<string, Map<TopicName, FoundInTopic>>();
  let searched = 0;
  for (const { topic } of topics)
    for await (const { records } of batchesToEnd(log, topic, { signal }))
      for (const record of records) {
        searched += 1;
        const erasureId =
          topic === "dead-letters" ? erasureOfLetter(record, list) : list.erasureOfRecord(record);
        if (erasureId === null) continue;
        const byTopic = found.get(erasureId) ?? new Map<TopicName, FoundInTopic>();
        found.set(erasureId, byTopic);
        const count = byTopic.get(topic) ?? { records: 0, tombstones: 0 };
        byTopic.set(topic, count);
        if (record.value === null) count.tombstones += 1;
        else count.records += 1;
      }
  return { records: searched, found };
}
