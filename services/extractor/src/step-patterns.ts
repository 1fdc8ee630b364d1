import { readFileSync } from "node:fs";
import { Failure, kinds } from "@thulium-stream/contracts";
import { z } from "zod";
import type { StepPattern } from "./observation-context.ts";

const fileSchema = z.array(
  z.strictObject({
    kind: z.enum(kinds),
    pattern: z
      .string()
      .refine(isPattern, "must be a regular expression")
      .refine(
        (text) => text.includes("(?<from>") && text.includes("(?<to>"),
        "must have the named groups from and to",
      ),
  }),
);

/**
 * Reads the file that STEP_PATTERNS names: wordings of `system_comment` lines, tried in turn, as JSON `[{"kind": "status_changed", "pattern": "… (?<from>…) … (?<to>…)"}]`.
 * @throws Failure `InvalidSettings` naming the file, the entry and the rule.
 */
export function readStepPatterns(path: string): readonly StepPattern[] {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new Failure(
      "InvalidSettings",
      `STEP_PATTERNS=${path}: must name a readable JSON file (${(cause as Error).message})`,
      { cause },
    );
  }
  const parsed = fileSchema.safeParse(content);
  if (parsed.success)
    return parsed.data.map(({ kind, pattern }) => ({ kind, pattern: new RegExp(pattern, "u") }));
  const lines = parsed.error.issues.map(({ path: at, message }) => `  ${at.join(".")}: ${message}`);
  throw new Failure(
    "InvalidSettings",
    `STEP_PATTERNS=${path} breaks its rules:\n${lines.join("\n")}`,
  );
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text, "u");
    return true;
  } catch {
    return false;
  }
}
