import { silentLogger } from "@thulium-stream/contracts";
import { ManualClock } from "@thulium-stream/kit";
import { describe, expect, it } from "vitest";
import { type Ends, openSettled } from "./settle.ts";

const ends = (of: Readonly<Record<string, Readonly<Record<number, number>>>>): Ends =>
  new Map(
    Object.entries(of).map(([topic, partitions]) => [
      topic,
      new Map(Object.entries(partitions).map(([partition, end]) => [Number(partition), end])),
    ]),
  );

/** Opens over a broker where `all` is written and `visible` can be read; `calls` tells what the producer was asked. */
function opening(
  state: string | null,
  all: Ends,
  visible: () => Ends,
  coordinatorSays: () => unknown = () => null,
) {
  const calls: string[] = [];
  const clock = new ManualClock();
  const producer = {
    connect: async () => void calls.push("connect"),
    transactionState: async () => {
      const refusal = coordinatorSays();
      if (refusal !== null) throw refusal;
      calls.push("state");
      return state;
    },
    transaction: async () => {
      calls.push("transaction");
      return {
        addPartitions: async (
          topics: readonly { topic: string; partitions: readonly { partition: number }[] }[],
        ) => {
          for (const { topic, partitions } of topics)
            calls.push(`${topic} ${partitions.map(({ partition }) => partition).join()}`);
        },
        commit: async () => void calls.push("commit"),
        abort: async () => void calls.push("abort"),
      };
    },
  };
  const context = {
    producer,
    allEnds: async () => all,
    visibleEnds: async () => visible(),
    clock,
    logger: silentLogger,
    longestOpenMs: 30_000,
  };
  return { opened: openSettled(context), calls, clock };
}

describe("opening a writer on Kafka", () => {
  it("asks what became of the last transaction before it ends it, and writes nothing when all is decided", async () => {
    const all = ends({ events: { 0: 7, 1: 3 }, state: { 0: 9 } });
    const { opened, calls, clock } = opening("CompleteCommit", all, () => all);
    await opened;
    expect(calls).toEqual(["connect", "state", "transaction", "abort"]);
    expect(clock.sleeping).toBe(0);
  });

  it.each([14, 15, 16])(
    "asks a coordinator again that is not ready (code %d), and no other failure",
    async (code) => {
      const all = ends({ events: { 0: 7 } });
      const refusals: unknown[] = [code, code].map((of) =>
        Object.assign(new Error(), { code: of }),
      );
      const { opened, calls, clock } = opening(
        null,
        all,
        () => all,
        () => refusals.shift() ?? null,
      );
      await clock.advance(1_000);
      await opened;
      expect(calls).toEqual(["connect", "state", "transaction", "abort"]);
      const broken = Object.assign(new Error("no"), { code: 53 });
      const refused = opening(
        null,
        all,
        () => all,
        () => broken,
      );
      await expect(refused.opened).rejects.toBe(broken);
    },
  );

  it("leaves alone what other writers decide while it waits", async () => {
    const all = ends({ events: { 0: 7 } });
    let end = 5;
    const { opened, calls, clock } = opening("Empty", all, () => ends({ events: { 0: end } }));
    await clock.advance(29_000);
    end = 8;
    await clock.advance(100);
    await opened;
    expect(calls).toEqual(["connect", "state", "transaction", "abort"]);
  });

  it.each([
    { state: "CompleteCommit", decision: "commit" },
    { state: "PrepareCommit", decision: "commit" },
    { state: "CompleteAbort", decision: "abort" },
    { state: "PrepareAbort", decision: "abort" },
    { state: "Ongoing", decision: "abort" },
    { state: "Empty", decision: "abort" },
    { state: null, decision: "abort" },
  ])(
    "puts the marker on partitions that have none: $decision after $state",
    async ({ state, decision }) => {
      const all = ends({ events: { 0: 7, 1: 3, 4: 2 }, state: { 0: 9 } });
      let visible = ends({ events: { 0: 7, 1: 2, 4: 0 }, state: { 0: 9 } });
      const { opened, calls, clock } = opening(state, all, () => visible);
      await clock.advance(30_000);
      visible = ends({ events: { 0: 7, 1: 4, 4: 3 }, state: { 0: 9 } });
      await clock.advance(100);
      await opened;
      expect(calls.slice(4)).toEqual(["transaction", "events 1,4", decision]);
    },
  );

  it("is not opened while another writer's append stays undecided: ours may be hidden behind it", async () => {
    const all = ends({ events: { 0: 7 } });
    const { opened, clock } = opening(null, all, () => ends({ events: { 0: 5 } }));
    const refused = expect(opened).rejects.toMatchObject({
      code: "Unavailable",
      message: expect.stringContaining("events"),
    });
    await clock.advance(35_000);
    await refused;
  });
});
