import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { settingsTableMarkdown } from "./settings-table-markdown.ts";

/** A table without the padding that a formatter gives it. */
const cells = (table: string) => table.replace(/ +/g, " ").replace(/-{3,}/g, "---");

it("the README's table is the one that the settings make", () => {
  const readme = readFileSync(new URL("../../../../README.md", import.meta.url), "utf8");
  const [, shown = ""] =
    /<!-- settings:begin[^>]*-->\n([\s\S]*?)\n<!-- settings:end -->/.exec(readme) ?? [];
  expect(cells(shown)).toBe(cells(settingsTableMarkdown()));
});
