import fc from "fast-check";
import { Partitioners } from "kafkajs";
import { expect, it } from "vitest";
import { partitionFor } from "./partitioner.ts";

it("L2: agrees with the default partitioner of Kafka's clients (property)", () => {
  const kafka = Partitioners.DefaultPartitioner();
  fc.assert(
    fc.property(
      fc.string({ unit: "binary", minLength: 1 }),
      fc.integer({ min: 1, max: 50 }),
      (key, partitions) => {
        const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
          partitionId,
          leader: 1,
          isr: [1],
          replicas: [1],
          partitionErrorCode: 0,
        }));
        expect(partitionFor(key, partitions)).toBe(
          kafka({ topic: "t", partitionMetadata, message: { key, value: "" } }),
        );
      },
    ),
  );
});
