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

it("gives the same run for the same seed", async () => {
  expect(await simulate(2)).toEqual(await simulate(2));
}, 120_000);
