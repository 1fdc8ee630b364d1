import { expect, it } from "vitest";
import { compareContents } from "./compare-contents.ts";

const contents = (tickets: Record<string, string>) =>
  new Map(
    Object.entries(tickets).map(([id, digest]) => [id, { digest, created: "2026-11-24 09:00" }]),
  );

it("tells what is missing, stale and extra, and nothing of what agrees", () => {
  const source = contents({ 1: "a", 2: "b", 3: "c" });
  const held = contents({ 1: "a", 2: "old", 4: "d" });
  expect(
    compareContents(source, held, "log").map(({ ticketId, what }) => `${ticketId} ${what}`),
  ).toEqual(["2 stale", "3 missing", "4 extra"]);
  expect(compareContents(source, source, "lake")).toEqual([]);
});

it("leaves out what cannot be compared", () => {
  const held = contents({ 2: "old" });
  expect(
    compareContents(contents({ 1: "a", 2: "b" }), held, "lake", (id) => id === "1"),
  ).toMatchObject([{ ticketId: "1", what: "missing" }]);
});
