import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { settingsTableMarkdown } from "./settings-table-markdown.ts";

it("the README's table is the one that the settings make", () => {
  const readme = readFileSync(new URL("../../../../README.md", import.meta.url), "utf8");
  const [, shown = ""] =
    /<!-- settings:begin[^>]*-->\n([\s\S]*?)\n<!-- settings:end -->/.exec(readme) ?? [];
  expect(shown).toBe(settingsTableMarkdown());
});
