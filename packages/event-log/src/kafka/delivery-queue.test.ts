import { Failure, type LogBatch } from "@thulium-stream/contracts";
import { describe, expect, it } from "vitest";
import { DeliveryQueue } from "./delivery-queue.ts";

const batch = (partition: number, nextPosition: number, records = 1): LogBatch => ({
  kind: "batch",
  topic: "t",
  partition,
  nextPosition,
  endPosition: nextPosition,
  records: Array.from({ length: records }, () => ({
    topic: "t",
    partition,
    position: nextPosition - 1,
    key: "k",
    value: null,
    headers: {},
    appendedAtMs: 0,
  })),
});

describe("DeliveryQueue", () => {
  it("gives deliveries in order and tells each when it is taken, not before", () => {
    const queue = new DeliveryQueue();
    const taken: number[] = [];
    queue.push(batch(0, 1), () => taken.push(0));
    queue.push(batch(1, 1), () => taken.push(1));
    expect(taken).toEqual([]);
    expect(queue.take()).toMatchObject({ partition: 0 });
    expect(taken).toEqual([0]);
    expect(queue.take()).toMatchObject({ partition: 1 });
    expect(queue.take()).toBeNull();
  });

  it("keeps only the newest of successive empty batches of a partition, behind a batch with records", () => {
    const queue = new DeliveryQueue();
    queue.push(batch(0, 5));
    queue.push(batch(0, 6, 0));
    queue.push(batch(1, 9, 0));
    queue.push(batch(0, 7, 0));
    const all = [queue.take(), queue.take(), queue.take(), queue.take()];
    expect(
      all.map((each) => each && [(each as LogBatch).partition, (each as LogBatch).nextPosition]),
    ).toEqual([[0, 5], [0, 7], [1, 9], null]);
  });

  it("does not give a batch that was taken back", () => {
    const queue = new DeliveryQueue();
    const withdraw = queue.push(batch(0, 5));
    withdraw();
    expect(queue.take()).toBeNull();
  });

  it("wakes the waiter for a delivery and for a failure, and gives nothing after a failure", async () => {
    const queue = new DeliveryQueue();
    const delivered = queue.changed();
    queue.push(batch(0, 1));
    await delivered;
    const failed = queue.changed();
    queue.fail(new Failure("PositionLost", "gone"));
    queue.fail(new Failure("Closed", "later"));
    await failed;
    expect(() => queue.take()).toThrow("gone");
  });
});
