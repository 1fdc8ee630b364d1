import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { mutants } from "./mutants.ts";

const root = new URL("../../../", import.meta.url);

it.each(mutants)("the mistake $name still fits the built code", ({ edits }) => {
  for (const { file, find } of edits) {
    const places = readFileSync(new URL(file, root), "utf8").split(find).length - 1;
    expect({ file, find, places }).toEqual({ file, find, places: 1 });
  }
});

it("each mistake has a name of its own", () => {
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
});
