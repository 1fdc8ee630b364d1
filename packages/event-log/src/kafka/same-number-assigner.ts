import { AssignerProtocol, type PartitionAssigner } from "kafkajs";

/**
 * Partition `n` of every topic goes to the same member of the group. All ticket topics are partitioned alike,
 * so a group that reads several of them sees a ticket's records in one member and joins them without a
 * shuffle; kafkajs's round robin would separate them.
 */
export const sameNumberAssigner: PartitionAssigner = ({ cluster }) => ({
  name: "thulium-stream.same-number",
  version: 1,
  async assign({ members, topics }) {
    const sorted = members.map(({ memberId }) => memberId).sort();
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
        userData: Buffer.alloc(0),
      }),
    };
  },
});
