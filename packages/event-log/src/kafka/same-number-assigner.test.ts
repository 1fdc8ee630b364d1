import { AssignerProtocol, type PartitionAssigner } from "kafkajs";
import { describe, expect, it } from "vitest";
import { sameNumberAssigner } from "./same-number-assigner.ts";

const partitionsOf: Record<string, number> = { events: 6, tickets: 6, commands: 1 };
const cluster = {
  findTopicPartitionMetadata: (topic: string) =>
    Array.from({ length: partitionsOf[topic] ?? 0 }, (_, partitionId) => ({ partitionId })),
} as unknown as Parameters<PartitionAssigner>[0]["cluster"];
const assigner = sameNumberAssigner(() => 0)({ cluster, groupId: "g", logger: {} as never });

async function shares(members: number): Promise<Record<string, number[]>[]> {
  const assigned = await assigner.assign({
    topics: Object.keys(partitionsOf),
    members: Array.from({ length: members }, (_, n) => ({
      memberId: `m${n}`,
      memberMetadata: Buffer.alloc(0),
    })),
  });
  return assigned.map(
    ({ memberAssignment }) =>
      AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment ?? {},
  );
}

describe("sameNumberAssigner", () => {
  it.each([1, 2, 4, 6, 9])(
    "gives %i members every partition once, equal numbers together",
    async (members) => {
      const all = await shares(members);
      expect(all).toHaveLength(members);
      for (const [topic, partitions] of Object.entries(partitionsOf)) {
        const given = all.flatMap((share) => share[topic] ?? []).sort();
        expect(given).toEqual(Array.from({ length: partitions }, (_, n) => n));
      }
      for (const share of all) expect(share["events"]).toEqual(share["tickets"]);
    },
  );

  it("leaves the only partition of a topic with its owner when others join, and believes the later of two owners", async () => {
    const member = (memberId: string, sinceMs: number) => ({
      memberId,
      memberMetadata: sameNumberAssigner(() => sinceMs)({
        cluster,
        groupId: "g",
        logger: {} as never,
      }).protocol({ topics: ["commands"] }).metadata,
    });
    const ownerOf = async (members: ReturnType<typeof member>[]) => {
      const assigned = await assigner.assign({ topics: ["commands"], members });
      return assigned.find(
        ({ memberAssignment }) =>
          AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment["commands"],
      )?.memberId;
    };
    expect(await ownerOf([member("b", 1_000), member("a", 0)])).toBe("b");
    expect(await ownerOf([member("a", 1_000), member("c", 0), member("b", 2_000)])).toBe("b");
    const foreign = { memberId: "0", memberMetadata: Buffer.alloc(0) };
    expect(await ownerOf([member("a", 1_000), foreign])).toBe("a");
  });
});
