import { type Clock, Failure, type Logger } from "@thulium-stream/contracts";
import type { Producer, Transaction } from "kafkajs";

/** What is to become of what a writer left undecided. */
export type Decision = "commit" | "abort";

/** Ends of partitions, by the topic's name at the broker. */
export type Ends = ReadonlyMap<string, ReadonlyMap<number, number>>;

/** A producer as patched; see `patches/`. */
export interface SettlingProducer extends Pick<Producer, "connect"> {
  transactionState(): Promise<string | null>;
  transaction(): Promise<
    Pick<Transaction, "commit" | "abort"> & {
      addPartitions(
        topics: readonly {
          readonly topic: string;
          readonly partitions: readonly { readonly partition: number }[];
        }[],
      ): Promise<void>;
    }
  >;
}

/** What {@link openSettled} works with. */
export interface SettleContext {
  readonly producer: SettlingProducer;
  /** Where partitions end, with what is undecided. */
  readonly allEnds: () => Promise<Ends>;
  /** Where they end for readers of committed records. */
  readonly visibleEnds: () => Promise<Ends>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Transactions of other writers are open at most so long, in milliseconds. */
  readonly longestOpenMs: number;
}

const pollMs = 100;
/** How long a new coordinator may take. */
const coordinatorMs = 20_000;
/** COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR of the protocol. */
const passingCodes: readonly unknown[] = [14, 15, 16];
/** How long markers may take to be on the partitions. */
const markersMs = 5_000;

/**
 * Connects and initialises a transactional producer and makes sure that nothing which older producers of its id wrote is undecided (L4).
 *
 * The initialisation alone is not enough: a coordinator that found a partition without a leader, as a broker does that comes back after a kill, takes it for
 * deleted and completes the transaction without its marker (seen with Kafka 4.3.1). What was written there stays invisible, and would be committed by the
 * next transaction of this id, beside its repetition. So such partitions get their marker here, as the coordinator had decided: what it was asked to
 * commit is complete; all else was told to nobody, and is aborted. @throws Failure `Unavailable` while another writer's append hides what follows it.
 */
export async function openSettled(context: SettleContext): Promise<void> {
  const { producer, logger } = context;
  await producer.connect();
  const state = await stateOf(context);
  // connect() alone does not initialise the transactional id.
  await (await producer.transaction()).abort();
  const undecided = await stillUndecided(context, await context.allEnds(), context.longestOpenMs);
  if (undecided.size === 0) return;
  const decision: Decision = state?.endsWith("Commit") ? "commit" : "abort";
  const partitions = [...undecided].flatMap(([topic, ends]) =>
    [...ends.keys()].map((partition) => `${topic}/${partition}`),
  );
  logger.warn({ partitions, state, decision }, "the broker left an append undecided: deciding it");
  const transaction = await producer.transaction();
  await transaction.addPartitions(
    [...undecided].map(([topic, ends]) => ({
      topic,
      partitions: [...ends.keys()].map((partition) => ({ partition })),
    })),
  );
  await (decision === "commit" ? transaction.commit() : transaction.abort());
  const left = await stillUndecided(context, undecided, markersMs);
  if (left.size === 0) return;
  // Another writer's, and what is ours may lie hidden behind it.
  throw new Failure("Unavailable", `an append to ${[...left.keys()].join(", ")} is undecided`, {
    advice: "Look for it with kafka-transactions.sh find-hanging when this does not pass.",
  });
}

/** A coordinator that is only loading its transactions, or has just passed them on, says so: it is looked for and asked again. */
async function stateOf({ producer, clock }: SettleContext): Promise<string | null> {
  const untilMs = clock.now() + coordinatorMs;
  for (;;) {
    try {
      return await producer.transactionState();
    } catch (error) {
      const { code } = error as { readonly code?: unknown };
      if (!passingCodes.includes(code) || clock.now() >= untilMs) throw error;
      await clock.sleep(pollMs);
    }
  }
}

/** Which of these ends readers of committed records cannot reach within `patienceMs`. */
async function stillUndecided(
  { visibleEnds, clock }: SettleContext,
  ends: Ends,
  patienceMs: number,
): Promise<Ends> {
  const untilMs = clock.now() + patienceMs;
  for (;;) {
    const undecided = beyond(ends, await visibleEnds());
    if (undecided.size === 0 || clock.now() >= untilMs) return undecided;
    await clock.sleep(pollMs);
  }
}

/** The ends that lie behind what is visible. */
function beyond(ends: Ends, visible: Ends): Ends {
  const behind = new Map<string, ReadonlyMap<number, number>>();
  for (const [topic, partitions] of ends) {
    const hidden = new Map(
      [...partitions].filter(([partition, end]) => end > (visible.get(topic)?.get(partition) ?? 0)),
    );
    if (hidden.size > 0) behind.set(topic, hidden);
  }
  return behind;
}
