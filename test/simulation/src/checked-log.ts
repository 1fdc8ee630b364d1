import {
  type ChangeEvent,
  type Checkpoint,
  decodeJson,
  type EventLog,
  epochMsOf,
  Failure,
  type HoleState,
  type LogRecord,
  type LogWriter,
  type NewRecord,
  type TicketState,
} from "@thulium-stream/contracts";
import { contentOfState, type Ledger } from "./ledger.ts";

/** An invariant that did not hold. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** Where in an append a process is killed, or the answer lost. */
export type KillPoint = "before" | "after";

/** What a run adds to each append. */
export interface LogSurroundings {
  /** Hears about each append that happened. */
  readonly note: (what: string) => void;
  /** How long the log takes, before an append and after it. */
  readonly delay: () => Promise<void>;
}

/** What is held of a ticket, as the records that were appended say. */
interface Held {
  readonly content: string;
  readonly listed: boolean;
  /** Where this content stands in the ticket's life. */
  readonly version: number;
}

/**
 * Stands between the extractor and the log: checks every append against the ledger the moment it is made, and kills the process when told to.
 * E1 when the watermark moves, E2 for each state and event, E5 for ids and chains.
 */
export class CheckedLog {
  readonly held = new Map<string, Held>();
  sealedMs: number | null = null;
  events = 0;
  falseDeletes = 0;
  /** The append at which the process dies, counted down; null = lives on. */
  killAt: { appendsLeft: number; readonly point: KillPoint } | null = null;
  onKill: () => void = () => {};
  /** Whether the outcome of the next append stays unknown, and whether it happens. */
  doubt: () => KillPoint | null = () => null;
  readonly #log: EventLog;
  readonly #ledger: Ledger;
  readonly #surroundings: LogSurroundings;
  readonly #ids = new Set<string>();
  readonly #lastOf = new Map<string, string>();
  #firstSealedMs: number | null = null;
  #agreedAsOf: string | null = null;
  #backfillDone = false;
  readonly #openHoles = new Map<string, HoleState>();

  constructor(log: EventLog, ledger: Ledger, surroundings: LogSurroundings) {
    this.#log = log;
    this.#ledger = ledger;
    this.#surroundings = surroundings;
  }

  /** How many parts of the source the extractor has recorded as unreadable. */
  get openHoles(): number {
    return this.#openHoles.size;
  }

  /** The log as one incarnation of the process sees it; dead once `isAlive` says so. */
  viewOf(isAlive: () => boolean): EventLog {
    const log = this.#log;
    const guard = async <T>(work: () => Promise<T>): Promise<T> => {
      if (!isAlive()) throw new Failure("Cancelled", "killed");
      return work();
    };
    return {
      ensureTopics: (specs) => guard(() => log.ensureTopics(specs)),
      ends: (topic) => guard(() => log.ends(topic)),
      positionsAt: (topic, atMs) => guard(() => log.positionsAt(topic, atMs)),
      purge: (before) => guard(() => log.purge(before)),
      openReader: (options) => guard(() => log.openReader(options)),
      openWriter: (writerId) =>
        guard(async () => {
          const writer = await log.openWriter(writerId);
          let spent = false;
          return {
            append: (batch) =>
              guard(async () => {
                if (spent) throw new Failure("Unavailable", "the writer is spent");
                const doubt = this.doubt();
                spent = doubt !== null;
                if (doubt !== "before") await this.#append(writer, batch, isAlive);
                if (spent) throw new Failure("Unavailable", "the outcome is not known");
              }),
            close: () => writer.close(),
          };
        }),
      close: async () => {},
    };
  }

