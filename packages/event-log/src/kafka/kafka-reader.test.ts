import { type ReaderOptions, silentLogger } from "@thulium-stream/contracts";
import { ManualClock } from "@thulium-stream/kit";
import type { EachBatchPayload, Kafka } from "kafkajs";
import { describe, expect, it } from "vitest";
import type { KafkaAdmin } from "./kafka-admin.ts";
import { KafkaReader } from "./kafka-reader.ts";

/** A reader over a consumer that the test plays: it emits events, offers batches and sees what is called. */
async function readerOver(options: Partial<ReaderOptions> = {}) {
  const clock = new ManualClock();
  const calls: unknown[] = [];
  const listeners = new Map<string, (event: { payload: unknown }) => void>();
  const emit = (name: string, payload: unknown) => listeners.get(name)?.({ payload });
  let offer: (payload: EachBatchPayload) => Promise<void> = async () => {};
  const names = ["FETCH_START", "FETCH", "HEARTBEAT", "GROUP_JOIN", "COMMIT_OFFSETS", "CRASH"];
  const consumer = {
    events: Object.fromEntries([...names, "END_BATCH_PROCESS"].map((name) => [name, name])),
    on: (name: string, listener: (event: { payload: unknown }) => void) =>
      listeners.set(name, listener),
    connect: async () => {},
    subscribe: async () => {},
    run: async ({ eachBatch }: { eachBatch: typeof offer }) => {
      offer = eachBatch;
    },
    disconnect: async () => calls.push("disconnect"),
    pause: () => calls.push("pause"),
    resume: () => calls.push("resume"),
    seek: (to: { offset: string }) => calls.push(`seek ${to.offset}`),
    commitOffsets: async () => {
      calls.push("commit");
      if (running) emit("COMMIT_OFFSETS", {});
    },
  };
  let running = true;
  let fetchWaitMs = () => 0;
  let range = { earliest: 3, end: 100 };
  const admin = {
    ends: async (topic: string) => [{ topic, partition: 0, ...range }],
    committed: async () => [{ name: "p.t", partition: 0, position: 7 }],
    deleteGroup: async () => calls.push("delete group"),
  } as unknown as KafkaAdmin;
  const reader = new KafkaReader(
    {
      kafka: {
        consumer: (settings: { maxWaitTimeInMs: () => number }) => {
          fetchWaitMs = settings.maxWaitTimeInMs;
          return consumer;
        },
      } as unknown as Kafka,
      admin,
      clock,
      logger: silentLogger,
      nameOf: (topic) => `p.${topic}`,
      groupId: "p.g",
    },
    { topics: ["t"], group: "g", startAt: "committed", ...options },
  );
  await reader.start(["p.t"]);
  return {
    reader,
    clock,
    calls,
    emit,
    fetchWaitMs: () => fetchWaitMs(),
    /** From now on commits return without doing anything, as kafkajs's do. */
    stop: () => {
      running = false;
    },
    join: (partitions: number[], memberId = "me") =>
      emit("GROUP_JOIN", { memberId, memberAssignment: { "p.t": partitions } }),
    hold: (held: typeof range) => {
      range = held;
    },
    offer: (fetchedOffset: number, offsets: number[], heartbeat = async () => {}) =>
      offer({
        batch: {
          topic: "p.t",
          partition: 0,
          highWatermark: "100",
          fetchedOffset: String(fetchedOffset),
          messages: offsets.map((offset) => ({
            offset: String(offset),
            key: null,
            value: null,
            timestamp: "1",
            headers: {},
          })),
          lastOffset: () => String(offsets.at(-1)),
        },
        isStale: () => false,
        resolveOffset: (offset: string) => calls.push(`resolve ${offset}`),
        heartbeat,
      } as unknown as EachBatchPayload),
  };
}
const soon = { timeoutMs: 0 };
const settled = () => new Promise(setImmediate);

