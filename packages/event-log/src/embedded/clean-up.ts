import { type PartitionPosition, tombstoneRetentionMs } from "@thulium-stream/contracts";
import { type Chunk, decodeChunk, encodeChunk } from "./chunk.ts";
import { type LogStore, rangeOf, storedTopic } from "./log-store.ts";

/** How often everything superseded goes, however little of a chunk it is: nothing outlives its tombstone by more. */
const wholeEveryMs = 20 * 3_600_000;
/** Chunks that one transaction looks at: it holds the write lock. */
const chunksAtOnce = 32;

/**
 * Forgets what the topic table lets go: by age, or all but the newest record per key (L10). Works in small transactions, and only on
 * whole chunks; a compacted chunk is rewritten when at least half of its records are superseded, and once a day when any is. Positions never change (L6).
 */
export async function cleanUp(
  store: LogStore,
  topics: readonly string[],
  nowMs: number,
): Promise<void> {
  for (const topic of topics) {
    const { partitions, cleanUp: rule } = storedTopic(store, topic);
    const isWholeDue = nowMs - Number(store.meta.get(`compacted/${topic}`) ?? 0) >= wholeEveryMs;
    for (let partition = 0; partition < partitions; partition += 1) {
      if (rule.by === "time") await expire(store, topic, partition, nowMs - rule.retentionMs);
      else await compact(store, topic, partition, isWholeDue ? whole(nowMs) : cheap);
    }
    if (rule.by === "compaction" && isWholeDue) await store.meta.put(`compacted/${topic}`, nowMs);
  }
}

/** What a pass over a compacted topic takes away. */
interface Pass {
  /** A chunk of which more than this share is still needed is not rewritten. */
  readonly mostKept: number;
  /** Tombstones that are older go. */
  readonly goneMs: number;
}

const cheap: Pass = { mostKept: 0.5, goneMs: Number.NEGATIVE_INFINITY };

/** Oldest first and leaving nothing superseded behind: only then may a tombstone go, since an older value of its key would be the newest again. */
function whole(nowMs: number): Pass {
  return { mostKept: 1, goneMs: nowMs - tombstoneRetentionMs };
}

/** Lets go of what lies below positions (L15): all of a topic kept by time, what is superseded of a compacted one. */
export async function purge(
  store: LogStore,
  before: readonly PartitionPosition[],
  nowMs: number,
): Promise<void> {
  for (const { topic, partition, position } of before) {
    if (storedTopic(store, topic).cleanUp.by === "compaction")
      await compact(store, topic, partition, whole(nowMs));
    else await removeBelow(store, topic, partition, position);
  }
}

/** The chunk that the position lies in is kept with the records from there on. */
function removeBelow(
  store: LogStore,
  topic: string,
  partition: number,
  position: number,
): Promise<void> {
  return store.root.transaction(() => {
    const range = rangeOf(store, topic, partition);
    const earliest = Math.min(Math.max(range.earliest, position), range.end);
    for (const { base, chunk } of chunksFrom(store, topic, partition, 0)) {
      if (base >= earliest) break;
      const id: [string, number, number] = [topic, partition, base];
      const kept = chunk.records.filter(({ step }) => base + step >= earliest);
      if (kept.length === 0) store.chunks.remove(id);
      else store.chunks.put(id, encodeChunk({ span: chunk.span, records: kept }));
    }
    store.ranges.put([topic, partition], { ...range, earliest });
  });
}

async function expire(
  store: LogStore,
  topic: string,
  partition: number,
  beforeMs: number,
): Promise<void> {
  for (let more = true; more; ) {
    more = await store.root.transaction(() => {
      let looked = 0;
      for (const { base, chunk } of chunksFrom(store, topic, partition, 0)) {
        const newestMs = chunk.records.at(-1)?.appendedAtMs ?? 0;
        if (newestMs >= beforeMs) return false;
        store.chunks.remove([topic, partition, base]);
        store.ranges.put([topic, partition], {
          ...rangeOf(store, topic, partition),
          earliest: base + chunk.span,
        });
        looked += 1;
        if (looked === chunksAtOnce) return true;
      }
      return false;
    });
  }
}

async function compact(
  store: LogStore,
  topic: string,
  partition: number,
  pass: Pass,
): Promise<void> {
  let from = 0;
  for (let more = true; more; ) {
    more = await store.root.transaction(() => {
      let looked = 0;
      for (const { base, chunk } of chunksFrom(store, topic, partition, from)) {
        from = base + 1;
        compactChunk(store, [topic, partition, base], chunk, pass);
        looked += 1;
        if (looked === chunksAtOnce) return true;
      }
      return false;
    });
  }
}

function compactChunk(
  store: LogStore,
  id: [string, number, number],
  chunk: Chunk,
  { goneMs, mostKept }: Pass,
): void {
  const [topic, partition, base] = id;
  const isNewest = (key: string, step: number) =>
    store.latest.get([topic, partition, key]) === base + step;
  const kept = chunk.records.filter(
    ({ key, step, value, appendedAtMs }) =>
      isNewest(key, step) && (value !== null || appendedAtMs >= goneMs),
  );
  if (kept.length === chunk.records.length || kept.length > chunk.records.length * mostKept) return;
  for (const { key, step, value } of chunk.records) {
    if (value === null && isNewest(key, step) && !kept.some((record) => record.step === step))
      store.latest.remove([topic, partition, key]);
  }
  if (kept.length === 0) store.chunks.remove(id);
  else store.chunks.put(id, encodeChunk({ span: chunk.span, records: kept }));
}

function* chunksFrom(
  store: LogStore,
  topic: string,
  partition: number,
  from: number,
): Iterable<{ base: number; chunk: Chunk }> {
  const range = store.chunks.getRange({
    start: [topic, partition, from],
    end: [topic, partition, Number.MAX_SAFE_INTEGER],
  });
  for (const { key, value } of range) yield { base: key[2], chunk: decodeChunk(value) };
}