  async #append(
    writer: LogWriter,
    batch: readonly NewRecord[],
    isAlive: () => boolean,
  ): Promise<void> {
    const kill = this.killAt;
    if (kill !== null) kill.appendsLeft -= 1;
    const dies = kill !== null && kill.appendsLeft <= 0;
    if (dies && kill.point === "before") this.#die();
    await this.#surroundings.delay();
    await writer.append(batch);
    this.#surroundings.note(batch.map(({ topic, key }) => `${topic}/${key}`).join());
    this.#check(batch);
    if (dies) this.#die();
    await this.#surroundings.delay();
    if (!isAlive()) throw new Failure("Cancelled", "killed");
  }

  #die(): never {
    this.killAt = null;
    this.onKill();
    throw new Failure("Cancelled", "killed");
  }

  #check(batch: readonly NewRecord[]): void {
    const changed = new Set<string>();
    for (const record of batch) if (record.topic === "tickets") this.#checkState(record, changed);
    for (const record of batch) {
      if (record.topic === "ticket-events" || record.topic === "message-events")
        this.#checkEvent(readValue(record) as ChangeEvent, changed);
      if (record.topic === "extractor-state") this.#noteState(record);
    }
  }

  #checkState(record: NewRecord, changed: Set<string>): void {
    const id = record.key.split(":")[1] ?? "";
    const before = this.held.get(id);
    if (record.value === null) {
      const why = this.#ledger.whyGone(id);
      if (why !== "deleted") {
        this.falseDeletes += 1;
        throw new Violation(`E2: ticket ${id} ${why ?? "exists"}, but was told to be deleted`);
      }
      this.held.delete(id);
      changed.add(id);
      return;
    }
    const state = readValue(record) as TicketState;
    const content = contentOfState(state);
    const version = this.#ledger.versionOf(id, content, before?.version ?? 0);
    if (version < 0) {
      const ever = this.#ledger.versionOf(id, content, 0);
      throw new Violation(
        ever < 0
          ? `E2: ticket ${id} never had the content that is held`
          : `E2: ticket ${id} went back to version ${ever} after version ${before?.version}`,
      );
    }
    if (!state.listed && this.#ledger.whyGone(id) === null)
      throw new Violation(`E2: ticket ${id} is listed, but was told not to be`);
    if (before?.content !== content || before.listed !== state.listed) changed.add(id);
    this.held.set(id, { content, version, listed: state.listed });
  }

  #checkEvent(event: ChangeEvent, changed: ReadonlySet<string>): void {
    const { id, ticket_id, previous_event_id } = event;
    if (this.#ids.has(id)) throw new Violation(`E5: event ${id} of ticket ${ticket_id} came twice`);
    this.#ids.add(id);
    this.events += 1;
    if (!changed.has(ticket_id))
      throw new Violation(`E2: ticket ${ticket_id} did not change, but has a ${event.type}`);
    const entity = "message_id" in event ? `${ticket_id}/${event.message_id}` : ticket_id;
    const last = this.#lastOf.get(entity) ?? null;
    if (previous_event_id !== last)
      throw new Violation(
        `E5: the chain of ${entity} is broken: ${previous_event_id} instead of ${last}`,
      );
    this.#lastOf.set(entity, id);
  }

  #noteState(record: NewRecord): void {
    if (record.key.includes(":hole:")) {
      if (record.value === null) this.#openHoles.delete(record.key);
      else this.#openHoles.set(record.key, readValue(record) as HoleState);
    }
    if (!record.key.endsWith(":checkpoint")) return;
    const { sealed, backfill_done_at, agreed_as_of } = readValue(record) as Checkpoint;
    if (backfill_done_at !== null) this.#backfillDone = true;
    if (agreed_as_of !== null && agreed_as_of !== this.#agreedAsOf)
      this.#checkAgreed(epochMsOf(agreed_as_of));
    this.#agreedAsOf = agreed_as_of;
    if (sealed === null) return;
    const sealedMs = epochMsOf(sealed);
    if (this.sealedMs !== null && sealedMs < this.sealedMs)
      throw new Violation(`E1: the watermark went back to ${sealed}`);
    this.#firstSealedMs ??= sealedMs;
    if (sealedMs !== this.sealedMs) this.#checkSealed(sealedMs);
    this.sealedMs = sealedMs;
  }

  /** E1: nothing whose last bump the watermark has passed is missing or older. What stands in the window of an open hole is excepted, and nothing else. */
  #checkSealed(sealedMs: number): void {
    const holes = [...this.#openHoles.values()];
    const from = this.#backfillDone ? Number.NEGATIVE_INFINITY : (this.#firstSealedMs ?? 0);
    for (const [id, version] of this.#ledger.bumpedBetween(from, sealedMs)) {
      if (holes.some((hole) => this.#ledger.isHidden(id, hole))) continue;
      const held = this.held.get(id);
      // A ticket may return to a content that it had before: the one that is held may be the newer one.
      if (held === undefined || this.#ledger.versionOf(id, held.content, version) < 0)
        throw new Violation(
          `E1: sealed is ${new Date(sealedMs).toISOString()}, but ticket ${id} is ${held === undefined ? "missing" : `held in version ${held.version} instead of ${version}`}`,
        );
    }
  }

  /** E1 for changes that moved no stamp: what is held is what the source listed at an instant, or newer. Open holes excepted. */
  #checkAgreed(asOfMs: number): void {
    const holes = [...this.#openHoles.values()];
    for (const [id, version] of this.#ledger.presentAt(asOfMs)) {
      const held = this.held.get(id);
      if (held !== undefined && this.#ledger.versionOf(id, held.content, version) >= 0) continue;
      if (holes.some((hole) => this.#ledger.isHidden(id, hole, version))) continue;
      throw new Violation(
        `E1: all agrees as of ${new Date(asOfMs).toISOString()}, but ticket ${id} is ${held === undefined ? "missing" : `held in version ${held.version} instead of ${version}`}`,
      );
    }
  }

  /** Tickets that are deleted at the source, but still held. */
  get missedDeletes(): number {
    return [...this.held.keys()].filter((id) => this.#ledger.whyGone(id) === "deleted").length;
  }

  /** E1, E3: once the source stands still, what is held is what it has. */
  checkEqual(): void {
    const truth = new Map(this.#ledger.present());
    for (const [id, content] of truth) {
      const held = this.held.get(id);
      if (held === undefined) throw new Violation(`E1: ticket ${id} is missing at the end`);
      if (held.content !== content) throw new Violation(`E1: ticket ${id} is stale at the end`);
    }
    for (const [id, { listed }] of this.held)
      if (listed && !truth.has(id))
        throw new Violation(`E3: ticket ${id} is gone from the source, but still held`);
  }
}

function readValue(record: NewRecord): unknown {
  return decodeJson(record as unknown as LogRecord);
}
