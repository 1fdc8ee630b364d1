import { encodeJson, type LogBatch } from "@thulium-stream/contracts";
import { describe, expect, it } from "vitest";
import { exampleRecord } from "../store/example-record.ts";
import { foldedToHeader, foldHeader } from "../store/metrics-store.ts";
import { appliedOf, flushName } from "./follow-figures.ts";

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
