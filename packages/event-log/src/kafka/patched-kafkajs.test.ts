import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";

// Each part of `patches/kafkajs@2.2.4.patch` that needs no broker; the others are in `kafka-log.int.test.ts`.
const load = createRequire(import.meta.url);

interface Message {
  readonly offset: string;
  readonly key: Buffer | null;
  readonly isControlRecord: boolean;
  readonly batchContext: { readonly producerId: string; readonly inTransaction: boolean };
}
const message = (offset: number, producerId: string, over: Partial<Message> = {}): Message => ({
  offset: String(offset),
  key: null,
  isControlRecord: false,
  batchContext: { producerId, inTransaction: true },
  ...over,
});
const abortMarker = (offset: number, producerId: string) =>
  message(offset, producerId, { key: Buffer.alloc(4), isControlRecord: true });

describe("kafkajs, patched", () => {
  const filterAborted: (fetched: {
    messages: Message[];
    abortedTransactions: { producerId: string; firstOffset: string }[];
  }) => Message[] = load("kafkajs/src/consumer/filterAbortedMessages");

  it("drops the records of all aborted transactions that began before the first record (L7)", () => {
    const kept = filterAborted({
      messages: [message(15, "B"), message(16, "A"), message(17, "C"), abortMarker(18, "B")],
      abortedTransactions: [
        { producerId: "B", firstOffset: "12" },
        { producerId: "A", firstOffset: "10" },
      ],
    });
    expect(kept.map(({ offset }) => offset)).toEqual(["17", "18"]);
  });

  it("takes only a control record for the end of an aborted transaction", () => {
    const kept = filterAborted({
      messages: [message(10, "A", { key: Buffer.alloc(4) }), message(11, "A")],
      abortedTransactions: [{ producerId: "A", firstOffset: "10" }],
    });
    expect(kept).toEqual([]);
  });

  it("keeps no timer while no request is pending", () => {
    const RequestQueue = load("kafkajs/src/network/requestQueue");
    const queue = new RequestQueue({ logger: { debug() {} } });
    queue.checkPendingRequests();
    expect(queue.throttleCheckTimeoutId).toBeNull();
  });

  it("decodes a record with many headers, a repeated one, and any offset and time", () => {
    const Decoder = load("kafkajs/src/protocol/decoder");
    const decode = load("kafkajs/src/protocol/recordBatch/record/v0/decoder");
    const encode = load("kafkajs/src/protocol/recordBatch/record/v0");
    const decoded = (record: object, context: object) => {
      const whole = new Decoder(encode(record).buffer);
      return decode(new Decoder(whole.readVarIntBytes()), context);
    };
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`h${n}`, `żółć ${n}`]));
    for (const timestampDelta of [0, -1, 63, 64, 134_217_727, 134_217_728, 5_000_000_000]) {
      const { offset, timestamp, headers, key } = decoded(
        {
          offsetDelta: 300,
          timestampDelta,
          key: "k",
          value: "v",
          headers: { ...many, h3: ["a", "b", "c"] },
        },
        { firstOffset: "9007199254000000", firstTimestamp: "1764000000000" },
      );
      expect([offset, timestamp, String(key)]).toEqual([
        "9007199254000300",
        String(1_764_000_000_000 + timestampDelta),
        "k",
      ]);
      expect(headers.h3.map(String)).toEqual(["a", "b", "c"]);
      expect(Object.keys(headers)).toHaveLength(20);
      expect(String(headers.h19)).toBe("żółć 19");
    }
  });

  it("fetches at once what is resumed while nothing is fetched", async () => {
    const ConsumerGroup = load("kafkajs/src/consumer/consumerGroup");
    const group = Object.assign(Object.create(ConsumerGroup.prototype), {
      logger: { info() {} },
      cluster: { refreshMetadataIfNecessary: async () => {} },
      subscriptionState: { assigned: () => [], resume() {} },
      offsetManager: { committedOffsets: () => ({}) },
      checkForStaleAssignment() {},
      filterPartitionsByNode: () => [],
      seekOffsets: async () => {},
      getActiveTopicPartitions: () => ({}),
      maxWaitTime: () => 2 ** 30,
      onceResumed: new Set(),
    });
    const fetching = group.fetch(1);
    await new Promise(setImmediate);
    expect(group.onceResumed.size).toBe(1);
    group.resume([]);
    expect(await fetching).toEqual([]);
    expect(group.onceResumed.size).toBe(0);
  });

  it("passes the tail of a batch that compaction removed, and a batch without records", async () => {
    const decodeMessages = load("kafkajs/src/protocol/requests/fetch/v4/decodeMessages");
    const Decoder = load("kafkajs/src/protocol/decoder");
    const batches = Buffer.concat([recordBatch(100, 9, 1), recordBatch(110, 4, 0)]);
    const size = Buffer.alloc(4);
    size.writeInt32BE(batches.length);
    const messages = await decodeMessages(new Decoder(Buffer.concat([size, batches])));
    expect(messages.map((each: Message) => [each.offset, each.isControlRecord])).toEqual([
      ["100", false],
      ["109", true],
      ["114", true],
    ]);
  });

  describe("sends again after a failure only what no broker has answered", () => {
    /** Two topics of one partition; `brokers` says who leads at each attempt, `findBroker` throwing for null. */
    function sending(brokers: readonly (readonly (FakeBroker | null)[])[], leaders = [[1, 1]]) {
      let attempt = -1;
      let asked = 0;
      const cluster = {
        refreshMetadataIfNecessary: async () => {},
        refreshMetadata: async () => {},
        addMultipleTargetTopics: async () => {
          attempt += 1;
          asked = 0;
        },
        isConnected: () => true,
        removeBroker() {},
        findTopicPartitionMetadata: () => [{ partitionId: 0 }],
        findLeaderForPartitions(topic: string, partitions: readonly string[]) {
          const nodes = leaders[Math.min(attempt, leaders.length - 1)] ?? [];
          const leader = nodes[topic === "a" ? 0 : 1] ?? 0;
          return partitions.length === 0 ? {} : { [leader]: partitions.map(Number) };
        },
        async findBroker() {
          const broker = brokers[attempt]?.[asked];
          asked += 1;
          if (!broker) throw Object.assign(new Error("away"), { name: "KafkaJSConnectionError" });
          return broker;
        },
      };
      const eosManager = {
        acquireBrokerLock: async () => {},
        releaseBrokerLock: async () => {},
        isTransactional: () => false,
        getSequence: () => 0,
        updateSequence() {},
        getProducerId: () => 1,
        getProducerEpoch: () => 0,
      };
      const logger = { debug() {}, error() {} };
      const retrier = async (once: (bail: (error: unknown) => void) => Promise<unknown>) => {
        for (let n = 0; ; n += 1) {
          try {
            return await once((error) => {
              throw error;
            });
          } catch (error) {
            if (n === 3) throw error;
          }
        }
      };
      const partitioner = () => 0;
      const sendMessages = load("kafkajs/src/producer/sendMessages");
      const messages = [{ value: "x" }];
      const topicMessages = ["a", "b"].map((topic) => ({ topic, messages }));
      return sendMessages({ logger, cluster, partitioner, eosManager, retrier })({
        acks: -1,
        topicMessages,
      });
    }
    type Sent = { topicData: { topic: string; partitions: { partition: number }[] }[] };
    class FakeBroker {
      readonly nodeId: number;
      readonly sent: string[];
      readonly answer: () => Promise<void>;
      constructor(nodeId: number, sent: string[], answer = async () => {}) {
        this.nodeId = nodeId;
        this.sent = sent;
        this.answer = answer;
      }
      async produce({ topicData }: Sent) {
        this.sent.push(...topicData.map(({ topic }) => topic));
        await this.answer();
        return {
          topics: topicData.map(({ topic, partitions }) => ({
            topicName: topic,
            partitions: partitions.map(({ partition }) => ({ partition, baseOffset: "0" })),
          })),
        };
      }
    }
    const away = () =>
      Promise.reject(Object.assign(new Error("closed"), { name: "KafkaJSConnectionClosedError" }));

    it("when a broker was found for one topic and away for the next, and is another object afterwards", async () => {
      const sent: string[] = [];
      const [before, after] = [new FakeBroker(1, sent), new FakeBroker(1, sent)];
      const placed = await sending([
        [before, null],
        [after, after],
      ]);
      expect(sent).toEqual(["a", "b"]);
      expect(placed).toHaveLength(2);
    });

    it("when one broker fails at once while another has yet to answer", async () => {
      const sent: string[] = [];
      const late = () => new Promise<void>((resolve) => setTimeout(resolve, 20));
      const slow = new FakeBroker(1, sent, late);
      const [gone, again] = [new FakeBroker(2, [], away), new FakeBroker(2, sent)];
      const leaders = [[1, 2]];
      const reconnected = new FakeBroker(1, sent);
      const placed = await sending(
        [
          [slow, gone],
          [again, reconnected],
        ],
        leaders,
      );
      expect(sent).toEqual(["a", "b"]);
      expect(placed).toHaveLength(2);
    });

    it("and that whole, when its leader is now one that has answered already", async () => {
      const sent: string[] = [];
      const stays = new FakeBroker(1, sent);
      const placed = await sending(
        [
          [stays, new FakeBroker(2, [], away)],
          [stays, stays],
        ],
        [
          [1, 2],
          [1, 1],
        ],
      );
      expect(sent).toEqual(["a", "b"]);
      expect(placed).toHaveLength(2);
    });
  });
});

/** A record batch (protocol, "Record Batch") of `records` (0 or 1) whose offsets span `lastOffsetDelta`. */
function recordBatch(firstOffset: number, lastOffsetDelta: number, records: 0 | 1): Buffer {
  // length, attributes, timestamp delta, offset delta, key "k", value "v", no headers: zigzag varints.
  const record = Buffer.from([0x10, 0, 0, 0, 2, 0x6b, 2, 0x76, 0]);
  const body = Buffer.alloc(49);
  body.writeInt8(2, 4); // magic
  body.writeInt32BE(lastOffsetDelta, 11);
  body.writeBigInt64BE(-1n, 31); // no producer id
  body.writeInt32BE(records, 45);
  const whole = records === 1 ? Buffer.concat([body, record]) : body;
  const head = Buffer.alloc(12);
  head.writeBigInt64BE(BigInt(firstOffset), 0);
  head.writeInt32BE(whole.length, 8);
  return Buffer.concat([head, whole]);
}
