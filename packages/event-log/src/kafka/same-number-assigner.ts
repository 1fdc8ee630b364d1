import { AssignerProtocol, type PartitionAssigner } from "kafkajs";

/**
 * Partition `n` of every topic goes to the same member of the group. All ticket topics are partitioned alike,
 * so a group that reads several of them sees a ticket's records in one member and joins them without a
 * shuffle; kafkajs's round robin would separate them.
 *
 * Members that own something go first, so that a newcomer takes nothing from who has all it needs: the owner of a topic's only partition keeps it.
 * `ownerSinceMs` tells since when this member owns anything, 0 when it owns nothing. Of two who think that they own the same, the later
 * one does: the other slept through its dismissal.
 */
export const sameNumberAssigner =
  (ownerSinceMs: () => number): PartitionAssigner =>
  ({ cluster }) => ({
    name: "thulium-stream.same-number",
    version: 1,
    async assign({ members, topics }) {
      const sorted = members
        .map(({ memberId, memberMetadata }) => ({ memberId, sinceMs: sinceOf(memberMetadata) }))
        .sort((a, b) => b.sinceMs - a.sinceMs || (a.memberId < b.memberId ? -1 : 1))
        .map(({ memberId }) => memberId);
      const byMember = sorted.map(() => ({}) as Record<string, number[]>);
      for (const topic of topics) {
        for (const { partitionId } of cluster.findTopicPartitionMetadata(topic)) {
          const share = byMember[partitionId % sorted.length];
          if (share !== undefined) share[topic] = [...(share[topic] ?? []), partitionId];
        }
      }
      return sorted.map((memberId, index) => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version: 1,
          assignment: byMember[index] ?? {},
          userData: Buffer.alloc(0),
        }),
      }));
    },
    protocol({ topics }) {
      return {
        name: "thulium-stream.same-number",
        metadata: AssignerProtocol.MemberMetadata.encode({
          version: 1,
          topics,
          userData: Buffer.from(String(ownerSinceMs())),
        }),
      };
    },
  });

/** What a member said about itself when it joined; 0 when it said nothing that is understood. */
function sinceOf(metadata: Buffer): number {
  if (metadata.length === 0) return 0;
  const said = AssignerProtocol.MemberMetadata.decode(metadata)?.userData;
  return Number(said?.toString() ?? 0) || 0;
}