describe("the reader on Kafka", () => {
  it("pauses what it joins before the first fetch, then starts at the committed position", async () => {
    const { reader, calls, join } = await readerOver();
    join([0]);
    expect(calls).toEqual(["pause"]);
    await settled();
    expect(calls).toEqual(["pause", "seek 7", "resume"]);
    expect(await reader.next(soon)).toEqual({
      kind: "assignment",
      partitions: [{ topic: "t", partition: 0 }],
    });
  });

  it("keeps one batch and fetches on only when it is taken, heartbeating meanwhile (L5)", async () => {
    const { reader, clock, calls, join, offer } = await readerOver();
    join([0]);
    await settled();
    await reader.next(soon);
    let beats = 0;
    let done = false;
    const offered = offer(7, [7, 8], async () => {
      beats += 1;
    }).then(() => {
      done = true;
    });
    await clock.advance(5_000);
    expect([done, beats > 1]).toEqual([false, true]);
    expect(calls).not.toContain("resolve 8");
    expect(await reader.next(soon)).toMatchObject({ kind: "batch", nextPosition: 9 });
    await offered;
    expect(calls).toContain("resolve 8");
  });

  it("gives a batch once though its heartbeat failed and it was fetched again", async () => {
    const { reader, clock, join, offer } = await readerOver();
    join([0]);
    await settled();
    await reader.next(soon);
    const broken = offer(7, [7], () => Promise.reject(new Error("connection closed")));
    const failed = expect(broken).rejects.toThrow("connection closed");
    await clock.advance(1_000);
    await failed;
    const again = offer(7, [7]);
    expect(await reader.next(soon)).toMatchObject({ kind: "batch", nextPosition: 8 });
    await again;
    expect(await reader.next(soon)).toEqual({ kind: "idle" });
  });

  it("waits longer for data when nothing has come for a while, and less as soon as something did", async () => {
    const { reader, clock, join, offer, fetchWaitMs } = await readerOver();
    join([0]);
    await settled();
    await reader.next(soon);
    expect(fetchWaitMs()).toBe(250);
    await clock.advance(3_000);
    expect(fetchWaitMs()).toBe(1_000);
    const offered = offer(7, [7]);
    await reader.next(soon);
    await offered;
    expect(fetchWaitMs()).toBe(250);
    await clock.advance(3_000);
    reader.pause([]);
    expect(fetchWaitMs()).toBe(250);
  });

  it("discards a batch from another place and seeks the right one (L12)", async () => {
    const { reader, calls, join, offer } = await readerOver();
    join([0]);
    await settled();
    await reader.next(soon);
    calls.length = 0;
    await offer(40, [40]);
    expect(calls).toEqual(["seek 7"]);
    expect(await reader.next(soon)).toEqual({ kind: "idle" });
  });

  it("fails with PositionLost when the log no longer holds the right place (L12)", async () => {
    const { reader, join, offer, hold } = await readerOver();
    join([0]);
    await settled();
    await reader.next(soon);
    hold({ earliest: 30, end: 100 });
    await offer(30, [30]);
    await expect(reader.next(soon)).rejects.toMatchObject({ code: "PositionLost" });
  });

  it("goes on where it was with a partition it keeps, and gives nothing of one it lost", async () => {
    const { reader, calls, join, offer } = await readerOver();
    join([0]);
    await settled();
    await reader.next(soon);
    const offered = offer(7, [7, 8]);
    await reader.next(soon);
    await offered;
    void offer(9, [9]);
    calls.length = 0;
    join([0]);
    await settled();
    expect(calls).toEqual(["pause", "seek 9", "resume"]);
    expect((await reader.next(soon)).kind).toBe("assignment");
    expect(await reader.next(soon)).toEqual({ kind: "idle" });
    join([]);
    await settled();
    expect(await reader.next(soon)).toEqual({ kind: "assignment", partitions: [] });
    await expect(reader.commit([{ topic: "t", partition: 0, position: 9 }])).rejects.toMatchObject({
      code: "Fenced",
    });
  });

  it("starts anew under another member id: the group may have moved on (L9)", async () => {
    const { reader, calls, join, offer } = await readerOver();
    join([0]);
    await settled();
    await reader.next(soon);
    const offered = offer(7, [7, 8]);
    await reader.next(soon);
    await offered;
    calls.length = 0;
    join([0], "me again");
    await settled();
    expect(calls).toContain("seek 7");
  });

  it("reports a crash of the consumer, classified, instead of stopping without a word", async () => {
    const { reader, emit, join } = await readerOver();
    join([0]);
    await settled();
    await reader.next(soon);
    const waiting = reader.next({ timeoutMs: 60_000 });
    const error = Object.assign(new Error("gone"), { name: "KafkaJSConnectionError" });
    emit("CRASH", { error });
    await expect(waiting).rejects.toMatchObject({ code: "Unavailable" });
    await expect(reader.commit([{ topic: "t", partition: 0, position: 9 }])).rejects.toMatchObject({
      code: "Unavailable",
    });
  });

  it("fails when the consumer has shown no sign of life for two minutes", async () => {
    const { reader, clock, emit } = await readerOver();
    await clock.advance(100_000);
    emit("HEARTBEAT", {});
    await clock.advance(100_000);
    expect(await reader.next(soon)).toEqual({ kind: "idle" });
    await clock.advance(30_000);
    await expect(reader.next(soon)).rejects.toMatchObject({ code: "Unavailable" });
  });

  it("does not take kafkajs's silence for a commit (L9)", async () => {
    const { reader, join, stop } = await readerOver();
    join([0]);
    await settled();
    const at = [{ topic: "t", partition: 0, position: 8 }];
    await reader.commit(at);
    stop();
    await expect(reader.commit(at)).rejects.toMatchObject({ code: "Fenced" });
  });

  it("of no group refuses to commit and removes its throwaway group when closed", async () => {
    const { reader, calls } = await readerOver({ group: undefined as never });
    await expect(reader.commit([])).rejects.toMatchObject({ code: "Invariant" });
    await reader.close();
    await reader.close();
    expect(calls).toEqual(["disconnect", "delete group"]);
    await expect(reader.next(soon)).rejects.toMatchObject({ code: "Closed" });
  });
});
