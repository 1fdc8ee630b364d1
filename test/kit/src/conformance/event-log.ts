import {
  type Delivery,
  type EventLog,
  isFailure,
  type LogBatch,
  type LogReader,
  type LogRecord,
  type NewRecord,
  type PartitionPosition,
  type TopicSpec,
} from "@thulium-stream/contracts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

/** A log under test, and a second handle on it as another process would have. */
export interface EventLogUnderTest {
  readonly log: EventLog;
  reopen(): Promise<EventLog>;
  dispose(): Promise<void>;
}

const specs: readonly TopicSpec[] = [
  { topic: "ticket-events", partitions: 3, cleanUp: { by: "time", retentionMs: 30 * 86_400_000 } },
  { topic: "tickets", partitions: 3, cleanUp: { by: "compaction" } },
  { topic: "extractor-state", partitions: 1, cleanUp: { by: "compaction" } },
];

const encode = (text: string) => new TextEncoder().encode(text);
const record = (topic: string, key: string, text: string | null): NewRecord => ({
  topic,
  key,
  value: text === null ? null : encode(text),
  headers: { n: text ?? "gone" },
});
const texts = (records: readonly LogRecord[]) =>
  records.map(({ value }) => (value === null ? null : new TextDecoder().decode(value)));
const numbered = (topic: string, keys: readonly string[], count: number, from = 0) =>
  Array.from({ length: count }, (_, n) =>
    record(topic, keys[(from + n) % keys.length] ?? "", `${from + n}`),
  );

