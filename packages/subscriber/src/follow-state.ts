import {
  contractMajor,
  decodeJson,
  type EventLog,
  Failure,
  isFailure,
  type LogBatch,
  type Logger,
  type LogRecord,
  type MessageState,
  majorOf,
  messageState,
  silentLogger,
  type TicketState,
  ticketState,
} from "@thulium-stream/contracts";

/** Whose state it is. */
export interface StateKey {
  readonly system: string;
  readonly ticketId: string;
}

/** What is followed, and what hears of it. */
export interface FollowStateOptions {
  readonly log: EventLog;
  /** The ticket as it is now; null when it was deleted. Left out: the topic is not read. */
  readonly onTicket?: (key: StateKey, state: TicketState | null) => Promise<void> | void;
  /** The message as it is now; null when it was removed, or its ticket deleted. Left out: the topic is not read. */
  readonly onMessage?: (
    key: StateKey & { readonly messageId: string },
    state: MessageState | null,
  ) => Promise<void> | void;
  /** Called once, when everything that the log held at the start has been told: the view is complete from here on. */
  readonly onCaughtUp?: () => void;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Hears of records that are passed over because they are broken, foreign or of a newer major. Default: says nothing. */
  readonly logger?: Logger;
}

/**
 * Tells the current state of all tickets and messages from the compacted topics, and then every change of it, until `signal`
 * fires. Always from the beginning: what is built from it needs no store of its own. Of one key the states come in order; of a
 * ticket and its messages they come apart.
 * @throws Failure of the log: start again to go on, with an empty view.
 */
export async function followState(options: FollowStateOptions): Promise<void> {
  const { log, onTicket, onMessage, signal } = options;
  const topics = [
    ...(onTicket === undefined ? [] : ["tickets"]),
    ...(onMessage === undefined ? [] : ["messages"]),
  ];
  if (topics.length === 0)
    throw new Failure("InvalidSettings", "followState needs onTicket, onMessage or both");
  const behind = new Map(
    (await Promise.all(topics.map((topic) => log.ends(topic))))
      .flat()
      .filter(({ earliest, end }) => earliest < end)
      .map(({ topic, partition, end }) => [`${topic}/${partition}`, end]),
  );
  if (behind.size === 0) options.onCaughtUp?.();
  const reader = await log.openReader({ topics, startAt: "earliest" });
  try {
    while (!signal.aborted) {
      const delivery = await reader.next({ timeoutMs: 10_000, signal });
      if (delivery.kind !== "batch") continue;
      for (const record of delivery.records) await tell(record, options);
      if (passes(behind, delivery) && behind.size === 0) options.onCaughtUp?.();
    }
  } catch (error) {
    if (!isFailure(error, "Cancelled")) throw error;
  } finally {
    await reader.close();
  }
}

/** Whether this batch brings its partition up to where it ended at the start. */
function passes(
  behind: Map<string, number>,
  { topic, partition, nextPosition }: LogBatch,
): boolean {
  const place = `${topic}/${partition}`;
  return nextPosition >= (behind.get(place) ?? Number.POSITIVE_INFINITY) && behind.delete(place);
}

async function tell(
  record: LogRecord,
  { onTicket, onMessage, logger = silentLogger }: FollowStateOptions,
): Promise<void> {
  const [system = "", ticketId, messageId] = record.key?.split(":") ?? [];
  try {
    if (ticketId === undefined) throw new Failure("CorruptRecord", "its key is none of ours");
    if (record.topic === "tickets")
      await onTicket?.({ system, ticketId }, stateOf(record, ticketState));
    else
      await onMessage?.(
        { system, ticketId, messageId: messageId ?? "" },
        stateOf(record, messageState),
      );
  } catch (error) {
    if (!isFailure(error, "CorruptRecord")) throw error;
    const { topic, partition, position } = record;
    logger.error(
      { topic, partition, position, reason: error.message },
      "a state record was passed over",
    );
  }
}

interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false; error: Error };
}

function stateOf<T>(record: LogRecord, schema: Schema<T>): T | null {
  if (record.value === null) return null;
  const major = majorOf(record);
  if (major > contractMajor)
    throw new Failure(
      "CorruptRecord",
      `it was written under version ${major} of the contract; known is ${contractMajor}`,
    );
  const parsed = schema.safeParse(decodeJson(record));
  if (parsed.success) return parsed.data;
  throw new Failure("CorruptRecord", parsed.error.message);
}
