import { createHash } from "node:crypto";
import { recordOfEvent, type TicketEvent, topics } from "@thulium-stream/contracts";
import { makeTicket, seededRandom } from "@thulium-stream/kit";
import { CompressionTypes, Kafka, logLevel } from "kafkajs";

/** Topic of {@link fillEventTopic} under a prefix. */
export const eventTopic = "ticket-events";

/** What filling a topic came to. */
export interface FilledTopic {
  readonly events: number;
  /** Mean size of a record's value. */
  readonly bytesEach: number;
}

/** Which events they are. */
export interface EventRun {
  /** Number of the first; each number has an id of its own. Default 0. */
  readonly first?: number;
  /** When event 0 was observed, epoch milliseconds; each later one 10 ms after. Default: a morning in November. */
  readonly observedMs?: number;
}

/** Records sent at once: under the broker's limit of a batch. */
const recordsAtOnce = 500;

/**
 * Makes the pipeline's topics and appends change events of about 1.3 KB to `<prefix>ticket-events`, the same for the same count: updates of tickets
 * of ten years, all observed on one day, as a backfill or a long outage leaves them.
 */
export async function fillEventTopic(
  brokers: readonly string[],
  prefix: string,
  events: number,
  { first = 0, observedMs = Date.parse("2026-11-23T08:00:00.000Z") }: EventRun = {},
): Promise<FilledTopic> {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({
    topics: topics.map(({ topic, partitions }) => ({
      topic: `${prefix}${topic}`,
      numPartitions: partitions,
    })),
  });
  await admin.disconnect();
  const producer = kafka.producer();
  await producer.connect();
  const random = seededRandom(1);
  let bytes = 0;
  for (let from = 0; from < events; from += recordsAtOnce) {
    const count = Math.min(recordsAtOnce, events - from);
    const messages = Array.from({ length: count }, (_, at) => {
      const { key, value, headers } = recordOfEvent(
        eventNumber(first + from + at, { random, observedMs }),
        first + from + at + 1,
      );
      bytes += value?.length ?? 0;
      return { key, value: Buffer.from(value ?? []), headers: { ...headers } };
    });
    await producer.send({
      topic: `${prefix}${eventTopic}`,
      messages,
      compression: CompressionTypes.GZIP,
    });
  }
  await producer.disconnect();
  return { events, bytesEach: Math.round(bytes / events) };
}

function eventNumber(
  number: number,
  { random, observedMs }: { readonly random: () => number; readonly observedMs: number },
): TicketEvent {
  const pick = (below: number) => Math.floor(random() * below);
  const createdMs = Date.parse("2016-11-23T00:00:00.000Z") + pick(3_650 * 1_440) * 60_000;
  const updatedMs = createdMs + pick(10_000) * 60_000;
  const observed = new Date(observedMs + number * 10).toISOString();
  const at = (ms: number) => new Date(ms).toISOString();
  const raw = (ms: number) => at(ms).slice(0, 16).replace("T", " ");
  const id = createHash("sha256").update(String(number)).digest("hex").slice(0, 26).toUpperCase();
  return {
    type: "thulium.ticket.updated",
    id,
    system: "acme",
    ticket_id: String(1_000_000 + pick(200_000)),
    time: at(updatedMs),
    time_is_observation: false,
    observed_at: observed,
    origin: "backfill",
    version: 1 + pick(20),
    previous_event_id: id.split("").reverse().join(""),
    source_updated_at: raw(updatedMs),
    source_updated_at_ambiguous: false,
    kinds: ["status_changed", "closed"],
    changes: [
      { field: "status_id", before: "1", after: "4" },
      { field: "vendor_close_time_s", before: null, after: pick(100_000) },
    ],
    derived: [],
    ticket: makeTicket({
      ticket_id: String(1_000_000 + pick(200_000)),
      user_login: `agent${pick(40)}`,
      from: `customer${pick(50_000)}@example.pl`,
      ticket_queue_id: String(pick(30)),
      subject: `Zamówienie ${pick(1_000_000)} nie dotarło na czas`,
      customer_id: String(pick(50_000)),
      tags: ["pilne", `tag-${pick(100)}`],
      created_at: at(createdMs),
      created_at_raw: raw(createdMs),
      updated_at: at(updatedMs),
      updated_at_raw: raw(updatedMs),
      custom_fields: [{ name: "Numer zamówienia", value: `ZX/${pick(1_000_000)}` }],
    }),
  };
}
