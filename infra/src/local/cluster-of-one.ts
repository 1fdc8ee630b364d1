import { Kafka, logLevel } from "kafkajs";

/** The broker version that is started and tested against. */
export const kafkaVersion = "4.3.1";

/** Settings that make one node a whole cluster and keep tests quick. Everything else is the broker's default. */
export const clusterOfOne = {
  "process.roles": "broker,controller",
  "node.id": "1",
  "controller.listener.names": "CONTROLLER",
  "listener.security.protocol.map":
    "PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,ASTRAY:PLAINTEXT,CONTROLLER:PLAINTEXT",
  "offsets.topic.replication.factor": "1",
  "offsets.topic.num.partitions": "5",
  "transaction.state.log.replication.factor": "1",
  "transaction.state.log.min.isr": "1",
  "transaction.state.log.num.partitions": "5",
  "share.coordinator.state.topic.replication.factor": "1",
  "share.coordinator.state.topic.min.isr": "1",
  "group.initial.rebalance.delay.ms": "0",
  "auto.create.topics.enable": "false",
  "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
  "log.cleaner.backoff.ms": "1000",
};

/** Resolves when the brokers answer a metadata request. */
export async function probe(brokers: string[]): Promise<void> {
  const admin = new Kafka({
    brokers,
    logLevel: logLevel.NOTHING,
    connectionTimeout: 3_000,
    retry: { retries: 0 },
  }).admin();
  try {
    await admin.connect();
    await admin.listTopics();
  } finally {
    await admin.disconnect();
  }
}
