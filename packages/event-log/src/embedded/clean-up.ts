import { tombstoneRetentionMs } from "@thulium-stream/contracts";
import { type Chunk, decodeChunk, encodeChunk } from "./chunk.ts";
import { type LogStore, rangeOf, storedTopic } from "./log-store.ts";

/** Chunks that one transaction looks at: it holds the write lock. */
const chunksAtOnce = 32;

/**
 * Forgets what the topic table lets go: by age, or all but the newest record per key (L10). Works in small transactions, and only on
 * whole chunks; a compacted chunk is rewritten when at least half of its records are superseded. Positions never change (L6).
 */
export async function cleanUp(
  store: LogStore,
  topics: readonly string[],
  nowMs: number,
): Promise<void> {
  for (const topic of topics) {
    const { partitions, cleanUp: rule } = storedTopic(store, topic);
    for (let partition = 0; partition < partitions; partition += 1) {
      if (rule.by === "time") await expire(store, topic, partition, nowMs - rule.retentionMs);
      else await compact(store, topic, partition, nowMs);
    }
  }
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
  nowMs: number,
): Promise<void> {
  const goneMs = nowMs - tombstoneRetentionMs;
  let from = 0;
  for (let more = true; more; ) {
    more = await store.root.transaction(() => {
      let looked = 0;
      for (const { base, chunk } of chunksFrom(store, topic, partition, from)) {
        from = base + 1;
        compactChunk(store, [topic, partition, base], chunk, goneMs);
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
  goneMs: number,
): void {
  const [topic, partition, base] = id;
  const isNewest = (key: string, step: number) =>
    store.latest.get([topic, partition, key]) === base + step;
  const kept = chunk.records.filter(
    ({ key, step, value, appendedAtMs }) =>
      isNewest(key, step) && (value !== null || appendedAtMs >= goneMs),
  );
  if (kept.length * 2 > chunk.records.length) return;
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
