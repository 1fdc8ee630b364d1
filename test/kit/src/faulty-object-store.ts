import {
  type Clock,
  Failure,
  type ObjectBody,
  type ObjectEntry,
  type ObjectStore,
} from "@thulium-stream/contracts";

/** One call that a {@link FaultyObjectStore} received. */
export interface ObjectStoreCall {
  /** 0 for the first call of the store's life. */
  readonly index: number;
  readonly method: "put" | "putIfAbsent" | "get" | "copy" | "list" | "delete";
  /** The key or keys (of a copy: from, to); the prefix of a listing. */
  readonly keys: readonly string[];
}

/** What goes wrong with one call, as a value. */
export type ObjectStoreFault =
  /** Fails and does not happen; with `everyLater`, so does every later call: the process died before it. */
  | { readonly kind: "reject"; readonly failure?: Failure; readonly everyLater?: boolean }
  /** Happens and still fails (O3); with `everyLater` every later call fails and does not happen: the process died after it. */
  | { readonly kind: "fail-after"; readonly failure?: Failure; readonly everyLater?: boolean }
  /** Waits for `until` before it happens. */
  | { readonly kind: "hold"; readonly until: Promise<void> }
  /** Happens, and answers only after `until`. */
  | { readonly kind: "hold-answer"; readonly until: Promise<void> }
  /** Waits `ms` of the clock before it happens. */
  | { readonly kind: "slow"; readonly ms: number };

/** Which fault, if any, each call meets. */
export type ObjectStoreFaultPlan = (call: ObjectStoreCall) => ObjectStoreFault | undefined;

/** A plan with one fault, at the call numbered `index`: run a test for each index to try every moment between two calls. */
export function faultAt(index: number, fault: ObjectStoreFault): ObjectStoreFaultPlan {
  return (call) => (call.index === index ? fault : undefined);
}

/** Wraps an object store with faults by plan, and remembers its calls. Disposing it disposes the wrapped store. */
export class FaultyObjectStore implements ObjectStore {
  /** Every call so far, those that failed included. */
  readonly calls: ObjectStoreCall[] = [];
  /** Decides over the next calls; may be replaced while the store is in use. */
  plan: ObjectStoreFaultPlan;
  readonly #inner: ObjectStore;
  readonly #clock: Pick<Clock, "sleep">;
  #dead: Failure | null = null;

  constructor(inner: ObjectStore, plan: ObjectStoreFaultPlan, clock: Pick<Clock, "sleep">) {
    this.#inner = inner;
    this.plan = plan;
    this.#clock = clock;
  }

  get baseUri(): string {
    return this.#inner.baseUri;
  }

  put(key: string, body: ObjectBody): Promise<void> {
    return this.#meet("put", [key], () => this.#inner.put(key, body));
  }

  putIfAbsent(key: string, body: ObjectBody): Promise<"created" | "exists"> {
    return this.#meet("putIfAbsent", [key], () => this.#inner.putIfAbsent(key, body));
  }

  get(key: string): Promise<Uint8Array | null> {
    return this.#meet("get", [key], () => this.#inner.get(key));
  }

  copy(from: string, to: string): Promise<void> {
    return this.#meet("copy", [from, to], () => this.#inner.copy(from, to));
  }

  async *list(prefix: string): AsyncIterable<ObjectEntry> {
    yield* await this.#meet("list", [prefix], async () => {
      const entries: ObjectEntry[] = [];
      for await (const entry of this.#inner.list(prefix)) entries.push(entry);
      return entries;
    });
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#meet("delete", keys, () => this.#inner.delete(keys));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
  }

  async #meet<T>(
    method: ObjectStoreCall["method"],
    keys: readonly string[],
    happen: () => Promise<T>,
  ): Promise<T> {
    const call = { index: this.calls.length, method, keys };
    this.calls.push(call);
    if (this.#dead !== null) throw this.#dead;
    const fault = this.plan(call);
    if (fault?.kind === "reject") throw this.#failed(fault, call);
    if (fault?.kind === "hold") await fault.until;
    if (fault?.kind === "slow") await this.#clock.sleep(fault.ms);
    const result = await happen();
    if (fault?.kind === "fail-after") throw this.#failed(fault, call);
    if (fault?.kind === "hold-answer") await fault.until;
    return result;
  }

  #failed(
    fault: Extract<ObjectStoreFault, { readonly failure?: Failure }>,
    { method, keys }: ObjectStoreCall,
  ): Failure {
    const failure =
      fault.failure ?? new Failure("Unavailable", `planned fault: ${method} ${keys.join(" ")}`);
    if (fault.everyLater === true) this.#dead = failure;
    return failure;
  }
}
