import { MavenKafka } from "@thulium-stream/infra/local";
import { realServers } from "@thulium-stream/kit/real-servers";
import { describe, expect, it } from "vitest";
import { brokerKills } from "./broker-chaos.ts";

const isPossible = realServers().kafkaBrokers !== null && (await MavenKafka.isPossible());

describe.skipIf(!isPossible)("a broker that is killed under a working extractor", () => {
  it("and starts again finds it still there; nothing is lost, doubled or torn", async () => {
    const { events, ...found } = await brokerKills(31, 2);
    expect(found).toEqual({
      doubled: 0,
      chainsWithGap: 0,
      torn: [],
      agrees: true,
      survived: true,
    });
    expect(events).toBeGreaterThan(300);
  });
});
