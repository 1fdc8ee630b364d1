import { describe, expect, it } from "vitest";
import { driftOf, settingsOf } from "./topic-settings.ts";

const compacted = { topic: "tickets", partitions: 6, cleanUp: { by: "compaction" } } as const;
const timed = {
  topic: "ticket-events",
  partitions: 6,
  cleanUp: { by: "time", retentionMs: 86_400_000 },
} as const;

describe("the settings of a topic", () => {
  it("keep tombstones of a compacted one for 7 days and superseded records for at most one (L10)", () => {
    expect(settingsOf(compacted)).toEqual({
      "cleanup.policy": "compact",
      "delete.retention.ms": "604800000",
      "max.compaction.lag.ms": "86400000",
    });
    expect(settingsOf(timed)).toEqual({
      "cleanup.policy": "delete",
      "retention.ms": "86400000",
      "segment.ms": "86400000",
    });
  });

  it("show no drift when all is as stated, whatever else is set", () => {
    const settings = { ...settingsOf(timed), "segment.bytes": "1048576" };
    expect(
      driftOf(timed, { name: "p.ticket-events", partitions: 6, replicas: 1, settings }),
    ).toEqual([]);
  });

  it("show one line per difference, with what is and what should be", () => {
    const settings = { "cleanup.policy": "delete", "delete.retention.ms": "604800000" };
    expect(driftOf(compacted, { name: "p.tickets", partitions: 3, replicas: 1, settings })).toEqual(
      [
        "p.tickets: partitions is 3, not 6",
        "p.tickets: cleanup.policy is delete, not compact",
        "p.tickets: max.compaction.lag.ms is (none), not 86400000",
      ],
    );
  });

  it("take copies from the settings, and tell what may not be read instead of guessing", () => {
    const durability = { replicationFactor: 3, minInsyncReplicas: 2 };
    expect(settingsOf(timed, durability)["min.insync.replicas"]).toBe("2");
    const existing = { name: "p.ticket-events", partitions: 6, replicas: 1, settings: null };
    expect(driftOf(timed, existing, durability)).toEqual([
      "p.ticket-events: replicas is 1, not 3",
      "p.ticket-events: its settings may not be read by this user (ACL DescribeConfigs)",
    ]);
  });
});
