import { HttpProblem } from "@thulium-stream/runtime";
import { z } from "zod";
import type { MetricsView } from "../metrics-view.ts";
import { ticketAnswer, ticketsAnswer } from "./answer-schemas.ts";
import { answersOf } from "./documented.ts";
import { filterOf, noQuery, ticketsQuery } from "./query-schemas.ts";
import { linkNext, sendCsv, sendJson } from "./send-answer.ts";
import type { ZodApp } from "./zod-provider.ts";

const ticketPath = z.strictObject({
  id: z.string().regex(/^\d{1,20}$/, "must be a ticket's number"),
});

/** Open tickets, and the figures of one ticket. */
export function addTicketRoutes(app: ZodApp, view: MetricsView): void {
  addOpenTickets(app, view);
  const schema = {
    summary: "Figures of one ticket, with the vendor's own beside them",
    params: ticketPath,
    querystring: noQuery,
    response: answersOf("The ticket", ticketAnswer, {
      missing: "There is no such ticket, or it was deleted",
    }),
  };
  app.get("/api/v1/tickets/:id", { schema }, async (request, reply) => {
    const ticket = view.ticket(request.params.id);
    if (ticket === null)
      throw new HttpProblem(404, "There is no ticket of this id, or it was deleted.", {
        field: "id",
        rule: "must be the id of a ticket that is held",
      });
    const vendor = view.vendorDifferences(request.params.id);
    return sendJson(request, reply, view.freshness(), { ticket, vendor });
  });
}

function addOpenTickets(app: ZodApp, view: MetricsView): void {
  const schema = {
    summary: "Open tickets, the oldest first",
    querystring: ticketsQuery,
    response: answersOf("A page of open tickets", ticketsAnswer, { csv: true }),
  };
  app.get("/api/v1/tickets", { schema }, async (request, reply) => {
    const { offset, limit, format } = request.query;
    const { total, tickets } = view.slowestOpen(filterOf(request.query), { offset, limit });
    const lines = tickets.map(
      ({ ticket_id, subject, queue, category, source, agent, status, created_at }) => ({
        ticket_id,
        subject,
        queue,
        category,
        source,
        agent,
        status,
        created_at,
      }),
    );
    const page = { offset, limit, total };
    linkNext(request, reply, page);
    const freshness = view.freshness();
    if (format === "csv") return sendCsv(request, reply, freshness, lines);
    return sendJson(request, reply, freshness, { tickets: lines, page });
  });
}
