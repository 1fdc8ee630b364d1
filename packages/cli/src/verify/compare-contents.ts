import type { Contents } from "@thulium-stream/extractor";

/** A ticket that a place holds otherwise than the source. */
export interface Difference {
  readonly ticketId: string;
  readonly where: "log" | "lake";
  /** `missing`: not held; `stale`: held with another content; `extra`: held, but the source does not list it. */
  readonly what: "missing" | "stale" | "extra";
  /** Minute of its creation: where a re-read looks for it. */
  readonly created: string;
}

/** Compares what a place holds with the source, ticket by ticket. Pure. `isComparable` leaves tickets out that the place cannot have in this version. */
export function compareContents(
  source: Contents,
  held: Contents,
  where: Difference["where"],
  isComparable: (ticketId: string) => boolean = () => true,
): readonly Difference[] {
  const differences: Difference[] = [];
  for (const [ticketId, { digest, created }] of source) {
    const other = held.get(ticketId);
    if (other?.digest === digest || !isComparable(ticketId)) continue;
    const what = other === undefined ? "missing" : "stale";
    differences.push({ ticketId, where, what, created });
  }
  for (const [ticketId, { created }] of held)
    if (!source.has(ticketId) && isComparable(ticketId))
      differences.push({ ticketId, where, what: "extra", created });
  return differences;
}
