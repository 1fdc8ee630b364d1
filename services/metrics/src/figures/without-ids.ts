import type { TicketHistory } from "@thulium-stream/contracts";

/** A ticket's history with nothing in it that leads back to the ticket, its customer or their words: what figures of an erased ticket are made of. Agents stay. Pure. */
export function withoutIds({ heads, messages }: TicketHistory): TicketHistory {
  return {
    heads: heads.map((head) => ({
      ...head,
      subject: null,
      customer_id: null,
      steps: head.steps.map((step) => ({ ...step, message_id: "" })),
    })),
    messages: messages.map((message, index) => ({ ...message, message_id: String(index + 1) })),
  };
}
