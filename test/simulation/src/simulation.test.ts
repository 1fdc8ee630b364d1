import { expect, it } from "vitest";
import { simulate } from "./simulate.ts";

// A fixed set; `npm run simulate -- --seeds 1000` runs many more, `npm run simulate:mutants` proves that mistakes are caught.
it.each([1, 2, 3, 4, 5, 6, 7, 8])(
  "E1–E6 hold in the simulated world of seed %i",
  async (seed) => {
    expect((await simulate(seed)).violation).toBeNull();
  },
  120_000,
);

// A world with kills, failures and appends without an answer: the trace tells apart what the counts do not.
it("gives the same run for the same seed, request by request", async () => {
  expect(await simulate(24)).toEqual(await simulate(24));
}, 120_000);
