import { type DateBounds, Failure, type PageRequest } from "@thulium-stream/contracts";
import { ManualClock, ScriptedSource, seededRandom } from "@thulium-stream/kit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Window } from "./page-rule.ts";
import { readWindow } from "./read-window.ts";

const byUpdate: Window = { by: "update_date", bounds: { from: null, to: null } };
const minute = (n: number) =>
  `2026-11-23 ${String(8 + Math.floor(n / 60)).padStart(2, "0")}:${String(n % 60).padStart(2, "0")}`;

function sourceOf(
  count: number,
  seed: number,
  minutes: (n: number) => { created: number; updated: number },
) {
  const source = new ScriptedSource(new ManualClock(), seededRandom(seed));
  for (let n = 0; n < count; n += 1) {
    const { created, updated } = minutes(n);
    source.put({
      ticket_id: String(n),
      created_at_raw: minute(created),
      updated_at_raw: minute(updated),
    });
  }
  return source;
}

async function read(source: ScriptedSource, window: Window, pageSize: number) {
  const ids = new Set<string>();
  const holes: string[] = [];
  const windows: DateBounds[] = [];
  for await (const step of readWindow((request) => source.listTickets(request), window, pageSize)) {
    if (step.kind === "page") for (const { ticket } of step.page.rows) ids.add(ticket.ticket_id);
    if (step.kind === "hole") {
      holes.push(step.hole.failure.code);
      windows.push(step.hole.window.bounds);
    }
  }
  return { ids, holes, windows };
}

