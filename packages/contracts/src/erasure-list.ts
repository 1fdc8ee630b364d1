import { createHmac } from "node:crypto";
import type { ErasureState, ErasureSubject } from "./erasure.ts";
import { hashId } from "./hash-id.ts";
import type { LogRecord } from "./ports/event-log.ts";
import { headerNames } from "./record-codec.ts";

/** The keyed hash under which an erased id is remembered: HMAC-SHA-256, in the form of every id. */
export function erasedHash(key: string, subject: ErasureSubject, id: string): string {
  return hashId(createHmac("sha256", key).update(`${subject}:${id}`).digest("hex"));
}

/** Ids of which a row, a state or an observation is known by. */
export interface Identified {
  readonly ticketId: string | null;
  readonly customerId?: string | null;
}

/** What a record of the log is known by. */
export type RecordParts = Pick<LogRecord, "key" | "value" | "headers">;

/** Answers that are remembered: ids repeat from record to record. */
const mostRemembered = 100_000;

/** Ids as JSON names them, whatever surrounds them and whether or not the whole is valid; in text that holds JSON, too. */
const namedIds =
  /\\*"(ticket_id|customer_id)\\*"\s*:\s*\\*"?([^"\\,}\]\s]{1,200})|\bclaims\/[^/\s"]+\/([^/\s"]+)\//g;

/** What has been erased: tells whether an id belongs to it. Knows hashes only. */
export class ErasureList {
  /** Whose erasures these are. */
  readonly system: string;
  readonly #key: string | null;
  readonly #erasures: ReadonlyMap<string, ErasureState>;
  readonly #byHash = new Map<string, string>();
  readonly #remembered = new Map<string, string | null>();

  /** `erasures` by id. Without a key nothing was ever erased. */
  constructor(system: string, key: string | null, erasures: ReadonlyMap<string, ErasureState>) {
    this.system = system;
    this.#key = key;
    this.#erasures = erasures;
    for (const { erasure_id, subject_hash, ticket_hashes } of erasures.values())
      for (const hash of [subject_hash, ...ticket_hashes])
        if (!this.#byHash.has(hash)) this.#byHash.set(hash, erasure_id);
  }

  /** Nothing was ever erased: whoever asks first need not look at ids. */
  get isEmpty(): boolean {
    return this.#byHash.size === 0;
  }

  /** Every erasure, in the order in which they were asked for. */
  get erasures(): readonly ErasureState[] {
    return [...this.#erasures.values()].sort((a, b) => (a.requested_at < b.requested_at ? -1 : 1));
  }

  /** The hash of an id. @throws Error when there is no key: `isEmpty` says so before. */
  hashOf(subject: ErasureSubject, id: string): string {
    if (this.#key === null) throw new Error("there is no key of erased ids");
    return erasedHash(this.#key, subject, id);
  }

  /** The erasure that a ticket, or whatever belongs to it, falls under, by the ticket's id or its customer's; null for none. */
  erasureOf({ ticketId, customerId }: Identified): string | null {
    if (this.isEmpty) return null;
    const byTicket = ticketId === null ? null : this.#look("ticket", ticketId);
    if (byTicket !== null) return byTicket;
    return customerId === null || customerId === undefined
      ? null
      : this.#look("customer", customerId);
  }

  /** The erasure that a JSON text names an id of, nested or broken as it may be; null for none. */
  erasureOfText(text: string): string | null {
    if (this.isEmpty) return null;
    for (const [, name, id, claimed] of text.matchAll(namedIds)) {
      const subject = name === "customer_id" ? "customer" : "ticket";
      const found = this.#look(subject, id ?? decoded(claimed ?? ""));
      if (found !== null) return found;
    }
    return null;
  }

  /** The erasure that a record of the log falls under: by its key, its headers or its text. Records of other systems fall under none. */
  erasureOfRecord({ key, value, headers }: RecordParts): string | null {
    if (this.isEmpty) return null;
    const text = value === null ? "" : Buffer.from(value).toString("latin1");
    if (this.#isForeign(key, text)) return null;
    return (
      this.erasureOfKey(key) ??
      this.erasureOf({ ticketId: headers[headerNames.subject] ?? null }) ??
      this.erasureOfText(headers[headerNames.dataRef] ?? "") ??
      this.erasureOfText(text)
    );
  }

  /** Keys begin with their system; where one does not, the text names it. */
  #isForeign(key: string | null, text: string): boolean {
    const owner = key?.includes(":") ? key.split(":")[0] : /"system":"([^"]*)"/.exec(text)?.[1];
    return owner !== undefined && owner !== this.system;
  }

  /** The erasure of a key such as `system:ticket_id` or `system:ticket_id:message_id`, or of a bare ticket id. */
  erasureOfKey(key: string | null): string | null {
    if (key === null || this.isEmpty) return null;
    const [owner, ticketId] = key.split(":");
    if (ticketId === undefined) return this.erasureOf({ ticketId: key });
    return owner === this.system ? this.erasureOf({ ticketId }) : null;
  }

  #look(subject: ErasureSubject, id: string): string | null {
    const asked = `${subject}:${id}`;
    const known = this.#remembered.get(asked);
    if (known !== undefined) return known;
    const found = this.#byHash.get(this.hashOf(subject, id)) ?? null;
    if (this.#remembered.size >= mostRemembered) this.#remembered.clear();
    this.#remembered.set(asked, found);
    return found;
  }
}

/** A part of an object's key, as the claim's name escapes it. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
