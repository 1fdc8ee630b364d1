import { instantOf } from "@thulium-stream/contracts";
import { type DeedName, deedNames } from "./life.ts";

/** One change that really happened. */
export interface TruthEntry {
  /** Place in the log, from 1 without gaps. */
  readonly seq: number;
  /** When it happened, ISO 8601 UTC. */
  readonly at: string;
  readonly ticket_id: string;
  readonly kind: DeedName;
  /** Whether it moved `updated_at`; false = a silent change (A8). */
  readonly bumped: boolean;
}

/** Every change since the start instant, in order; a few bytes each. */
export class TruthLog {
  #atS = new Float64Array(1024);
  #ticketId = new Float64Array(1024);
  #deed = new Uint8Array(1024);
  #length = 0;

  /** How many changes happened; also the `seq` of the newest. */
  get length(): number {
    return this.#length;
  }

  add(atS: number, ticketId: number, deed: number, bumped: boolean): void {
    if (this.#length === this.#atS.length) this.#grow();
    this.#atS[this.#length] = atS;
    this.#ticketId[this.#length] = ticketId;
    this.#deed[this.#length++] = deed + (bumped ? 128 : 0);
  }

  /** Entries with `seq` above `since`, oldest first. */
  *since(since: number): Generator<TruthEntry> {
    for (let i = Math.max(0, since); i < this.#length; i++) {
      const deed = this.#deed[i] as number;
      yield {
        seq: i + 1,
        at: instantOf((this.#atS[i] as number) * 1000),
        ticket_id: String(this.#ticketId[i]),
        kind: deedNames[deed & 127] as DeedName,
        bumped: deed >= 128,
      };
    }
  }

  #grow(): void {
    const size = this.#length * 2;
    const atS = new Float64Array(size);
    const ticketId = new Float64Array(size);
    const deed = new Uint8Array(size);
    atS.set(this.#atS);
    ticketId.set(this.#ticketId);
    deed.set(this.#deed);
    this.#atS = atS;
    this.#ticketId = ticketId;
    this.#deed = deed;
  }
}
