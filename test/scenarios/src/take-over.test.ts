import { randomUUID } from "node:crypto";
import { realServers } from "@thulium-stream/kit/real-servers";
import { describe, expect, it } from "vitest";
import { takeOverRun } from "./take-over-run.ts";

const { kafkaBrokers } = realServers();

describe.skipIf(kafkaBrokers === null)("of several extractors of a system one works", () => {
  it("and another takes over when it is killed, ended or asleep; nothing is lost or doubled, and who wakes up stands by", async () => {
    const { tookMs, events, ...found } = await takeOverRun({
      brokers: kafkaBrokers ?? [],
      topicPrefix: `take-over-${randomUUID().slice(0, 8)}.`,
      seed: 5,
      takenBy: ["kill", "sleep", "stop"],
      members: 2,
    });
    expect(found).toEqual({ doubled: 0, chainsWithGap: 0, agrees: true });
    expect(events).toBeGreaterThan(400);
    // The figures with their bars are printed by the chaos run; here only that the session time-out decides, not a human.
    expect(Math.max(...tookMs)).toBeLessThan(60_000);
  });
});
