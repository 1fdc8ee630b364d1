import {
  type Delivery,
  type EventLog,
  type LogReader,
  type LogRecord,
  silentLogger,
  type TopicPartition,
} from "@thulium-stream/contracts";
import { systemClock } from "@thulium-stream/runtime";
import { afterEach, describe, expect, it } from "vitest";
import type { Attempts } from "./attempts.ts";
import { Subscription } from "./subscription.ts";

const topic = "ticket-events";
const patient = { timeout: 5_000, interval: 5 };

/** A log with one reader whose deliveries and revocations come when the test says so; ends are told when `tellEnds` resolves. */
function scriptedLog(tellEnds: () => Promise<void>) {
  const waiting: Delivery[] = [];
  const commits: number[] = [];
  let revoke: () => Promise<void> = async () => {};
  const reader: LogReader = {
    pause: () => {},
    commit: async (positions) => void commits.push(...positions.map(({ position }) => position)),
    close: async () => {},
    next: async ({ signal }) => {
      while (waiting.length === 0 && !signal?.aborted) await systemClock.sleep(1);
      return waiting.shift() ?? { kind: "idle" };
    },
  };
  const log = {
    ends: async () => {
      await tellEnds();
      return [0, 1].map((partition) => ({ topic, partition, earliest: 0, end: 0 }));
    },
    openReader: async ({ onRevoke }: { onRevoke: () => Promise<void> }) => {
      revoke = onRevoke;
      return reader;
    },
  } as unknown as EventLog;
  return {
    log,
    commits,
    deliver: (delivery: Delivery) => void waiting.push(delivery),
    isTaken: () => waiting.length === 0,
    revoke: () => revoke(),
  };
}

function assignment(...numbers: number[]): Delivery {
  const partitions = numbers.map((partition): TopicPartition => ({ topic, partition }));
  return { kind: "assignment", partitions };
}

function batch(partition: number, position: number): Delivery {
  const record = {
    ...{ topic, partition, position, key: null, value: Buffer.from("{}"), headers: {} },
    ...{ appendedAtMs: 0 },
  } as LogRecord;
  const nextPosition = position + 1;
  return { kind: "batch", topic, partition, records: [record], nextPosition, endPosition: 9 };
}

describe("a subscription whose partitions may pass to another member", () => {
  let over = new AbortController();
  let ended: Promise<void> = Promise.resolve();
  afterEach(async () => {
    over.abort();
    await ended;
  });

  function run(tellEnds: () => Promise<void> = async () => {}) {
    const script = scriptedLog(tellEnds);
    over = new AbortController();
    const begun: string[] = [];
    const attempts = {
      make: async ({ partition, position }: LogRecord) => {
        begun.push(`${partition}@${position}`);
      },
    } as unknown as Attempts;
    const subscription = new Subscription({
      ...{ log: script.log, group: "g", topics: [topic], startAt: "earliest", attempts },
      ...{ clock: systemClock, logger: silentLogger, maxBufferedBytes: 1 << 20 },
      signal: over.signal,
    });
    ended = subscription.run();
    return { ...script, begun };
  }

  it("begins nothing of what it has, nor of what comes, until it has been assigned anew", async () => {
    const { begun, deliver, revoke, isTaken } = run();
    deliver(assignment(0, 1));
    deliver(batch(0, 0));
    await expect.poll(() => begun, patient).toEqual(["0@0"]);
    await revoke();
    // One partition that it has had records of, and one that it has not.
    deliver(batch(0, 1));
    deliver(batch(1, 0));
    await expect.poll(isTaken, patient).toBe(true);
    await systemClock.sleep(20);
    expect(begun).toEqual(["0@0"]);
    deliver(assignment(0, 1));
    await expect.poll(() => [...begun].sort(), patient).toEqual(["0@0", "0@1", "1@0"]);
  });

  it.each(["first", "second"])(
    "begins nothing when the group shares out anew while it still takes in its %s assignment",
    async (which) => {
      let isHeldUp = false;
      let goOn: () => void = () => {};
      const { begun, deliver, revoke, isTaken } = run(async () => {
        if (isHeldUp)
          await new Promise<void>((resolve) => {
            goOn = resolve;
          });
      });
      if (which === "second") {
        deliver(assignment(0));
        deliver(batch(0, 0));
        await expect.poll(() => begun, patient).toEqual(["0@0"]);
        await revoke();
      }
      const before = [...begun];
      isHeldUp = true;
      deliver(assignment(0));
      await expect.poll(isTaken, patient).toBe(true);
      await systemClock.sleep(20);
      await revoke();
      isHeldUp = false;
      goOn();
      deliver(batch(0, 1));
      await expect.poll(isTaken, patient).toBe(true);
      await systemClock.sleep(20);
      expect(begun).toEqual(before);
      deliver(assignment(0));
      await expect.poll(() => begun, patient).toEqual([...before, "0@1"]);
    },
  );
});
