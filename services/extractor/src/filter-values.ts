import type { ObservedTicket, PageFilter } from "@thulium-stream/contracts";
import type { Window } from "./page-rule.ts";

/** Which statuses, queues and sources the tickets of a window have, as far as they were seen: what a window that no date can cut is cut by. */
export class FilterValues {
  readonly #statuses = new Set<string>();
  readonly #queues = new Set<string>();
  readonly #sources = new Set<string>();

  /** Takes down the values of these tickets; one that a ticket lacks cannot be asked for. */
  note(rows: readonly ObservedTicket[]): void {
    for (const { ticket } of rows) {
      if (ticket.status_id !== null) this.#statuses.add(ticket.status_id);
      if (ticket.ticket_queue_id !== null) this.#queues.add(ticket.ticket_queue_id);
      if (ticket.source !== null) this.#sources.add(ticket.source);
    }
  }

  /** The window in parts of one status each, or else one queue, or one source, whichever it is not cut by yet and tells tickets apart; none when nothing does. */
  cut(window: Window): readonly Window[] {
    const { statusIds, queueId, source } = window.filter ?? {};
    const withFilter = (filter: PageFilter): Window => ({
      ...window,
      filter: { ...window.filter, ...filter },
    });
    if (statusIds?.length !== 1 && this.#statuses.size > 1)
      return [...this.#statuses].map((id) => withFilter({ statusIds: [id] }));
    if (queueId === undefined && this.#queues.size > 1)
      return [...this.#queues].map((id) => withFilter({ queueId: id }));
    if (source === undefined && this.#sources.size > 1)
      return [...this.#sources].map((name) => withFilter({ source: name }));
    return [];
  }
}
