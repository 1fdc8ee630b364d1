import {
  type ChangeEvent,
  type Clock,
  type DeadLetter,
  type DeadLetterReason,
  deadLetterOf,
  decodeJson,
  type EventLog,
  type EventType,
  Failure,
  headerNames,
  isErasureNews,
  isFailure,
  type LogBatch,
  type Logger,
  type LogReader,
  type LogRecord,
  messageEvent,
  type TopicPartition,
  ticketEvent,
} from "@thulium-stream/contracts";
import { backoffMs } from "@thulium-stream/runtime";

/** What a handler learns beside the event. */
export interface EventContext {
  /** true when it may have been delivered before: it lies below the end noted when the partition was assigned. Event ids are for de-duplication in the handler's own store. */
  readonly redelivered: boolean;
  /** 1 for the first try. */
  readonly attempt: number;
  readonly topic: string;
  readonly partition: number;
  readonly position: number;
  /** Fires when the subscription ends or the partition is lost. */
  readonly signal: AbortSignal;
}

/** Handles events of one type. A rejection is retried with back-off; a Failure `Rejected` goes to the dead letters at once. */
export type Handler<E extends ChangeEvent> = (
  event: E,
  context: EventContext,
) => Promise<void> | void;

/** Handlers by short type: `"ticket.updated"` for `thulium.ticket.updated`. A type without handler is passed over. */
export type Handlers = {
  readonly [T in EventType as T extends `thulium.${infer Short}` ? Short : never]?: Handler<
    Extract<ChangeEvent, { type: T }>
  >;
};

/** What a subscription needs. */
export interface SubscribeOptions {
  readonly log: EventLog;
  /** Members of one group share the partitions. */
  readonly group: string;
  readonly on: Handlers;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Tries before an event becomes a dead letter. Default 10. */
  readonly maxAttempts?: number;
  /** Where a new group starts. Default `earliest`. */
  readonly startAt?: "earliest" | "latest";
  /** Takes what could not be handled; resolves when it is durable. Default: appends to `dead-letters`. */
  readonly deadLetter?: (letter: DeadLetter) => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Calls the handlers with every change event, in order per ticket, at least once, until `signal` fires; then
 * finishes the handler that is running, commits and leaves the group. The position of an event is committed only
 * after its handler resolved or its dead letter is durable: a crash repeats events, never skips one.
 * @throws Failure that the log reports (`Fenced`, `PositionLost`, `Unavailable` …): start again to go on.
 */
export async function subscribe(options: SubscribeOptions): Promise<void> {
  const ownEnds = new Map<string, number>();
  const reader = await options.log.openReader({
    topics: topicsOf(options.on),
    group: options.group,
    startAt:
      options.startAt === "latest" ? (partitions) => ends(options.log, partitions) : "committed",
  });
  try {
    while (!options.signal.aborted) {
      const delivery = await nextOrNull(reader, options.signal);
      if (delivery === null) return;
      if (delivery.kind === "assignment") {
        for (const { topic, partition, position } of await ends(options.log, delivery.partitions))
          ownEnds.set(`${topic}/${partition}`, position);
      } else if (delivery.kind === "batch") {
        await handleBatch(
          delivery,
          ownEnds.get(`${delivery.topic}/${delivery.partition}`) ?? 0,
          reader,
          options,
        );
      }
    }
  } finally {
    await reader.close();
  }
}

async function nextOrNull(reader: LogReader, signal: AbortSignal) {
  try {
    return await reader.next({ timeoutMs: 1000, signal });
  } catch (error) {
    if (isFailure(error, "Cancelled")) return null;
    throw error;
  }
}

/** Handles record by record; what was done is committed also when the rest fails. */
async function handleBatch(
  batch: LogBatch,
  ownEnd: number,
  reader: LogReader,
  options: SubscribeOptions,
): Promise<void> {
  let done = batch.records[0]?.position ?? batch.nextPosition;
  try {
    for (const record of batch.records) {
      if (options.signal.aborted) return;
      await handleRecord(record, record.position < ownEnd, options);
      done = record.position + 1;
    }
    done = batch.nextPosition;
  } finally {
    await commit(reader, batch, done, options.logger);
  }
}

async function commit(
  reader: LogReader,
  { topic, partition }: TopicPartition,
  position: number,
  logger: Logger,
): Promise<void> {
  try {
    await reader.commit([{ topic, partition, position }]);
  } catch (error) {
    // Another member owns the partition now and goes on from the last commit: repeats, never loses.
    if (!isFailure(error, "Fenced")) throw error;
    logger.info({ topic, partition }, "lost the partition before its commit");
  }
}

async function handleRecord(
  record: LogRecord,
  redelivered: boolean,
  options: SubscribeOptions,
): Promise<void> {
  const type = (record.headers[headerNames.type] ?? "").replace(/^thulium\./, "");
  const handler = options.on[type as keyof Handlers] as Handler<ChangeEvent> | undefined;
  if ((handler === undefined && isKnown(type)) || isErasureNews(record)) return;
  let event: ChangeEvent;
  try {
    event = eventOf(record);
  } catch (error) {
    await setAside(record, { failure: error, attempts: 1 }, options);
    return;
  }
  if (handler !== undefined) await handle(event, handler, record, redelivered, options);
}

const knownTypes: readonly string[] = [...ticketEvent.options, ...messageEvent.options].map(
  (option) => option.shape.type.value.replace(/^thulium\./, ""),
);

function isKnown(type: string): boolean {
  return knownTypes.includes(type);
}

/** The validated event of a record. @throws Failure `CorruptRecord` naming the field that breaks the schema. */
export function eventOf(record: LogRecord): ChangeEvent {
  const schema = record.topic === "message-events" ? messageEvent : ticketEvent;
  const parsed = schema.safeParse(decodeJson(record));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Failure(
    "CorruptRecord",
    `${record.topic}[${record.partition}]@${record.position}: ${issue?.path.join(".")}: ${issue?.message}`,
  );
}

async function handle(
  event: ChangeEvent,
  handler: Handler<ChangeEvent>,
  record: LogRecord,
  redelivered: boolean,
  options: SubscribeOptions,
) {
  const { clock, logger, maxAttempts = 10, signal } = options;
  const { topic, partition, position } = record;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await handler(event, {
        redelivered: redelivered || attempt > 1,
        attempt,
        topic,
        partition,
        position,
        signal,
      });
      return;
    } catch (error) {
      if (signal.aborted) throw new Failure("Cancelled", "the subscription ended");
      if (attempt >= maxAttempts || isFailure(error, "Rejected")) {
        await setAside(record, { failure: error, attempts: attempt }, options);
        return;
      }
      logger.warn({ type: event.type, id: event.id, attempt }, "a handler failed; trying again");
      await clock.sleep(backoffMs(attempt, {}), signal);
    }
  }
}

