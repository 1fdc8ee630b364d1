import { Failure, type NewRecord } from "@thulium-stream/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { maxSendBytesPerPartition, planSends, sizeOf } from "./append-plan.ts";

const options = {
  partitionsOf: (topic: string) => (topic === "missing" ? undefined : 3),
  limitOf: (topic: string) => (topic === "small" ? 1_000 : maxSendBytesPerPartition),
  partitionFor: (key: string, partitions: number) => key.length % partitions,
  nameOf: (topic: string) => `p.${topic}`,
  nowMs: 1_000,
};
const record = (key: string, bytes: number, topic = "tickets"): NewRecord => ({
  topic,
  key,
  value: new Uint8Array(bytes),
});

describe("planSends", () => {
  it("keeps every send within the limit per partition, loses nothing, and keeps the order of each partition", () => {
    const records = fc.array(
      fc.record({
        topic: fc.constantFrom("tickets", "messages"),
        key: fc.string({ maxLength: 6 }),
        bytes: fc.integer({ min: 0, max: 200_000 }),
      }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(records, (shapes) => {
        const batch = shapes.map(({ topic, key, bytes }, index) => ({
          ...record(key, bytes, topic),
          headers: { index: String(index) },
        }));
        const sends = planSends(batch, options);
        const sent: Record<string, number[]> = {};
        for (const send of sends) {
          const bytes: Record<string, number> = {};
          for (const { topic, messages } of send) {
            for (const message of messages) {
              const index = Number(message.headers?.["index"]);
              const place = `${topic}/${message.partition}`;
              bytes[place] = (bytes[place] ?? 0) + sizeOf(batch[index] as NewRecord);
              sent[place] = [...(sent[place] ?? []), index];
            }
          }
          for (const total of Object.values(bytes)) {
            expect(total).toBeLessThanOrEqual(maxSendBytesPerPartition);
          }
        }
        for (const order of Object.values(sent)) {
          expect(order).toEqual([...order].sort((a, b) => a - b));
        }
        expect(Object.values(sent).flat().length).toBe(batch.length);
      }),
    );
  });

  it("keeps to the limit of a topic that takes less than others", () => {
    const batch = [record("a", 800, "small"), record("a", 800, "small"), record("a", 800)];
    expect(planSends(batch, options)).toHaveLength(2);
    expect(() => planSends([record("a", 1_000, "small")], options)).toThrow(
      "The record a of small has 1065 bytes; at most 1000 are possible",
    );
  });

  it("puts a batch that fits into one send, with partition, name and time set", () => {
    const sends = planSends([record("a", 1), { ...record("bb", 1), value: null }], options);
    expect(sends).toEqual([
      [
        {
          topic: "p.tickets",
          messages: [
            { key: "a", value: Buffer.alloc(1), partition: 1, timestamp: "1000" },
            { key: "bb", value: null, partition: 2, timestamp: "1000" },
          ],
        },
      ],
    ]);
  });

  it("partitions by the partition key when there is one", () => {
    const sends = planSends([{ ...record("aaa", 1), partitionKey: "a" }], options);
    expect(sends[0]?.[0]?.messages[0]).toMatchObject({ key: "aaa", partition: 1 });
  });

  it("refuses a record that no send can carry, naming its key and size, and an unknown topic", () => {
    const large = record("acme:7", maxSendBytesPerPartition);
    expect(() => planSends([record("a", 1), large], options)).toThrow(
      expect.objectContaining({
        code: "TooLarge",
        message: expect.stringMatching(/acme:7.*524358/),
      }),
    );
    expect(() => planSends([record("a", 1, "missing")], options)).toThrow(Failure);
  });
});
