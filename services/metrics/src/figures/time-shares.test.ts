import { instantOf, type TicketHistory, ticketMetrics } from "@thulium-stream/contracts";
import { expect, it } from "vitest";
import { createFigureRules } from "../rules/figure-rules.ts";
import { noMetricsSettings } from "../rules/metrics-settings.ts";
import { ticketMetricsOf } from "./ticket-metrics-of.ts";

const rules = createFigureRules({
  zone: "Europe/Warsaw",
  closedStatuses: ["Zamknięte"],
  automaticLogins: [],
  businessHours: "Mon-Fri 08:00-16:00",
  holidays: "PL",
  slaFirstResponseS: 3600,
  slaResolutionS: 86_400,
  file: noMetricsSettings,
});

it("durations are whole seconds, and still add up, when a ticket was seen between two", () => {
  const createdMs = Date.parse("2026-11-23T08:00:00.000Z");
  const seen = [createdMs + 100_499, createdMs + 7_300_501, createdMs + 9_999_999];
  const head = (version: number, status: string) => ({
    version,
    through: version,
    at: instantOf(seen[version - 1] ?? 0),
    is_observation: true,
    observed_at: instantOf(seen[version - 1] ?? 0),
    last_observed_at: instantOf(seen[version - 1] ?? 0),
    deleted: false,
    unlisted: false,
    status_id: null,
    status,
    queue_id: null,
    queue: null,
    category: null,
    source: null,
    agent: null,
    priority: null,
    subject: null,
    customer_id: null,
    created_at: instantOf(createdMs),
    closed_at: null,
    updated_at: null,
    vendor_responded_at: null,
    vendor_first_response_s: null,
    vendor_close_s: null,
    steps: [],
  });
  const history = {
    heads: [head(1, "Nowe"), head(2, "Oczekuje na klienta"), head(3, "Odłożone")],
    messages: [],
  } as unknown as TicketHistory;
  for (const late of [1, 499, 500, 777]) {
    const asOfMs = createdMs + 20_000_000 + late;
    const metrics = ticketMetricsOf(history, { system: "acme", ticketId: "1", rules, asOfMs });
    const fractions = Object.entries(metrics ?? {}).filter(
      ([, value]) => typeof value === "number" && !Number.isInteger(value),
    );
    expect(fractions).toEqual([]);
    expect(ticketMetrics.omit({ history: true }).safeParse(metrics).error?.issues ?? []).toEqual(
      [],
    );
    expect(metrics?.open_s).toBe(
      (metrics?.requester_wait_s ?? 0) + (metrics?.agent_wait_s ?? 0) + (metrics?.on_hold_s ?? 0),
    );
  }
});
