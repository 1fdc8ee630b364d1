import { describe, expect, it } from "vitest";
import { type SourceFile, sourceTree, withoutComments } from "./source-tree.ts";

const files = sourceTree();

/** An effect, how its use looks, and its one home. */
const effects = [
  {
    effect: "time",
    use: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bsetTimeout\(|\bsetInterval\(|"node:timers/,
    home: (path: string) =>
      path === "packages/runtime/src/clock.ts" || path.startsWith("services/metrics/dashboard/"),
    testsToo: false,
  },
  {
    effect: "randomness",
    use: /\bMath\.random\(|\brandomBytes\(|\brandomUUID\(|\bgetRandomValues\(/,
    // The lock's temporary name is no input of any decision.
    home: (path: string) =>
      ["packages/runtime/src/random.ts", "packages/runtime/src/folder-lock.ts"].includes(path),
    testsToo: false,
  },
  {
    effect: "the environment",
    use: /\bprocess\.env\b/,
    home: (path: string) => path === "packages/runtime/src/environment.ts",
    testsToo: false,
  },
  {
    effect: "the console",
    use: /\bconsole\.(log|error|warn|info|debug)\(|process\.(stdout|stderr)\.write\(/,
    home: (path: string) => path.startsWith("packages/cli/src/terminal/"),
    testsToo: false,
  },
] as const;

const isExempt = ({ path }: SourceFile) =>
  /\.test\.ts$|-(child|suite)\.ts$/.test(path) ||
  path.startsWith("test/") ||
  path.startsWith("infra/");

describe("effects live in one home", () => {
  it.each(effects)("$effect", ({ use, home }) => {
    const strays = files
      .filter((file) => !isExempt(file) && !home(file.path))
      .flatMap((file) => linesWith(file, use));
    expect(strays).toEqual([]);
  });

  it("would be caught elsewhere", () => {
    const file = {
      path: "packages/lake/src/x.ts",
      text: "// Date.now() in prose\nconst at = Date.now();",
    } as SourceFile;
    expect(linesWith(file, effects[0].use)).toEqual(["packages/lake/src/x.ts:2"]);
  });
});

function linesWith(file: SourceFile, use: RegExp): string[] {
  return withoutComments(file.text)
    .split("\n")
    .flatMap((line, index) => (use.test(line) ? [`${file.path}:${index + 1}`] : []));
}
