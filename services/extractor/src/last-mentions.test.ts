import { expect, it } from "vitest";
import { lastMentions } from "./last-mentions.ts";

const row = (id: string, version = 1) => ({ ticket: { ticket_id: id }, version });

it("keeps of each ticket what the last job says of it", () => {
  const jobs = [
    { job: { deletedIds: ["3"] }, rows: [row("1"), row("2")] },
    { job: { unlistedIds: ["2"] }, rows: [row("1", 2), row("3")] },
    { job: { deletedIds: ["1"] }, rows: [row("4")] },
  ];
  expect(lastMentions(jobs)).toEqual([
    { job: { deletedIds: [], unlistedIds: [] }, rows: [] },
    { job: { deletedIds: [], unlistedIds: ["2"] }, rows: [row("3")] },
    { job: { deletedIds: ["1"], unlistedIds: [] }, rows: [row("4")] },
  ]);
});
