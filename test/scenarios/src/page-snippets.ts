import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The blocks of a language under a heading of a page, whose path is from the root, in their order. @throws Error when there is none. */
export function snippetsOf(page: string, heading: string, language: string): readonly string[] {
  const text = readFileSync(join(import.meta.dirname, "../../..", page), "utf8");
  const section = text.split(/^##+ /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
  const blocks = [...section.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "gm"))];
  if (blocks.length === 0) throw new Error(`${page} has no ${language} under ${heading}`);
  return blocks.map(([, block = ""]) => block.trim());
}
