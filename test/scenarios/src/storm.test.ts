import { randomUUID } from "node:crypto";
import { topics } from "@thulium-stream/contracts";
import { realServers } from "@thulium-stream/kit/real-servers";
import { describe, expect, it } from "vitest";
import { openLogBeside } from "./log-checks.ts";
import { runStorm } from "./storm-run.ts";

const { kafkaBrokers } = realServers();

describe.skipIf(kafkaBrokers === null)("a group whose members come and go", () => {
  it("loses nothing, keeps the order of each ticket, and repeats only what it says is repeated", async () => {
    const prefix = `storm-${randomUUID().slice(0, 8)}.`;
    const openLog = async () => {
      const log = await openLogBeside(`kafka://${kafkaBrokers?.join(",")}`, prefix);
      await log.ensureTopics(topics);
      return log;
    };
    const { events, changes, deliveries, repeats, faults } = await runStorm({
      openLog,
      ...{ everyMs: 2_000, forMs: 16_000, members: 3, tickets: 40, eventsPerSecond: 250 },
    });
    expect(faults).toEqual([]);
    expect(changes).toBeGreaterThan(2);
    expect(deliveries - repeats).toBe(events);
    // Members hand over in order: without that a tenth comes again.
    expect(repeats).toBeLessThan(events / 20);
  });
});
