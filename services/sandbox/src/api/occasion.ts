import { mix } from "../population/draw.ts";
import { parseNaiveTime } from "./naive-time.ts";

/** When a fault strikes. */
export type Occasion =
  | { readonly kind: "never" }
  | { readonly kind: "share"; readonly percent: number }
  | { readonly kind: "request"; readonly numbers: readonly number[] }
  | { readonly kind: "ticket"; readonly ticketIds: readonly number[] }
  | { readonly kind: "window"; readonly fromWallS: number; readonly toWallS: number };

/** The forms of {@link parseOccasion}, for messages. */
export const occasionForms =
  "off, <n>% of requests, #<k> (the k-th request; #3+7), ticket:<id> (ticket:1+2), or window:<from>..<to> (tickets created then)";

/** Reads an occasion; null when it has none of the forms. */
export function parseOccasion(text: string): Occasion | null {
  if (text === "off") return { kind: "never" };
  const share = /^(\d{1,3}(?:\.\d+)?)%$/.exec(text);
  if (share !== null && Number(share[1]) <= 100)
    return { kind: "share", percent: Number(share[1]) };
  const request = /^#(\d+(?:\+\d+)*)$/.exec(text);
  if (request !== null) return { kind: "request", numbers: numbersOf(request[1]) };
  const ticket = /^ticket:(\d+(?:\+\d+)*)$/.exec(text);
  if (ticket !== null) return { kind: "ticket", ticketIds: numbersOf(ticket[1]) };
  const window = /^window:(.+)\.\.(.+)$/.exec(text);
  const from = parseNaiveTime(window?.[1] ?? "");
  const to = parseNaiveTime(window?.[2] ?? "");
  if (from === null || to === null) return null;
  return { kind: "window", fromWallS: from.wallS, toWallS: to.wallS + (to.dateOnly ? 86_399 : 59) };
}

/** What is known of a request when an occasion is judged. */
export interface OccasionContext {
  /** Its number among the API's requests, from 1. */
  readonly request: number;
  readonly salt: number;
  /** Tickets in the answer. */
  readonly tickets: readonly { readonly ticketId: number; readonly createdWallS: number }[];
}

/** Whether the occasion is now. `purpose` keeps the chances of several switches apart. */
export function strikes(occasion: Occasion, purpose: number, context: OccasionContext): boolean {
  switch (occasion.kind) {
    case "never":
      return false;
    case "share":
      return mix(context.salt, purpose) / 4294967296 < occasion.percent / 100;
    case "request":
      return occasion.numbers.includes(context.request);
    case "ticket":
      return context.tickets.some(({ ticketId }) => occasion.ticketIds.includes(ticketId));
    case "window":
      return context.tickets.some(
        ({ createdWallS }) =>
          createdWallS >= occasion.fromWallS && createdWallS <= occasion.toWallS,
      );
  }
}

function numbersOf(text: string | undefined): number[] {
  return (text ?? "").split("+").map(Number);
}