describe("reading a window", () => {
  it("E1: loses no ticket that stood still while others changed and vanished, ties shuffled (property)", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 1e9 }),
        fc.integer({ min: 3, max: 10 }),
        async (seed, pageSize) => {
          const random = seededRandom(seed);
          const source = sourceOf(120, seed, () => ({
            created: Math.floor(random() * 300),
            updated: Math.floor(random() * 40),
          }));
          source.showsNeighbours = random() < 0.5;
          const touched = new Set<string>();
          source.afterEach = () => {
            for (let change = 0; change < 2; change += 1) {
              const id = String(Math.floor(random() * 120));
              touched.add(id);
              if (random() < 0.3) source.tickets.delete(id);
              else if (source.tickets.has(id) && source.requests < 300)
                source.put({ ticket_id: id, updated_at_raw: minute(400 + source.requests) });
            }
          };
          const { ids, holes } = await read(
            source,
            { ...byUpdate, bounds: { from: null, to: minute(300) } },
            pageSize,
          );
          const lost = Array.from({ length: 120 }, (_, n) => String(n)).filter(
            (id) => !touched.has(id) && !ids.has(id),
          );
          expect({ lost, holes }).toEqual({ lost: [], holes: [] });
        },
      ),
      { numRuns: 60 },
    );
  });

  it("E9: leaves out what it read of the minute before, and proves by the first row that it left out no more", async () => {
    const offsets: number[] = [];
    const source = sourceOf(300, 1, (n) => ({ created: Math.floor(n / 3), updated: 0 }));
    source.showsNeighbours = true;
    source.afterEach = ({ offset }) => offsets.push(offset);
    const byCreation: Window = { by: "create_date", bounds: { from: null, to: null } };
    expect((await read(source, byCreation, 20)).ids.size).toBe(300);
    // 20 rows of which one is the proof and up to three are the last minute's, which ties make unsure.
    expect(offsets.length).toBeLessThanOrEqual(Math.ceil(300 / 16));
    expect(new Set(offsets)).toEqual(new Set([0, 2]));
  });

  it.each([
    [350, 100],
    [5000, 100],
    [101, 100],
    [100, 100],
  ])(
    "reads %d tickets of one minute, created at different ones, %d a page",
    async (count, pageSize) => {
      const source = sourceOf(count, count, (n) => ({ created: n % 700, updated: 5 }));
      expect((await read(source, byUpdate, pageSize)).ids.size).toBe(count);
    },
  );

  it("reads 350 tickets that share both minutes by repeated passes", async () => {
    const source = sourceOf(350, 7, () => ({ created: 3, updated: 5 }));
    const { ids, holes } = await read(source, byUpdate, 100);
    expect([ids.size, holes]).toEqual([350, []]);
    expect(source.requests).toBeLessThanOrEqual(80);
  });

  it("cuts 1,000 tickets that share both minutes by status, queue and source, with a proof for each part", async () => {
    const source = sourceOf(1000, 7, () => ({ created: 3, updated: 5 }));
    for (let n = 0; n < 1000; n += 1)
      source.put({
        ticket_id: String(n),
        status_id: String(n % 5),
        ticket_queue_id: String(n % 7),
        // Some have no source: they are no part of their own.
        source: n % 4 === 0 ? null : `source ${n % 3}`,
      });
    const parts = new Set<string>();
    source.afterEach = ({ filter }) => parts.add(Object.keys(filter ?? {}).join());
    const { ids, holes } = await read(source, byUpdate, 20);
    expect([ids.size, holes]).toEqual([1000, []]);
    expect(parts).toEqual(
      new Set(["", "statusIds", "statusIds,queueId", "statusIds,queueId,source"]),
    );
    // Passes alone are given up after 20 times the 50 pages.
    expect(source.requests).toBeLessThan(1000);
  });

  it("adds the parts up: a status that no pass had shown is found all the same", async () => {
    const source = sourceOf(300, 7, () => ({ created: 3, updated: 5 }));
    for (let n = 0; n < 300; n += 1)
      source.put({ ticket_id: String(n), status_id: n === 299 ? "rare" : String(n % 3) });
    let isHidden = true;
    const ask = async (request: PageRequest) => {
      const page = await source.listTickets(request);
      const rows = page.rows.filter(({ ticket }) => !isHidden || ticket.status_id !== "rare");
      isHidden = isHidden && request.filter === undefined;
      return { ...page, rows };
    };
    const ids = new Set<string>();
    for await (const step of readWindow(ask, byUpdate, 100))
      if (step.kind === "page") for (const { ticket } of step.page.rows) ids.add(ticket.ticket_id);
    expect(ids.size).toBe(300);
  });

  it("reads 5,000 tickets that were edited in one minute, ties shuffled with every request", async () => {
    const source = sourceOf(5000, 11, (n) => ({ created: n % 700, updated: 800 }));
    const { ids, holes } = await read(source, byUpdate, 100);
    expect([ids.size, holes]).toEqual([5000, []]);
    // Every page but the last of each created minute is read once, and its last minute again.
    expect(source.requests).toBeLessThan(60);
  });

  it("leaps over a stretch of time that always fails, and tells it as one hole", async () => {
    const source = sourceOf(200, 3, (n) => ({ created: n, updated: n }));
    const isBroken = (id: string) => Number(id) >= 60 && Number(id) < 90;
    source.failWith = (request) =>
      source.wouldShow(request).some(isBroken) ? new Failure("InvalidResponse", "broken") : null;
    const { ids, windows } = await read(source, byUpdate, 20);
    expect(windows).toEqual([{ from: minute(60), to: minute(91) }]);
    expect([...ids].filter(isBroken)).toEqual([]);
    // Ticket 90 could be read, but nothing shows where the trouble ends: it is read with the hole.
    expect(ids.size).toBe(169);
    source.failWith = () => null;
    const [hole] = windows;
    const again = await read(source, { by: "update_date", bounds: hole as never }, 20);
    expect([...again.ids].filter(isBroken)).toHaveLength(30);
    expect(again.ids.has("90")).toBe(true);
  });

  it("E4: an endless minute becomes a hole, not an endless loop", async () => {
    const source = sourceOf(300, 7, () => ({ created: 3, updated: 5 }));
    const lying = async (request: PageRequest) => ({
      ...(await source.listTickets(request)),
      count: 9999,
    });
    const steps: string[] = [];
    for await (const step of readWindow(lying, byUpdate, 100)) steps.push(step.kind);
    expect(steps.filter((kind) => kind === "hole")).toHaveLength(1);
    expect(steps.length).toBeLessThan(2100);
  });

  it("steps over one ticket that always fails, and reads everything else", async () => {
    const source = sourceOf(250, 3, (n) => ({ created: n, updated: n }));
    const poison = "77";
    const ask = async (request: PageRequest) => {
      const page = await source.listTickets(request);
      if (page.rows.some(({ ticket }) => ticket.ticket_id === poison))
        throw new Failure("Unavailable", "500", { status: 500 });
      return page;
    };
    const ids = new Set<string>();
    let holes = 0;
    for await (const step of readWindow(ask, byUpdate, 100)) {
      if (step.kind === "page") for (const { ticket } of step.page.rows) ids.add(ticket.ticket_id);
      if (step.kind === "hole") holes += 1;
    }
    expect(ids.size).toBe(249);
    expect(holes).toBeGreaterThan(0);
  });

  it("E9: costs hardly more requests than plain paging when nothing is in the way", async () => {
    const source = sourceOf(5000, 3, (n) => ({ created: 0, updated: Math.floor(n / 8) }));
    await read(source, byUpdate, 100);
    expect(source.requests).toBeLessThanOrEqual(50 * 1.1 + 1);
  });
});
