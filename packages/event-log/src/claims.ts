import { createHash } from "node:crypto";
import {
  type Claim,
  claimKeyOf,
  claimOf,
  encodeJson,
  headerNames,
  type LogRecord,
  type NewRecord,
  type ObjectStore,
} from "@thulium-stream/contracts";

/** Gives the lake's object store; asked when the first claim is met, so that who never meets one needs no lake. */
export type ClaimStore = () => Promise<ObjectStore>;

/**
 * The claim check: what is too large for the log lies in the lake's object store, and the record says where. A body is stored before its
 * record is appended: an append that fails leaves an object that nobody points to, never a record that points to nothing.
 */
export class Claims {
  readonly #store: ClaimStore;

  constructor(store: ClaimStore) {
    this.#store = store;
  }

  /** The batch with every record that `isTooLarge` replaced by its claim. @throws Failure of the object store; nothing was appended then. */
  async deposit(
    batch: readonly NewRecord[],
    isTooLarge: (record: NewRecord) => boolean,
  ): Promise<readonly NewRecord[]> {
    if (!batch.some(isTooLarge)) return batch;
    const replaced: NewRecord[] = [];
    // One after the other: bounded memory, and a record as large as this is rare.
    for (const record of batch)
      replaced.push(isTooLarge(record) ? await this.#claimed(record) : record);
    return replaced;
  }

  async #claimed(record: NewRecord): Promise<NewRecord> {
    if (record.value === null) return record;
    const sha256 = sha256Of(record.value);
    const dataref = claimKeyOf(record, sha256);
    const claim: Claim = { dataref, bytes: record.value.byteLength, sha256 };
    const store = await this.#store();
    await store.putIfAbsent(dataref, record.value);
    return {
      ...record,
      value: encodeJson(claim),
      headers: { ...record.headers, [headerNames.dataRef]: dataref },
    };
  }

  /**
   * The record with its body. One that carries its body, and one whose body is not there or is another, comes back as it is: who decodes the latter
   * is told by its header (L8). @throws Failure of the object store.
   */
  async redeem(record: LogRecord): Promise<LogRecord> {
    const claim = claimOf(record);
    if (claim === null) return record;
    const store = await this.#store();
    const value = await store.get(claim.dataref);
    if (value === null || sha256Of(value) !== claim.sha256) return record;
    const { [headerNames.dataRef]: _, ...headers } = record.headers;
    return { ...record, value, headers };
  }
}

function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
