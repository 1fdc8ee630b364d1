import { instantOf, type TicketMetrics } from "@thulium-stream/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Aggregate, Distribution } from "./aggregate.ts";
import { blockRows, FigureTable } from "./figure-table.ts";
import { type ScannedGroup, scanTable } from "./scan-table.ts";
import type { Stretches } from "./stretches.ts";
import { tableRowOf } from "./table-row.ts";

const startS = Date.parse("2026-11-01T00:00:00.000Z") / 1000;
const hourS = 3600;
/** Days of unequal length, as clock changes make them. */
const endsS = [23, 47, 72, 97, 121].map((hours) => startS + hours * hourS);

/** A clock, and when it runs out, in hours after the creation; null = never. */
const standing = fc.option(
  fc.record({
    state: fc.constantFrom("met", "breached", "running"),
    due: fc.option(fc.integer({ min: 0, max: 60 })),
  }),
);

/** A ticket in hours since some time before the stretches; lists are in order. */
const ticket = fc
  .record({
    id: fc.integer({ min: 1, max: 30 }),
    created: fc.integer({ min: -40, max: 130 }),
    steps: fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 5 }),
    responded: fc.option(fc.integer({ min: 0, max: 60 })),
    answers: fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 3 }),
    learntLate: fc.integer({ min: 0, max: 100 }),
    queue: fc.constantFrom(null, "a", "b"),
    agent: fc.constantFrom(null, "x", "y"),
    sla: fc.tuple(standing, standing, standing),
    deleted: fc.boolean(),
  })
  .map(metricsOf);
type Line = ReturnType<typeof metricsOf>;

function metricsOf(told: {
  id: number;
  created: number;
  steps: number[];
  responded: number | null;
  answers: number[];
  learntLate: number;
  queue: string | null;
  agent: string | null;
  sla: readonly ({ readonly state: string; readonly due: number | null } | null)[];
  deleted: boolean;
}): TicketMetrics {
  const at = (hours: number) => instantOf((startS + hours * hourS) * 1000);
  let hours = told.created;
  const turns = told.steps.map((step) => {
    hours += step;
    return hours;
  });
  const open: { from: string; to: string | null }[] = [{ from: at(told.created), to: null }];
  for (const [place, turn] of turns.entries()) {
    const last = open.at(-1);
    if (place % 2 === 0 && last !== undefined) last.to = at(turn);
    else open.push({ from: at(turn), to: null });
  }
  const isOpen = open.at(-1)?.to === null;
  const closed = isOpen ? null : (turns.at(-1) ?? null);
  const since = (end: number | null) => (end === null ? null : (end - told.created) * hourS);
  const half = (seconds: number | null) => (seconds === null ? null : Math.floor(seconds / 2));
  const responded = told.responded === null ? null : told.created + told.responded;
  const known = (end: number | null) => (end === null ? null : at(end + told.learntLate));
  const clockOf = (clock: number) => {
    const { state, due } = told.sla[clock] ?? { state: null, due: null };
    const due_at = due === null ? null : at(told.created + due);
    return state === null ? null : { state, target_s: 1, is_business: false, due_at, left_s: null };
  };
  return {
    ticket_id: String(told.id),
    rules_id: "r",
    as_of: at(200),
    queue: told.queue,
    agent: told.agent,
    category: null,
    source: null,
    status: null,
    created_at: at(told.created),
    deleted: told.deleted,
    open,
    first_response_at: responded === null ? null : at(responded),
    first_response_s: since(responded),
    first_response_business_s: half(since(responded)),
    next_responses: told.answers.map((after) => ({
      asked_at: at(told.created),
      answered_at: at(told.created + after),
      response_s: after * hourS,
      response_business_s: Math.floor((after * hourS) / 2),
    })),
    resolved_at: closed === null ? null : at(closed),
    resolution_s: since(closed),
    resolution_business_s: half(since(closed)),
    reopen_count: open.length - 1,
    sla_first_response: clockOf(0),
    sla_next_response: clockOf(1),
    sla_resolution: clockOf(2),
    created_known_at: at(told.created + told.learntLate),
    first_response_known_at: known(responded),
    resolved_known_at: known(closed),
    history: { heads: [], messages: [] },
  } as unknown as TicketMetrics;
}

const nowS = startS + 100 * hourS;
const tickets = fc.array(ticket, { maxLength: 40 });

