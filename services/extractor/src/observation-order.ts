import type { TicketPage } from "@thulium-stream/contracts";

/** What becomes of an observation: use it, or leave it and look again. */
export type Verdict = "apply" | "confirm";

/** Observations remembered: far more than requests can be in flight. */
const remembered = 20_000;

/**
 * Orders observations of one ticket by the requests that made them, never by a clock and never by `updated_at` (E2). An observation is applied only if its
 * request started after the answer of the held one had arrived; two that overlapped and differ are left, and the ticket is asked for again. Only what this
 * process saw matters: what an earlier one saw is always older.
 */
export class ObservationOrder {
  readonly #seen = new Map<string, { readonly answeredBefore: number; readonly hash: string }>();

  /** Judges and, when it is to be applied, remembers an observation whose content has this hash. */
  judge(
    ticketId: string,
    hash: string,
    { sequence, answeredBefore }: Pick<TicketPage, "sequence" | "answeredBefore">,
  ): Verdict {
    const held = this.#seen.get(ticketId);
    if (held !== undefined && sequence < held.answeredBefore)
      return held.hash === hash ? "apply" : "confirm";
    this.#seen.delete(ticketId);
    this.#seen.set(ticketId, { answeredBefore, hash });
    if (this.#seen.size > remembered) this.#forgetOldest();
    return "apply";
  }

  #forgetOldest(): void {
    for (const key of this.#seen.keys()) {
      this.#seen.delete(key);
      if (this.#seen.size <= remembered / 2) return;
    }
  }
}
