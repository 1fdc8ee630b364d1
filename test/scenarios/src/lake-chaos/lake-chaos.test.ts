import { realServers } from "@thulium-stream/kit/real-servers";
import { describe, expect, it } from "vitest";
import { serversOf } from "../place.ts";
import { killAtPoints } from "./lake-kills.ts";
import { race } from "./lake-race.ts";

const { kafkaBrokers, s3 } = realServers();
const isPossible = kafkaBrokers !== null && s3 !== null;
const servers = () => serversOf(realServers());
const options = { seed: 41, tickets: 120, plant: null, onKill: () => {} };
/** What must be the same whatever happened. */
const clean = { lost: 0, doubled: 0, foreign: 0, stateDiffers: 0, faults: [], isClean: true };

describe.skipIf(!isPossible)("lake writers on a real broker and a real S3 server", () => {
  it("killed around a commit, in a merge and before a snapshot is closed lose and double nothing, and lake verify is clean each time", async () => {
    const plan = [
      { point: "flush.metadata", when: "after", nth: 2, isEarly: false },
      { point: "merge.data", when: "after", nth: 1, isEarly: true },
      { point: "snapshot.closing", when: "before", nth: 1, isEarly: false },
    ] as const;
    const outcomes = await killAtPoints(servers(), plan, options);
    expect(outcomes).toHaveLength(plan.length + 1);
    for (const outcome of outcomes) expect(outcome).toMatchObject(clean);
    expect(outcomes.at(-1)?.rows).toBeGreaterThan(500);
  });

  it("of which one sleeps before its commit until another has taken over lose and double nothing when it wakes up", async () => {
    const plan = [
      {
        point: "flush.metadata",
        when: "before",
        nth: 1,
        by: "SIGSTOP",
        forMs: 8_000,
        erases: true,
      },
    ] as const;
    const outcomes = await race(servers(), plan, options);
    expect(outcomes).toHaveLength(1);
    for (const outcome of outcomes) expect(outcome).toMatchObject(clean);
    expect(outcomes[0]?.rows).toBeGreaterThan(500);
  });
});
