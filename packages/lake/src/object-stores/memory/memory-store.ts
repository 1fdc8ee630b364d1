import {
  type Clock,
  Failure,
  type ObjectBody,
  type ObjectEntry,
  type ObjectStore,
} from "@thulium-stream/contracts";
import { bytesOf, missingSource } from "../object-body.ts";
import { checkKey, checkPrefix, compareKeys } from "../object-key.ts";

/** Objects of a memory store; share one between stores to open the same place twice. */
export type MemoryObjects = Map<
  string,
  { readonly bytes: Uint8Array; readonly modifiedAtMs: number }
>;

/** Options of {@link createMemoryStore}. */
export interface MemoryStoreOptions {
  /** Where objects are kept. Default: a new, empty place. */
  readonly objects?: MemoryObjects;
  /** Dates the objects. Default: all are dated 0. */
  readonly clock?: Pick<Clock, "now">;
}

/** An object store in memory (O1–O8): for tests and trials. Gone with the process. */
export function createMemoryStore(options: MemoryStoreOptions = {}): ObjectStore {
  return new MemoryStore(options);
}

class MemoryStore implements ObjectStore {
  readonly #objects: MemoryObjects;
  readonly #clock: Pick<Clock, "now">;
  readonly baseUri = "memory:";
  #closed = false;

  constructor({ objects = new Map(), clock = { now: () => 0 } }: MemoryStoreOptions) {
    this.#objects = objects;
    this.#clock = clock;
  }

  async put(key: string, body: ObjectBody): Promise<void> {
    this.#check(key);
    this.#set(key, await bytesOf(body));
  }

  async putIfAbsent(key: string, body: ObjectBody): Promise<"created" | "exists"> {
    this.#check(key);
    const bytes = await bytesOf(body);
    // Look and write without an await between them: this is what makes one racer win (O2).
    if (this.#objects.has(key)) return "exists";
    this.#set(key, bytes);
    return "created";
  }

  async get(key: string): Promise<Uint8Array | null> {
    this.#check(key);
    const object = this.#objects.get(key);
    return object === undefined ? null : copyOf(object.bytes);
  }

  async copy(from: string, to: string): Promise<void> {
    this.#check(from);
    this.#check(to);
    const source = this.#objects.get(from);
    if (source === undefined) throw missingSource(from);
    this.#set(to, source.bytes);
  }

  async *list(prefix: string): AsyncIterable<ObjectEntry> {
    this.#checkOpen();
    checkPrefix(prefix);
    const keys = [...this.#objects.keys()].filter((key) => key.startsWith(prefix));
    for (const key of keys.sort(compareKeys)) {
      const object = this.#objects.get(key);
      if (object === undefined) continue;
      yield { key, bytes: object.bytes.byteLength, modifiedAtMs: object.modifiedAtMs };
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    this.#checkOpen();
    for (const key of keys) checkKey(key);
    for (const key of keys) this.#objects.delete(key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
  }

  #set(key: string, bytes: Uint8Array): void {
    this.#objects.set(key, { bytes: copyOf(bytes), modifiedAtMs: this.#clock.now() });
  }

  #check(key: string): void {
    this.#checkOpen();
    checkKey(key);
  }

  #checkOpen(): void {
    if (this.#closed) throw new Failure("Closed", "the object store is closed");
  }
}

/** `slice` of a Buffer, such as a file was read into, would share its memory. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes);
}