describe("scanning the columns", () => {
  it("gives what counting the tickets one by one gives, percentiles within 1 % (property)", () => {
    fc.assert(
      fc.property(
        tickets,
        fc.constantFrom([], ["queue"], ["queue", "agent"] as const),
        (lines, by) => {
          const { table, newest } = filled(lines);
          const groups: readonly ("queue" | "agent")[] = by;
          const found = scanTable(table, { stretches: { startS, endsS }, groups, where: {}, nowS });
          for (const group of found) {
            const own = newest.filter((line) =>
              groups.every((name, at) => line[name] === group.key[at]),
            );
            expectTotals(group, own);
          }
          const seen = new Set(found.map(({ key }) => JSON.stringify(key)));
          for (const line of newest)
            if (secondsOf(line.created_at) < (endsS.at(-1) ?? 0))
              expect(seen).toContain(JSON.stringify(groups.map((name) => line[name])));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("looks only at tickets that have the values asked for (property)", () => {
    fc.assert(
      fc.property(tickets, fc.constantFrom(null, "a", "c"), (lines, queue) => {
        const { table, newest } = filled(lines);
        const where = { queue };
        const [all] = scanTable(table, { stretches: { startS, endsS }, groups: [], where, nowS });
        if (all === undefined) throw new Error("no totals");
        expectTotals(
          all,
          newest.filter((line) => line.queue === queue),
        );
      }),
    );
  });
});

describe("scanning one stretch", () => {
  it("keeps what blocks of rows come to, until a row changes or a clock runs out (property)", () => {
    const bound = fc.integer({ min: -60, max: 320 });
    const question = fc.record({ from: bound, length: fc.integer({ min: 1, max: 400 }) });
    const rounds = fc.array(fc.record({ lines: tickets, asked: question }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(rounds, (told) => {
        const table = new FigureTable();
        const newest = new Map<string, Line>();
        let now = nowS;
        for (const { lines, asked } of told) {
          put(table, newest, lines);
          now += 20 * hourS;
          const from = startS + asked.from * hourS;
          const stretches = { startS: from, endsS: [from + asked.length * hourS] };
          const kept = [...newest.values()].filter(({ deleted }) => !deleted);
          // The second answer comes from what the first one kept.
          for (let time = 0; time < 2; time += 1) {
            const [all] = scanTable(table, { stretches, groups: [], where: {}, nowS: now });
            if (all === undefined) throw new Error("no totals");
            expectTotals(all, kept, stretches, now);
          }
          const halves = { startS: from, endsS: [from + hourS, ...stretches.endsS] };
          const where = {};
          for (const group of scanTable(table, {
            stretches: asked.length > 1 ? halves : stretches,
            groups: ["queue"],
            where,
            nowS: now,
          }))
            expectTotals(
              group,
              kept.filter(({ queue }) => queue === group.key[0]),
              asked.length > 1 ? halves : stretches,
              now,
            );
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** A ticket of which nothing is told but what is given. */
function lineOf(told: Partial<Parameters<typeof metricsOf>[0]>): Line {
  return metricsOf({
    ...{ id: 1, created: 0, steps: [], responded: null, answers: [], learntLate: 0 },
    ...{ queue: null, agent: null, sla: [null, null, null], deleted: false },
    ...told,
  });
}

/** The only stretch's aggregate of all tickets. */
function aggregateOf(table: FigureTable, hours: number, now = nowS): Aggregate {
  const stretches = { startS, endsS: [startS + hours * hourS] };
  const [all] = scanTable(table, { stretches, groups: [], where: {}, nowS: now });
  const [total] = all?.totals ?? [];
  if (total === undefined) throw new Error("no totals");
  return total.result();
}

it("counts a clock that runs out as a breach, though no ticket has changed", () => {
  const running = { state: "running", due: 10 };
  const { table } = filled([lineOf({ sla: [running, null, null] })]);
  const breachedAt = (hours: number) =>
    aggregateOf(table, 400, startS + hours * hourS).sla.first_response.breached;
  expect([breachedAt(5), breachedAt(9), breachedAt(11)]).toEqual([0, 0, 1]);
});

it("counts no ticket as open that was closed then, however it was reopened later", () => {
  const { table } = filled([lineOf({ steps: [10, 50] })]);
  expect([5, 30, 70].map((hours) => aggregateOf(table, hours).backlog)).toEqual([1, 0, 1]);
});

it("passes over blocks of which all lies before the stretches, but for their open tickets", () => {
  const lines = Array.from({ length: 3 * blockRows }, (_, at) => {
    const block = Math.floor(at / blockRows);
    const queue = at % 2 === 0 ? "a" : "b";
    // All closed; one of ten open; of the newest block one of ten closed only in the stretches.
    const steps = at % 10 > 0 || block === 0 ? [5] : block === 1 ? [] : [200];
    return lineOf({ id: at, created: -100 + block * 10, queue, steps, responded: 3 });
  });
  const { table } = filled(lines);
  const fresh = filled(lines).table;
  const stretches = { startS, endsS: [1, 50, 120, 130].map((hours) => startS + hours * hourS) };
  aggregateOf(table, 1);
  expect(table.blocks.filter((block) => block !== undefined)).toHaveLength(3);
  const whole = { startS: startS - 200 * hourS, endsS: [startS + 400 * hourS] };
  for (const asked of [stretches, whole])
    for (const groups of [[], ["queue"], ["queue", "agent"]] as const) {
      const resultsOf = (from: FigureTable) =>
        scanTable(from, { stretches: asked, groups, where: { source: null }, nowS }).map(
          ({ totals, ...group }) => ({
            ...group,
            results: totals.map((total) => total.result()),
          }),
        );
      expect(resultsOf(table)).toEqual(resultsOf(fresh));
    }
});

it("finds breaches that lie later than anything else of a block that is kept, also of clocks that ran out since", () => {
  const clocks = (state: string) => [{ state, due: 60 }, null, null];
  for (const state of ["breached", "running"]) {
    const { table } = filled([lineOf({ sla: clocks(state) })]);
    aggregateOf(table, 400, startS + 50 * hourS);
    const breached = [
      [40, 50],
      [55, 70],
      [55, 58, 70],
    ].map(([from = 0, ...ends]) => {
      const stretches = {
        startS: startS + from * hourS,
        endsS: ends.map((hours) => startS + hours * hourS),
      };
      const options = { stretches, where: {}, nowS: startS + 65 * hourS };
      const [all] = scanTable(table, { ...options, groups: ["queue"] });
      return all?.totals.at(-1)?.result().sla.first_response.breached;
    });
    expect(breached).toEqual([0, 1, 1]);
    expect(aggregateOf(table, 55, startS + 65 * hourS).sla.first_response.breached).toBe(0);
  }
});

it("leaves out answers that came later than anything else of their block", () => {
  const { table } = filled([lineOf({ answers: [5, 60] })]);
  expect([30, 70].map((hours) => aggregateOf(table, hours).next_response.count)).toEqual([1, 2]);
});

it("gathers more cells than fit into memory at once in several passes, with the same result", () => {
  const lines = Array.from({ length: 90 }, (_, at) =>
    lineOf({
      ...{ id: at, created: at, steps: [200], responded: at % 7, answers: [at % 5, 300] },
      ...{ queue: ["a", "b", null][at % 3] ?? null, sla: [{ state: "met", due: 9 }, null, null] },
    }),
  );
  const { table, newest } = filled(lines);
  const stretches = { startS, endsS: Array.from({ length: 5000 }, (_, at) => startS + at * 900) };
  const groups = scanTable(table, { stretches, groups: ["queue"], where: {}, nowS });
  expect(groups.map(({ key, rows }) => [...key, rows])).toEqual([
    ["a", 30],
    ["b", 30],
    [null, 30],
  ]);
  for (const { key, totals } of groups) {
    const where = { queue: key[0] ?? null };
    const [alone] = scanTable(table, { stretches, groups: [], where, nowS });
    const results = totals.map((total) => total.result());
    expect(results).toEqual(alone?.totals.map((total) => total.result()));
    const own = newest.filter(({ queue }) => queue === where.queue);
    expect(results.reduce((sum, { created }) => sum + created, 0)).toBe(own.length);
  }
});

/** A table into which lines were put one after the other, and the newest line of each ticket that is not deleted. */
function filled(lines: readonly Line[]) {
  const table = new FigureTable();
  const newest = new Map<string, Line>();
  put(table, newest, lines);
  return { table, newest: [...newest.values()].filter(({ deleted }) => !deleted) };
}

function put(table: FigureTable, newest: Map<string, Line>, lines: readonly Line[]): void {
  for (const line of lines) {
    table.set(line.ticket_id, tableRowOf(line), 0);
    newest.set(line.ticket_id, line);
  }
}

function expectTotals(
  group: ScannedGroup,
  lines: readonly Line[],
  stretches: Stretches = { startS, endsS },
  now = nowS,
): void {
  let fromS = stretches.startS;
  for (const [place, endS] of stretches.endsS.entries()) {
    const result = group.totals[place]?.result();
    if (result === undefined) throw new Error("no totals");
    expectAggregate(result, lines, { fromS, endS, now });
    fromS = endS;
  }
}

function expectAggregate(
  found: Aggregate,
  lines: readonly Line[],
  { fromS, endS, now }: { readonly fromS: number; readonly endS: number; readonly now: number },
) {
  const isIn = (instant: string | null) =>
    instant !== null && secondsOf(instant) >= fromS && secondsOf(instant) < endS;
  const closed = lines.filter(({ resolved_at }) => isIn(resolved_at));
  const responded = lines.filter(({ first_response_at }) => isIn(first_response_at));
  const created = lines.filter(({ created_at }) => isIn(created_at));
  const answers = lines.flatMap(({ next_responses }) =>
    next_responses.filter(({ answered_at }) => isIn(answered_at)),
  );
  const shareOf = (
    name: "sla_first_response" | "sla_next_response" | "sla_resolution",
    done: (line: Line) => string | null,
  ) => {
    const ended = lines.flatMap((line) => {
      const clock = line[name];
      if (clock === null) return [];
      const isOver = clock.due_at !== null && secondsOf(clock.due_at) <= now;
      if (clock.state === "running" && !isOver) return [];
      return isIn(done(line) ?? clock.due_at) ? [clock.state] : [];
    });
    const met = ended.filter((state) => state === "met").length;
    return { met, breached: ended.length - met };
  };
  const late = [
    ...created.map(({ created_known_at }) => created_known_at),
    ...responded.map(({ first_response_known_at }) => first_response_known_at),
    ...closed.map(({ resolved_known_at }) => resolved_known_at),
  ]
    .map(secondsOf)
    .filter((known) => known >= endS);
  expect(found).toMatchObject({
    created: created.length,
    closed: closed.length,
    reopened: closed.reduce((sum, { reopen_count }) => sum + reopen_count, 0),
    backlog: lines.filter(({ open }) =>
      open.some(({ from, to }) => secondsOf(from) < endS && (to === null || secondsOf(to) >= endS)),
    ).length,
    version: 1 + late.length,
    corrected_at: late.length === 0 ? null : instantOf(Math.max(...late) * 1000),
    reopen_rate:
      closed.length === 0
        ? null
        : closed.filter(({ reopen_count }) => reopen_count > 0).length / closed.length,
    sla: {
      first_response: shareOf("sla_first_response", (line) => line.first_response_at),
      next_response: shareOf("sla_next_response", () => null),
      resolution: shareOf("sla_resolution", (line) => line.resolved_at),
    },
  });
  expectDistribution(
    found.first_response,
    responded.map(({ first_response_s }) => first_response_s),
  );
  expectDistribution(
    found.first_response_business,
    responded.map(({ first_response_business_s }) => first_response_business_s),
  );
  expectDistribution(
    found.next_response,
    answers.map(({ response_s }) => response_s),
  );
  expectDistribution(
    found.next_response_business,
    answers.map(({ response_business_s }) => response_business_s),
  );
  expectDistribution(
    found.resolution,
    closed.map(({ resolution_s }) => resolution_s),
  );
  expectDistribution(
    found.resolution_business,
    closed.map(({ resolution_business_s }) => resolution_business_s),
  );
}

function expectDistribution(found: Distribution, values: readonly (number | null)[]): void {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  expect(found.count).toBe(sorted.length);
  expect(found.histogram.reduce((sum, count) => sum + count, 0)).toBe(sorted.length);
  if (sorted.length === 0) return;
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  expect(found.mean_s).toBe(Math.round(mean));
  for (const [share, value] of [
    [0.5, found.p50_s],
    [0.9, found.p90_s],
    [0.99, found.p99_s],
  ] as const) {
    const exact = sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
    expect(Math.abs((value ?? 0) - exact)).toBeLessThanOrEqual(exact * 0.01 + 0.5);
  }
}

function secondsOf(instant: string | null): number {
  return instant === null ? Number.NaN : Date.parse(instant) / 1000;
}
