import { type NewRecord, silentLogger } from "@thulium-stream/contracts";
import { ManualClock } from "@thulium-stream/kit";
import type { Kafka, Producer } from "kafkajs";
import { describe, expect, it } from "vitest";
import type { KafkaAdmin } from "./kafka-admin.ts";
import { KafkaWriter } from "./kafka-writer.ts";

const record: NewRecord = { topic: "tickets", key: "acme:1", value: new Uint8Array(3) };
const answer = (type: string) =>
  Object.assign(new Error(type), { name: "KafkaJSProtocolError", type });

/** A writer over a producer whose sends and commits do what the test says; `calls` tells what was called. */
function writerOver(does: { send?: () => Promise<void>; commit?: () => Promise<void> }) {
  const calls: string[] = [];
  const clock = new ManualClock();
  const doing = async (name: string, work?: () => Promise<void>) => {
    calls.push(name);
    await work?.();
  };
  const producer = {
    transaction: async () => ({
      sendBatch: async () => {
        await doing("send", does.send);
        return [{ topicName: "p.tickets", partition: 0, baseOffset: "4" }];
      },
      commit: () => doing("commit", does.commit),
      abort: () => doing("abort"),
    }),
    disconnect: () => doing("disconnect"),
  } as unknown as Producer;
  let end = 5;
  const admin = {
    shapes: async (names: string[]) =>
      new Map(names.map((name) => [name, { partitions: 1, sendBytes: 1_000 }])),
    visibleEnds: async () => new Map([[0, end]]),
  } as unknown as KafkaAdmin;
  const writer = new KafkaWriter(
    {
      kafka: {} as Kafka,
      admin,
      undecided: admin,
      topics: [],
      clock,
      logger: silentLogger,
      nameOf: (topic) => `p.${topic}`,
      claims: undefined,
    },
    producer,
    "p.w",
  );
  return {
    writer,
    clock,
    calls,
    setEnd: (position: number) => {
      end = position;
    },
  };
}

describe("the writer on Kafka", () => {
  it("gives up on a send that is never answered, aborts, drops the producer and is spent (L3)", async () => {
    const { writer, clock, calls } = writerOver({ send: () => new Promise(() => {}) });
    const appended = expect(writer.append([record])).rejects.toMatchObject({ code: "TimedOut" });
    await clock.advance(20_000);
    await appended;
    expect(calls).toEqual(["send", "abort", "disconnect"]);
    await expect(writer.append([record])).rejects.toMatchObject({
      code: "Unavailable",
      message: expect.stringMatching(/spent.*TimedOut.*open a new one/),
    });
    expect(calls).toHaveLength(3);
    expect(clock.sleeping).toBe(0);
  });

  it("never aborts after a commit whose outcome is unknown (L3)", async () => {
    const { writer, calls } = writerOver({
      commit: () => Promise.reject(answer("REQUEST_TIMED_OUT")),
    });
    await expect(writer.append([record])).rejects.toMatchObject({ code: "TimedOut" });
    expect(calls.slice(0, 3)).toEqual(["send", "commit", "disconnect"]);
  });

  it("tells another writer's take-over from its own transaction having timed out (L4)", async () => {
    const fence = () => Promise.reject(answer("INVALID_PRODUCER_EPOCH"));
    const taken = writerOver({ send: fence });
    await expect(taken.writer.append([record])).rejects.toMatchObject({ code: "Fenced" });
    await expect(taken.writer.append([record])).rejects.toMatchObject({ code: "Fenced" });

    const slow = writerOver({ send: () => slow.clock.sleep(15_000).then(fence) });
    const appended = expect(slow.writer.append([record])).rejects.toMatchObject({
      code: "TimedOut",
      message: expect.stringContaining("the transaction had timed out"),
    });
    await slow.clock.advance(15_000);
    await appended;
  });

  it("starts an append only after the one before has ended, and closes after both (L2, L11)", async () => {
    let release = () => {};
    const { writer, calls } = writerOver({
      send: () =>
        new Promise((resolve) => {
          release = resolve;
        }),
    });
    const first = writer.append([record]);
    const second = writer.append([record]);
    const closed = writer.close();
    await new Promise(setImmediate);
    expect(calls).toEqual(["send"]);
    release();
    await first;
    await new Promise(setImmediate);
    release();
    await Promise.all([second, closed]);
    expect(calls).toEqual(["send", "commit", "send", "commit", "disconnect"]);
    await expect(writer.append([record])).rejects.toMatchObject({ code: "Closed" });
  });

  it("resolves only when readers of committed records can see what it wrote (L1)", async () => {
    const { writer, clock, setEnd } = writerOver({});
    setEnd(4);
    let resolved = false;
    const appended = writer.append([record]).then(() => {
      resolved = true;
    });
    await clock.advance(100);
    expect(resolved).toBe(false);
    setEnd(6);
    await clock.advance(10);
    await appended;
  });

  it("stays usable after a batch that it refused before sending", async () => {
    const { writer, calls } = writerOver({});
    const large = { ...record, value: new Uint8Array(600_000) };
    await expect(writer.append([record, large])).rejects.toMatchObject({ code: "TooLarge" });
    expect(calls).toEqual([]);
    await writer.append([record]);
    expect(calls).toEqual(["send", "commit"]);
  });
});
