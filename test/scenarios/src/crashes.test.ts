import { randomUUID } from "node:crypto";
import { realServers } from "@thulium-stream/kit/real-servers";
import { describe, expect, it } from "vitest";
import { crashPoints, passedOnce } from "./crash-points.ts";
import { closeCrashWorld, crashAll, openCrashWorld } from "./crash-run.ts";

const { kafkaBrokers } = realServers();

describe.skipIf(kafkaBrokers === null)("an extractor that is killed at a named point", () => {
  it("before and after each call to Kafka and each write of the index loses, doubles and tears nothing", async () => {
    const world = await openCrashWorld(
      kafkaBrokers ?? [],
      `crash-${randomUUID().slice(0, 8)}.`,
      21,
    );
    await crashAll(
      world,
      crashPoints.flatMap((point) =>
        (["before", "after"] as const).map((when) => ({
          point,
          when,
          nth: passedOnce.includes(point) ? 1 : 2,
        })),
      ),
    );
    const { events, ...found } = await closeCrashWorld(world);
    expect(found).toEqual({ doubled: 0, chainsWithGap: 0, torn: [], agrees: true });
    expect(events).toBeGreaterThan(400);
  });
});
