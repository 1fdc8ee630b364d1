import {
  Failure,
  type PartitionPosition,
  type PartitionRange,
  type TopicPartition,
} from "@thulium-stream/contracts";

/** A partition as a map key. */
export function placeOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

/**
 * Where each of `partitions` starts: its wanted position, else its first record.
 * @throws Failure `PositionLost` for a position outside what the log holds (L12); Kafka itself would jump.
 */
export function startPositions(
  partitions: readonly TopicPartition[],
  wanted: readonly PartitionPosition[],
  held: readonly PartitionRange[],
): readonly PartitionPosition[] {
  const wantedAt = new Map(wanted.map((each) => [placeOf(each), each.position]));
  const heldAt = new Map(held.map((each) => [placeOf(each), each]));
  return partitions.map(({ topic, partition }) => {
    const place = placeOf({ topic, partition });
    const range = heldAt.get(place);
    if (range === undefined) throw new Failure("Rejected", `There is no partition ${place}`);
    const position = wantedAt.get(place) ?? range.earliest;
    if (position < range.earliest || position > range.end) throw positionLost(range, position);
    return { topic, partition, position };
  });
}

/** The failure for a position outside `range`. */
export function positionLost(range: PartitionRange, position: number): Failure {
  const { earliest, end } = range;
  return new Failure(
    "PositionLost",
    `${placeOf(range)} holds positions ${earliest} to ${end}, not ${position}`,
    { advice: "Rebuild from the start what reads it, or raise the topic's retention." },
  );
}
