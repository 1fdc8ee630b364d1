import {
  catalogue,
  eventHeaders,
  type PublishedRecord,
  type PublishedTopic,
  topicSpec,
} from "./catalogue.ts";

/**
 * The AsyncAPI 3.0 document over all topics: what an application that subscribes receives. Payloads are the schema
 * files beside it. Addresses bear the prefix as a parameter.
 */
export function asyncApiDocument(version: string): object {
  const messages = Object.fromEntries(
    catalogue.flatMap((topic) =>
      topic.records.map((record) => [record.name, messageOf(topic, record)]),
    ),
  );
  return {
    asyncapi: "3.0.0",
    info: {
      title: "thulium-stream",
      version,
      description:
        "Change events and current state of a Thulium help desk on Kafka. Written in transactions: read with isolation.level=read_committed.",
      license: { name: "Apache-2.0" },
    },
    defaultContentType: "application/json",
    channels: Object.fromEntries(catalogue.map((topic) => [topic.topic, channelOf(topic)])),
    operations: Object.fromEntries(
      catalogue
        .filter(({ records }) => records.length > 0)
        .map(({ topic, title }) => [
          `receive-${topic}`,
          { action: "receive", title, channel: { $ref: `#/channels/${topic}` } },
        ]),
    ),
    components: {
      messages,
      messageTraits: { cloudEvent: { headers: cloudEventHeaders() } },
    },
  };
}

function channelOf({ topic, title, summary, records, tombstone }: PublishedTopic): object {
  const { partitions, cleanUp } = topicSpec(topic);
  return {
    address: `{prefix}${topic}`,
    title,
    summary,
    ...(tombstone === undefined ? {} : { description: `A record without value: ${tombstone}` }),
    parameters: { prefix: { description: "TOPIC_PREFIX", default: "thulium." } },
    messages: Object.fromEntries(
      records.map(({ name }) => [name, { $ref: `#/components/messages/${name}` }]),
    ),
    bindings: {
      kafka: {
        partitions,
        topicConfiguration:
          cleanUp.by === "time"
            ? { "cleanup.policy": ["delete"], "retention.ms": cleanUp.retentionMs }
            : { "cleanup.policy": ["compact"] },
        bindingVersion: "0.5.0",
      },
    },
  };
}

function messageOf(topic: PublishedTopic, { name, summary, key }: PublishedRecord): object {
  return {
    name,
    title: name,
    summary,
    contentType: "application/json",
    payload: { $ref: `./${name}.json` },
    ...(topic.isCloudEvent ? { traits: [{ $ref: "#/components/messageTraits/cloudEvent" }] } : {}),
    bindings: {
      kafka: {
        key: { type: "string", description: key ?? topic.key },
        bindingVersion: "0.5.0",
      },
    },
  };
}

function cloudEventHeaders(): object {
  return {
    type: "object",
    required: eventHeaders.map(({ name }) => name).filter((name) => name !== "ce_kinds"),
    properties: Object.fromEntries(
      eventHeaders.map(({ name, meaning, example }) => [
        name,
        { type: "string", description: meaning, examples: [example] },
      ]),
    ),
  };
}