/** The rules L1–L15 of the `EventLog` port, against one adapter. Each test gets a fresh log. */
export function eventLogConformance(name: string, open: () => Promise<EventLogUnderTest>): void {
  describe(`${name}: the event log's rules`, () => {
    let subject: EventLogUnderTest;
    let log: EventLog;
    beforeEach(async () => {
      subject = await open();
      log = subject.log;
      expect(await log.ensureTopics(specs)).toEqual([]);
    });
    afterEach(() => subject.dispose());

    it("L1: shows all records of an append, across topics, or none", async () => {
      const writer = await log.openWriter("w");
      await writer.append([
        record("ticket-events", "a", "event"),
        record("tickets", "a", "state"),
        record("extractor-state", "c", "checkpoint"),
      ]);
      await expect(
        writer.append([record("ticket-events", "a", "lost"), record("no-such-topic", "a", "x")]),
      ).rejects.toMatchObject({ code: expect.any(String) });
      const seen = await readAll(log, ["ticket-events", "tickets", "extractor-state"]);
      expect(texts(seen).sort()).toEqual(["checkpoint", "event", "state"]);
    });

    it("L2: keeps the order of a key and lays equal keys of all topics into the same partition", async () => {
      const writer = await log.openWriter("w");
      const keys = ["acme:1", "acme:2", "acme:3", "acme:4"];
      await writer.append(numbered("ticket-events", keys, 60));
      await writer.append([
        ...numbered("ticket-events", keys, 60, 60),
        ...keys.map((key) => ({ ...record("tickets", `${key}:m`, "s"), partitionKey: key })),
      ]);
      const seen = await readAll(log, ["ticket-events", "tickets"]);
      for (const key of keys) {
        const events = seen.filter((one) => one.key === key);
        expect(texts(events).map(Number)).toEqual(
          texts(events)
            .map(Number)
            .toSorted((a, b) => a - b),
        );
        expect(events).toHaveLength(30);
        const partitions = seen
          .filter((one) => one.key?.startsWith(key))
          .map(({ partition }) => partition);
        expect(new Set(partitions).size).toBe(1);
      }
      expect(new Set(seen.map(({ partition }) => partition)).size).toBeGreaterThan(1);
    });

    it("L3: a writer is spent after a failed append; a new one goes on", async () => {
      const writer = await log.openWriter("w");
      const newer = await log.openWriter("w");
      await expect(writer.append([record("tickets", "a", "1")])).rejects.toMatchObject({
        code: "Fenced",
      });
      await expect(writer.append([record("tickets", "a", "2")])).rejects.toMatchObject({
        code: expect.any(String),
      });
      await newer.append([record("tickets", "a", "3")]);
      expect(texts(await readAll(log, ["tickets"]))).toEqual(["3"]);
    });

    it("L4: the newest holder of a writer id fences the older one, in another process too", async () => {
      const older = await log.openWriter("w");
      await older.append([record("tickets", "a", "before")]);
      const other = await subject.reopen();
      const newer = await other.openWriter("w");
      await expect(older.append([record("tickets", "a", "zombie")])).rejects.toMatchObject({
        code: "Fenced",
      });
      await newer.append([record("tickets", "a", "after")]);
      const unrelated = await log.openWriter("another");
      await unrelated.append([record("tickets", "b", "free")]);
      expect(texts(await readAll(log, ["tickets"])).sort()).toEqual(["after", "before", "free"]);
    });

    it("L5: delivers nothing that was not asked for, and waits for what is not there yet", async () => {
      const writer = await log.openWriter("w");
      const reader = await log.openReader({ topics: ["tickets"], startAt: "earliest" });
      expect((await reader.next({ timeoutMs: 20_000 })).kind).toBe("assignment");
      const waiting = nextBatch(reader);
      await writer.append([record("tickets", "a", "new")]);
      expect(texts((await waiting).records)).toEqual(["new"]);
      await reader.close();
    });

    it("L6: positions increase per partition, and nextPosition leads on from batch to batch", async () => {
      const writer = await log.openWriter("w");
      for (let round = 0; round < 5; round += 1)
        await writer.append(numbered("tickets", ["a", "b", "c", "d"], 20, round * 20));
      const reader = await log.openReader({ topics: ["tickets"], startAt: "earliest" });
      const last = new Map<number, number>();
      for (let seen = 0; seen < 100; ) {
        const { partition, records, nextPosition, endPosition } = await nextBatch(reader);
        for (const { position } of records) {
          expect(position).toBeGreaterThanOrEqual(last.get(partition) ?? 0);
          last.set(partition, position + 1);
        }
        expect(nextPosition).toBeGreaterThanOrEqual(last.get(partition) ?? 0);
        expect(endPosition).toBeGreaterThanOrEqual(nextPosition);
        last.set(partition, nextPosition);
        seen += records.length;
      }
      await reader.close();
    });

    it("L7: an append that failed is never delivered, also by a reader that waited for it", async () => {
      const older = await log.openWriter("w");
      await (await log.openWriter("w")).append([record("tickets", "a", "good")]);
      await older.append([record("tickets", "a", "bad")]).catch(() => {});
      expect(texts(await readAll(log, ["tickets"]))).toEqual(["good"]);
    });

    it("L8: delivers what cannot be decoded as it is: any bytes, headers, tombstones", async () => {
      const writer = await log.openWriter("w");
      const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      await writer.append([
        { topic: "tickets", key: "bytes", value: bytes, headers: { ce_type: "zażółć" } },
        { topic: "tickets", key: "empty", value: new Uint8Array() },
        record("tickets", "gone", null),
      ]);
      const seen = new Map((await readAll(log, ["tickets"])).map((one) => [one.key, one]));
      expect(new Uint8Array(seen.get("bytes")?.value ?? [])).toEqual(bytes);
      expect(seen.get("bytes")?.headers).toEqual({ ce_type: "zażółć" });
      expect(seen.get("empty")?.value).toHaveLength(0);
      expect(seen.get("gone")?.value).toBeNull();
      expect(seen.get("gone")?.appendedAtMs).toBeGreaterThan(1_600_000_000_000);
    });

    it("L9: a group goes on where it committed, and a taken-over member cannot commit", async () => {
      const writer = await log.openWriter("w");
      await writer.append(numbered("extractor-state", ["c"], 10));
      const options = { topics: ["extractor-state"], group: "g", startAt: "committed" } as const;
      const first = await log.openReader(options);
      const batch = await nextBatch(first);
      expect(texts(batch.records)[0]).toBe("0");
      const at: PartitionPosition = {
        topic: "extractor-state",
        partition: 0,
        position: (batch.records[3]?.position ?? 0) + 1,
      };
      await first.commit([at]);
      await first.close();
      const second = await log.openReader(options);
      expect(texts((await nextBatch(second)).records)[0]).toBe("4");
      await second.close();
      await expect(second.commit([at])).rejects.toMatchObject({ code: "Closed" });
    });

    it("L9: members of a group never own one partition at the same time", async () => {
      const writer = await log.openWriter("w");
      await writer.append(numbered("extractor-state", ["c"], 4));
      const options = { topics: ["extractor-state"], group: "g", startAt: "committed" } as const;
      const first = await log.openReader(options);
      await nextBatch(first);
      const second = await (await subject.reopen()).openReader(options);
      // One partition, two members: whoever owns it in the end, the other must have been told or never had it.
      const [a = [], b = []] = await settled(first, second);
      expect([a.length, b.length].sort()).toEqual([0, 1]);
      const loser = a.length === 0 ? first : second;
      await expect(
        loser.commit([{ topic: "extractor-state", partition: 0, position: 1 }]),
      ).rejects.toMatchObject({ code: "Fenced" });
      await first.close();
      await second.close();
    });

    it("L10: a compacted topic keeps the last record of each key", async () => {
      const writer = await log.openWriter("w");
      for (let round = 0; round < 10; round += 1)
        await writer.append(numbered("tickets", ["a", "b", "c"], 30, round * 30));
      await writer.append([record("tickets", "c", null)]);
      if ("cleanUp" in log && typeof log.cleanUp === "function") await log.cleanUp();
      const last = new Map(
        (await readAll(log, ["tickets"])).map((one) => [one.key, texts([one])[0]]),
      );
      expect(last).toEqual(
        new Map([
          ["a", "297"],
          ["b", "298"],
          ["c", null],
        ]),
      );
    });

    it("L11: close waits for the append in flight, is idempotent, and later calls fail with Closed", async () => {
      const other = await subject.reopen();
      const writer = await other.openWriter("w");
      const appending = writer.append([record("tickets", "a", "in flight")]);
      await other.close();
      await appending;
      await other.close();
      await expect(writer.append([record("tickets", "a", "late")])).rejects.toMatchObject({
        code: "Closed",
      });
      await expect(other.openWriter("w")).rejects.toMatchObject({ code: "Closed" });
      await expect(
        other.openReader({ topics: ["tickets"], startAt: "earliest" }),
      ).rejects.toMatchObject({ code: "Closed" });
      expect(texts(await readAll(log, ["tickets"]))).toEqual(["in flight"]);
    });

    it("L12: starts exactly where it is told, and refuses a position past the end", async () => {
      const writer = await log.openWriter("w");
      await writer.append(numbered("extractor-state", ["c"], 10));
      const all = await readAll(log, ["extractor-state"]);
      const [range] = await log.ends("extractor-state");
      const start = (position: number) =>
        log.openReader({
          topics: ["extractor-state"],
          startAt: async () => [{ topic: "extractor-state", partition: 0, position }],
        });
      const reader = await start(all[6]?.position ?? 0);
      expect(texts((await nextBatch(reader)).records)[0]).toBe("6");
      await reader.close();
      const lost = start((range?.end ?? 0) + 100).then((opened) =>
        opened
          .next({ timeoutMs: 20_000 })
          .then((first) =>
            first.kind === "assignment" ? opened.next({ timeoutMs: 20_000 }) : first,
          ),
      );
      await expect(lost).rejects.toMatchObject({ code: "PositionLost" });
    });

    it("L13: delivers nothing of a paused partition, and goes on where it was once released", async () => {
      const writer = await log.openWriter("w");
      const keys = Array.from({ length: 30 }, (_, n) => `acme:${n}`);
      await writer.append(numbered("tickets", keys, 30));
      const reader = await log.openReader({ topics: ["tickets"], startAt: "earliest" });
      const first = await nextBatch(reader);
      const { topic, partition } = first;
      reader.pause([{ topic, partition }]);
      await writer.append(numbered("tickets", keys, 30, 30));
      const others: LogRecord[] = [];
      const ends = (await log.ends("tickets")).filter((range) => range.partition !== partition);
      const left = new Set(ends.map((range) => range.partition));
      while (left.size > 0) {
        const delivery = await reader.next({ timeoutMs: 20_000 });
        if (delivery.kind === "idle") throw new Error("the other partitions stand still, too");
        if (delivery.kind !== "batch") continue;
        others.push(...delivery.records);
        const end = ends.find((range) => range.partition === delivery.partition)?.end ?? 0;
        if (delivery.nextPosition >= end) left.delete(delivery.partition);
      }
      expect(others.every((record) => record.partition !== partition)).toBe(true);
      reader.pause([]);
      const released = [...first.records];
      while (released.length + others.length < 60)
        released.push(...(await nextBatch(reader)).records);
      expect(released.every((record) => record.partition === partition)).toBe(true);
      const order = texts(released).map(Number);
      expect(order).toEqual(order.toSorted((a, b) => a - b));
      await reader.close();
    });

    it("finds the first record of a time", async () => {
      const writer = await log.openWriter("w");
      await writer.append(numbered("extractor-state", ["c"], 3));
      const [, , third] = await readAll(log, ["extractor-state"]);
      const beforeMs = (third?.appendedAtMs ?? 0) + 1;
      const [range] = await log.ends("extractor-state");
      const at = async (ms: number) => (await log.positionsAt("extractor-state", ms))[0]?.position;
      expect(await at(0)).toBe(range?.earliest);
      // Nothing is as young as this: the end, which markers of the append may have moved.
      expect(await at(beforeMs + 3_600_000)).toBe(range?.end);
      for (let later = false; !later; ) {
        await writer.append([record("extractor-state", "c", "later")]);
        const newest = (await readAll(log, ["extractor-state"])).at(-1);
        later = (newest?.appendedAtMs ?? 0) >= beforeMs;
        if (later)
          expect(await at(newest?.appendedAtMs ?? 0)).toBeLessThanOrEqual(newest?.position ?? 0);
        if (later) expect(await at(beforeMs)).toBeGreaterThan(third?.position ?? 0);
      }
      await expect(log.positionsAt("no-such-topic", 0)).rejects.toMatchObject({ code: "Rejected" });
    });

    it("L15: delivers nothing below a purge to anybody, and everything from there on", async () => {
      const writer = await log.openWriter("w");
      await writer.append(numbered("ticket-events", ["acme:1"], 5));
      await writer.append(numbered("ticket-events", ["acme:1"], 5, 5));
      const seen = await readAll(log, ["ticket-events"]);
      const at = seen[7] as LogRecord;
      const before = [{ topic: "ticket-events", partition: at.partition, position: at.position }];
      await log.purge(before);
      await log.purge(before);
      const again = await subject.reopen();
      expect(texts(await readAll(again, ["ticket-events"]))).toEqual(["7", "8", "9"]);
      const range = (await again.ends("ticket-events")).find(
        ({ partition }) => partition === at.partition,
      );
      expect(range?.earliest).toBe(at.position);
      await writer.append(numbered("ticket-events", ["acme:1"], 1, 10));
      expect(texts(await readAll(log, ["ticket-events"]))).toEqual(["7", "8", "9", "10"]);
    });

    it("L15: keeps the newest of each key when a compacted topic is purged", async () => {
      const writer = await log.openWriter("w");
      await writer.append([record("tickets", "a", "old"), record("tickets", "b", "b")]);
      await writer.append([record("tickets", "a", "new")]);
      await log.purge(await endsOf(log, "tickets"));
      const newest = new Map<string | null, LogRecord>();
      for (const one of await readAll(log, ["tickets"])) newest.set(one.key, one);
      expect(texts([...newest.values()]).sort()).toEqual(["b", "new"]);
    });

    it("a reader that is cancelled says so, and goes on afterwards", async () => {
      const writer = await log.openWriter("w");
      const reader = await log.openReader({ topics: ["tickets"], startAt: "earliest" });
      await reader.next({ timeoutMs: 20_000 });
      const controller = new AbortController();
      const waiting = reader
        .next({ timeoutMs: 60_000, signal: controller.signal })
        .catch((error: unknown) => error);
      controller.abort();
      expect(isFailure(await waiting, "Cancelled")).toBe(true);
      await writer.append([record("tickets", "a", "still here")]);
      expect(texts((await nextBatch(reader)).records)).toEqual(["still here"]);
      await reader.close();
    });

    it("topics are created once, and differences are told, not mended", async () => {
      expect(await log.ensureTopics(specs)).toEqual([]);
      const drift = await log.ensureTopics([
        { topic: "tickets", partitions: 5, cleanUp: { by: "compaction" } },
      ]);
      expect(drift).toHaveLength(1);
      expect(drift[0]).toContain("tickets");
      expect(await log.ends("tickets")).toHaveLength(3);
      await expect(log.ends("no-such-topic")).rejects.toMatchObject({ code: "Rejected" });
    });
  });
}

