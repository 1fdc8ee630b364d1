import {
  categories,
  customerCount,
  customFields,
  firstCustomerId,
  logins,
  queues,
  statuses,
  statusIds,
  tags,
} from "./catalogue.ts";
import type { Draw } from "./draw.ts";
import { type DeedName, deeds } from "./life.ts";

/** What may happen next to a ticket of a status, with weights. */
const likely: Readonly<Record<number, readonly (readonly [DeedName, number])[]>> = {
  [statusIds.new]: [
    ["reply", 45],
    ["assign", 15],
    ["comment", 14],
    ["queue", 10],
    ["tag", 15],
    ["delete", 1],
  ],
  [statusIds.waiting]: [
    ["mail", 38],
    ["close", 32],
    ["tag", 12],
    ["comment", 12],
    ["untag", 6],
    ["status", 5],
  ],
  // No wake: postponed tickets flip back by themselves, on their quarter hour.
  [statusIds.postponed]: [
    ["comment", 60],
    ["tag", 25],
    ["reply", 15],
  ],
  [statusIds.working]: [
    ["reply", 45],
    ["close", 22],
    ["comment", 14],
    ["assign", 6],
    ["category", 8],
    ["edit", 5],
    ["status", 6],
    ["customer", 3],
  ],
  [statusIds.closed]: [
    ["rate", 32],
    ["tag", 22],
    ["custom_field", 22],
    ["comment", 19],
    ["mail", 4],
    ["delete", 1],
  ],
};

/** Draws a deed that fits the status, with its argument. */
export function stirDeed(draw: Draw, status: number): { deed: number; arg: number } {
  const choices = likely[status] ?? [["touch", 1]];
  let rest = draw.below(choices.reduce((sum, [, weight]) => sum + weight, 0));
  let name: DeedName = "touch";
  for (const [choice, weight] of choices) {
    name = choice;
    rest -= weight;
    if (rest < 0) break;
  }
  return { deed: deeds[name], arg: argOf(name, draw, status) };
}

function argOf(name: DeedName, draw: Draw, status: number): number {
  switch (name) {
    case "reply":
    case "comment":
    case "assign":
      return 1 + draw.below(logins.length - 2);
    case "queue":
      return draw.below(queues.length);
    case "category":
      return draw.below(categories.length);
    case "tag":
    case "untag":
      return draw.below(tags.length);
    case "custom_field": {
      const field = draw.below(customFields.length);
      return field * 64 + draw.below(customFields[field]?.values.length ?? 1);
    }
    case "rate":
      return 1 + draw.below(5);
    case "close":
      return draw.below(5);
    case "customer":
      return firstCustomerId + draw.below(customerCount);
    case "status": {
      // The status stays, its sub-status comes or goes.
      const substatuses = statuses.find(({ id }) => id === status)?.substatuses ?? [];
      return status * 1000 + (substatuses[draw.below(substatuses.length + 1)]?.id ?? 0);
    }
    default:
      return 0;
  }
}
