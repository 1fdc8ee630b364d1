import { readdirSync, readFileSync } from "node:fs";
import { type ChangeEvent, type TicketMetrics, ticketMetrics } from "@thulium-stream/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { emptyHistory, foldEvent } from "../history/fold-event.ts";
import { packHistory } from "../history/stored-history.ts";
import { createFigureRules, type FigureRules } from "../rules/figure-rules.ts";
import { noMetricsSettings, readMetricsSettings } from "../rules/metrics-settings.ts";
import { type FiguresWithHistory, ticketMetricsOf } from "./ticket-metrics-of.ts";
import { vendorDifferences } from "./vendor-difference.ts";
import { type Example, eventsOf, expectedOf, readExamples } from "./worked-example-child.ts";

const folder = new URL("../../test/worked-examples/", import.meta.url);
const examples = readdirSync(folder)
  .filter((name) => name.endsWith(".txt"))
  .sort()
  .flatMap((name) => readExamples(readFileSync(new URL(name, folder), "utf8")));

describe("worked examples", () => {
  it("are at least forty", () => {
    expect(examples.length).toBeGreaterThanOrEqual(40);
    expect(new Set(examples.map(({ title }) => title)).size).toBe(examples.length);
  });

  it.each(examples)("$title", (example) => {
    const metrics = figuresOf(example, eventsOf(example));
    expect(
      ticketMetrics.safeParse({ ...metrics, history: packHistory(metrics.history) }).error,
    ).toBeUndefined();
    expect(shownOf(metrics, example)).toEqual(expectedOf(example));
  });

  it.each(examples)("divides the open time without a rest: $title", (example) => {
    const metrics = figuresOf(example, eventsOf(example));
    const { requester_wait_s, agent_wait_s, on_hold_s, open_s } = metrics;
    expect((requester_wait_s ?? 0) + (agent_wait_s ?? 0) + (on_hold_s ?? 0)).toBe(open_s);
    const working = metrics.requester_wait_business_s ?? 0;
    const theirs = metrics.agent_wait_business_s ?? 0;
    expect(working + theirs + (metrics.on_hold_business_s ?? 0)).toBe(metrics.open_business_s);
  });

  it("come out the same whatever the order and however often events arrive (property)", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...examples).chain((example) => {
          const events = eventsOf(example);
          const doubled = [...events, ...events, ...events];
          return fc.record({
            example: fc.constant(example),
            arrived: fc.shuffledSubarray(doubled, { minLength: doubled.length }),
          });
        }),
        ({ example, arrived }) => {
          expect(figuresOf(example, arrived)).toEqual(figuresOf(example, eventsOf(example)));
        },
      ),
      { numRuns: 500 },
    );
  });
});

const rulesByFile = new Map<string | null, FigureRules>();

function rulesOf({ rules: file }: Example): FigureRules {
  const held = rulesByFile.get(file);
  if (held !== undefined) return held;
  const made = createFigureRules({
    zone: "Europe/Warsaw",
    closedStatuses: ["Zamknięte", "Połączone"],
    automaticLogins: ["robot"],
    businessHours: "Mon-Fri 08:00-16:00",
    holidays: "PL",
    slaFirstResponseS: null,
    slaResolutionS: null,
    file: file === null ? noMetricsSettings : readMetricsSettings(new URL(file, folder).pathname),
  });
  rulesByFile.set(file, made);
  return made;
}

function figuresOf(example: Example, events: readonly ChangeEvent[]): FiguresWithHistory {
  const rules = rulesOf(example);
  const history = events.reduce((so, event) => foldEvent(so, event, rules), emptyHistory);
  const metrics = ticketMetricsOf(history, { system: "acme", ticketId: "1", rules });
  if (metrics === null) throw new Error("the example has no head");
  return metrics;
}

/** The figures that an example names, and none besides the history and what the head says now. */
function shownOf(metrics: FiguresWithHistory, example: Example): object {
  const {
    system: _1,
    ticket_id: _2,
    rules_id: _3,
    as_of: _4,
    subject: _5,
    customer_id: _6,
    queue_id: _7,
    queue: _8,
    category: _9,
    source: _10,
    agent: _11,
    status: _12,
    priority: _13,
    created_at: _14,
    open: _15,
    first_response_at: _16,
    first_resolved_at: _17,
    resolved_at: _18,
    created_known_at: _19,
    first_response_known_at: _20,
    resolved_known_at: _21,
    history: _22,
    ...figures
  } = metrics;
  const differences = example.history.some(({ options }) => options["vendor"] !== undefined)
    ? vendorDifferences(metrics).map(({ figure, reason }) => `${figure} ${reason}`)
    : [];
  const plain = (standing: TicketMetrics["sla_resolution"]) => {
    if (standing === null) return null;
    const { is_business: _, ...rest } = standing;
    return rest;
  };
  return {
    ...figures,
    next_responses: metrics.next_responses.map(({ response_s, response_business_s }) => [
      response_s,
      response_business_s,
    ]),
    sla_first_response: plain(metrics.sla_first_response),
    sla_next_response: plain(metrics.sla_next_response),
    sla_resolution: plain(metrics.sla_resolution),
    differences,
  };
}