async function nextBatch(reader: LogReader): Promise<LogBatch> {
  for (;;) {
    const delivery: Delivery = await reader.next({ timeoutMs: 20_000 });
    if (delivery.kind === "batch" && delivery.records.length > 0) return delivery;
    if (delivery.kind === "idle") throw new Error("no batch within 20 s");
  }
}

/** Everything up to the ends as of now, in delivery order. */
async function readAll(log: EventLog, topics: readonly string[]): Promise<LogRecord[]> {
  const ranges = (await Promise.all(topics.map((topic) => log.ends(topic)))).flat();
  const left = new Map(
    ranges
      .filter(({ earliest, end }) => earliest < end)
      .map(({ topic, partition, end }) => [`${topic}/${partition}`, end]),
  );
  const records: LogRecord[] = [];
  const reader = await log.openReader({ topics, startAt: "earliest" });
  while (left.size > 0) {
    const delivery = await reader.next({ timeoutMs: 20_000 });
    if (delivery.kind === "idle")
      throw new Error(`not read within 20 s: ${[...left.keys()].join()}`);
    if (delivery.kind !== "batch") continue;
    records.push(...delivery.records);
    const key = `${delivery.topic}/${delivery.partition}`;
    if (delivery.nextPosition >= (left.get(key) ?? 0)) left.delete(key);
  }
  await reader.close();
  return records;
}

/** Pulls both members until each has been quiet for a while; returns what each owns. */
async function settled(...readers: LogReader[]): Promise<number[][]> {
  return Promise.all(
    readers.map(async (reader) => {
      let owned: number[] = [];
      for (let quiet = 0; quiet < 20; ) {
        const delivery = await reader.next({ timeoutMs: 250 });
        if (delivery.kind === "assignment")
          owned = delivery.partitions.map(({ partition }) => partition);
        quiet = delivery.kind === "assignment" ? 0 : quiet + 1;
      }
      return owned;
    }),
  );
}

async function endsOf(log: EventLog, topic: string): Promise<PartitionPosition[]> {
  const ranges = await log.ends(topic);
  return ranges.map(({ partition, end }) => ({ topic, partition, position: end }));
}