async function setAside(
  record: LogRecord,
  why: DeadLetterReason,
  options: SubscribeOptions,
): Promise<void> {
  const letter = deadLetterOf(record, why, options.clock.now());
  options.logger.error(
    { key: letter.key, reason: letter.reason, position: letter.position },
    "set aside as a dead letter",
  );
  if (options.deadLetter !== undefined) await options.deadLetter(letter);
  else await appendLetter(letter, options);
}

async function appendLetter(letter: DeadLetter, { log, group }: SubscribeOptions): Promise<void> {
  const writer = await log.openWriter(`dead-letters.${group}`);
  try {
    await writer.append([
      {
        topic: "dead-letters",
        key: letter.key ?? letter.letter_id,
        value: new TextEncoder().encode(JSON.stringify(letter)),
      },
    ]);
  } finally {
    await writer.close();
  }
}

async function ends(log: EventLog, partitions: readonly TopicPartition[]) {
  const topics = [...new Set(partitions.map(({ topic }) => topic))];
  const ranges = (await Promise.all(topics.map((topic) => log.ends(topic)))).flat();
  return ranges
    .filter((range) =>
      partitions.some(
        ({ topic, partition }) => topic === range.topic && partition === range.partition,
      ),
    )
    .map(({ topic, partition, end }) => ({ topic, partition, position: end }));
}

function topicsOf(on: Handlers): string[] {
  const types = Object.keys(on);
  const topics = [
    ...(types.some((type) => type.startsWith("ticket.")) ? ["ticket-events"] : []),
    ...(types.some((type) => type.startsWith("message.")) ? ["message-events"] : []),
  ];
  if (topics.length === 0)
    throw new Failure(
      "InvalidSettings",
      "subscribe({ on }) has no handler: give at least one, such as on['ticket.updated']",
    );
  return topics;
}
