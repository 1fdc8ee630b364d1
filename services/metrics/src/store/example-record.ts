import type { TicketMetrics } from "@thulium-stream/contracts";

/** A record of `ticket-metrics` for tests: an open ticket of which nothing happened, with what the store keeps. */
export function exampleRecord(ticketId: string, status: string): TicketMetrics {
  return {
    ticket_id: ticketId,
    rules_id: "r",
    as_of: "2026-11-23T11:00:00.000Z",
    status,
    queue: "Zwroty",
    category: null,
    source: null,
    agent: null,
    customer_id: "7",
    deleted: false,
    reopen_count: 0,
    created_at: "2026-11-20T08:00:00.000Z",
    created_known_at: "2026-11-20T08:00:15.000Z",
    open: [{ from: "2026-11-20T08:00:00.000Z", to: null }],
    first_response_at: null,
    first_response_known_at: null,
    first_response_s: null,
    first_response_business_s: null,
    resolved_at: null,
    resolved_known_at: null,
    resolution_s: null,
    resolution_business_s: null,
    sla_first_response: null,
    sla_next_response: null,
    sla_resolution: null,
    next_responses: [],
    history: { heads: [], messages: [] },
  } as unknown as TicketMetrics;
}
