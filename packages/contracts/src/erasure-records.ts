import {
  type ErasureClosed,
  type ErasurePart,
  type ErasurePartDone,
  type ErasureState,
  erasureClosed,
  erasureKey,
  erasurePartDone,
  erasureParts,
  erasureState,
} from "./erasure.ts";
import { ErasureList } from "./erasure-list.ts";
import { Failure } from "./failure.ts";
import type { LogRecord, NewRecord } from "./ports/event-log.ts";
import { decodeJson, encodeJson } from "./record-codec.ts";
import { topics } from "./topics.ts";

/** What `extractor-state` says about erasures of one system: a fold of its records. */
export class ErasureRecords {
  readonly #system: string;
  readonly #states = new Map<string, ErasureState>();
  readonly #parts = new Map<string, ErasurePartDone>();
  readonly #closed = new Map<string, ErasureClosed>();
  #key: string | null = null;
  #list: ErasureList | null = null;

  constructor(system: string) {
    this.#system = system;
  }

  /** The key of all hashes; null before an extractor has made one. */
  get key(): string | null {
    return this.#key;
  }

  /** Erasures by id. */
  get states(): ReadonlyMap<string, ErasureState> {
    return this.#states;
  }

  /** What tells whether an id was erased. */
  get list(): ErasureList {
    this.#list ??= new ErasureList(this.#system, this.#key, this.#states);
    return this.#list;
  }

  /** What a service has done of an erasure, in all its partitions together; null while something of it, or of the present revision, is missing. */
  doneBy(part: ErasurePart, erasure: ErasureState): ErasurePartDone | null {
    let whole: ErasurePartDone | null = null;
    for (let partition = 0; partition < partitionsOf(part); partition += 1) {
      const done = this.#parts.get(`${part}:${erasure.erasure_id}:${partition}`);
      if (done === undefined || done.revision < erasure.revision) return null;
      whole = whole === null ? done : together(whole, done);
    }
    return whole;
  }

  /** Whether a service has done its part in one partition. */
  isDoneIn(part: ErasurePart, partition: number, { erasure_id, revision }: ErasureState): boolean {
    return (this.#parts.get(`${part}:${erasure_id}:${partition}`)?.revision ?? 0) >= revision;
  }

  /** That an erasure was searched for and not found; null while that is still to come. */
  closingOf({ erasure_id, revision }: ErasureState): ErasureClosed | null {
    const closed = this.#closed.get(erasure_id);
    return closed !== undefined && closed.revision >= revision ? closed : null;
  }

  /** Takes a record of `extractor-state` over; false when it is not about erasures. @throws Failure `CorruptRecord`. */
  take(record: LogRecord): boolean {
    const [owner, part = "", ...rest] = (record.key ?? "").split(":");
    if (owner !== this.#system || !part.startsWith("erasure") || record.value === null)
      return false;
    const id = rest.join(":");
    const done = erasureParts.find((name) => part === `erasure-${name}`);
    if (part === "erasure") this.put(understood(erasureState, record));
    else if (part === "erasure-key") this.setKey(understood(erasureKey, record).key);
    else if (part === "erasure-closed") this.#closed.set(id, understood(erasureClosed, record));
    else if (done !== undefined)
      this.#parts.set(`${done}:${id}`, understood(erasurePartDone, record));
    else return false;
    return true;
  }

  /** Adds an erasure, or replaces what is known of it. */
  put(state: ErasureState): void {
    this.#states.set(state.erasure_id, state);
    this.#list = null;
  }

  /** Notes the key. */
  setKey(key: string): void {
    this.#key = key;
    this.#list = null;
  }
}

function understood<T>(schema: { parse(value: unknown): T }, record: LogRecord): T {
  try {
    return schema.parse(decodeJson(record));
  } catch (cause) {
    throw new Failure(
      "CorruptRecord",
      `extractor-state@${record.position}, ${record.key} cannot be read: what was erased is not known`,
      { cause, advice: "Another version may have written it: run that one." },
    );
  }
}

/** The record that makes the key known. */
export function erasureKeyRecord(system: string, key: string): NewRecord {
  return stateRecordOf(`${system}:erasure-key`, { system, key });
}

/** The record of an erasure. */
export function erasureRecord(state: ErasureState): NewRecord {
  return stateRecordOf(`${state.system}:erasure:${state.erasure_id}`, state);
}

/** The record by which a service tells that it has done its part in a partition. */
export function erasurePartRecord(
  part: ErasurePart,
  partition: number,
  done: ErasurePartDone,
): NewRecord {
  return stateRecordOf(`${done.system}:erasure-${part}:${done.erasure_id}:${partition}`, done);
}

/** The lake is one; figures belong to who folds their partition. */
function partitionsOf(part: ErasurePart): number {
  if (part === "lake") return 1;
  return topics.find(({ topic }) => topic === "ticket-metrics")?.partitions ?? 1;
}

function together(a: ErasurePartDone, b: ErasurePartDone): ErasurePartDone {
  const counts = { ...a.counts };
  for (const [name, count] of Object.entries(b.counts)) counts[name] = (counts[name] ?? 0) + count;
  return { ...a, counts, done_at: a.done_at > b.done_at ? a.done_at : b.done_at };
}

/** The record that closes an erasure. */
export function erasureClosedRecord(closed: ErasureClosed): NewRecord {
  return stateRecordOf(`${closed.system}:erasure-closed:${closed.erasure_id}`, closed);
}

function stateRecordOf(key: string, value: object): NewRecord {
  return { topic: "extractor-state", key, value: encodeJson(value) };
}
