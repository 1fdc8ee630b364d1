import { type Delivery, type EventLog, encodeJson, type LogBatch } from "@thulium-stream/contracts";
import { describe, expect, it } from "vitest";
import { exampleRecord } from "../store/example-record.ts";
import { foldedToHeader, foldHeader, type MetricsStore } from "../store/metrics-store.ts";
import { appliedOf, flushName, followFigures } from "./follow-figures.ts";

function batchOf(fold: string): LogBatch {
  const value = encodeJson(exampleRecord("1", "Nowe"));
  return {
    kind: "batch",
    topic: "ticket-metrics",
    partition: 0,
    records: [
      {
        topic: "ticket-metrics",
        partition: 0,
        position: 4,
        key: "acme:1",
        value,
        headers: { [foldHeader]: fold, [foldedToHeader]: '{"ticket-events":9}' },
        appendedAtMs: 0,
      },
    ],
    nextPosition: 5,
    endPosition: 5,
  };
}

describe("appliedOf", () => {
  const taken = (fold: string, foldIds: ReadonlyMap<string, number>) =>
    appliedOf(batchOf(fold), "acme", foldIds).records.map(({ ticketId }) => ticketId);

  it("leaves out what this process wrote and its store has", () => {
    expect(taken(flushName("own", 3), new Map([["own", 3]]))).toEqual([]);
    expect(taken(flushName("own", 2), new Map([["own", 3]]))).toEqual([]);
  });

  it("takes over what this process appended and its store does not have yet: it may be killed before", () => {
    expect(taken(flushName("own", 4), new Map([["own", 3]]))).toEqual(["1"]);
    expect(taken(flushName("own", 1), new Map([["own", 0]]))).toEqual(["1"]);
  });

  it("takes over what others wrote, and records of folds whose append failed", () => {
    expect(taken(flushName("other", 1), new Map([["own", 3]]))).toEqual(["1"]);
    expect(taken("foreign", new Map([["own", 3]]))).toEqual(["1"]);
  });
});

it("counts as caught up only when what was there at the start is taken over, not when nothing came for a while", async () => {
  let position = 0;
  const caughtUp: number[] = [];
  const over = new AbortController();
  const deliveries: Delivery[] = [{ kind: "idle" }, batchOf("other.1"), { kind: "idle" }];
  const reader = {
    next: async () => deliveries.shift() ?? over.signal.throwIfAborted() ?? { kind: "idle" },
    close: async () => {},
  };
  const log = {
    ends: async () => [{ topic: "ticket-metrics", partition: 0, earliest: 0, end: 5 }],
    openReader: async () => reader,
  } as unknown as EventLog;
  const store = {
    position: () => position,
    caughtUp: async () => {
      caughtUp.push(position);
      over.abort();
    },
    apply: async () => {
      position = 5;
      return 1;
    },
  } as unknown as MetricsStore;
  const deps = { log, store, system: "acme", foldIds: new Map(), now: () => 0, onChange: () => {} };
  await expect(followFigures(deps, over.signal, { toEnd: false })).rejects.toThrow();
  expect(caughtUp).toEqual([5]);
});
