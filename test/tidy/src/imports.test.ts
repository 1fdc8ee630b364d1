import { dirname, join, normalize } from "node:path/posix";
import { describe, expect, it } from "vitest";
import { type SourceFile, sourceTree } from "./source-tree.ts";

const files = sourceTree();
const scope = "@thulium-stream/";

/** ARCHITECTURE.md, "Who may import whom": the whole table. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  "packages/contracts": [],
  "packages/runtime": ["contracts"],
  "packages/thulium-api": ["contracts"],
  "packages/event-log": ["contracts"],
  "packages/lake": ["contracts"],
  "packages/subscriber": ["contracts", "event-log", "runtime"],
  "services/extractor": ["contracts", "runtime", "thulium-api/pure"],
  "services/lake-writer": ["contracts", "runtime", "lake"],
  "services/metrics": ["contracts", "runtime"],
  "services/sandbox": ["contracts", "runtime", "thulium-api/pure"],
  infra: ["contracts", "kit"],
  "test/kit": ["contracts"],
  "test/tidy": [],
};
/** What opens real adapters may import everything above it. */
const isComposition = ({ path, room }: SourceFile) =>
  /^services\/[^/]+\/src\/main\.ts$/.test(path) ||
  ["packages/cli", "test/scenarios", "test/bench", "test/simulation"].includes(room);
const isTest = ({ path }: SourceFile) =>
  /(\.test\.ts|-suite\.ts|\/worked-examples\/.*)$/.test(path) || /-child\.ts$/.test(path);

describe("imports", () => {
  it("keep to the table of rooms", () => {
    const broken = files
      .filter((file) => !isComposition(file))
      .flatMap((file) =>
        ours(file)
          .filter((name) => !mayImport(file, name))
          .map((name) => `${file.path} imports ${name}`),
      );
    expect(broken).toEqual([]);
  });

  it("form no cycle of values inside a room", () => {
    expect(cycles(files)).toEqual([]);
  });

  it("name workspace files only through a package's exports", () => {
    const broken = files.flatMap((file) =>
      file.imports
        .map(({ specifier }) => specifier)
        .filter(
          (specifier) =>
            specifier.startsWith(".") && !resolveFrom(file, specifier).startsWith(`${file.room}/`),
        )
        .map((specifier) => `${file.path} imports ${specifier}`),
    );
    expect(broken).toEqual([]);
  });

  it("would be caught if they broke the table", () => {
    const file = {
      ...(files[0] as SourceFile),
      path: "packages/lake/src/x.ts",
      room: "packages/lake",
    };
    expect(mayImport(file, "event-log")).toBe(false);
    expect(
      mayImport(
        { ...file, path: "services/sandbox/src/x.ts", room: "services/sandbox" },
        "thulium-api",
      ),
    ).toBe(false);
  });
});

function ours(file: SourceFile): string[] {
  return file.imports
    .map(({ specifier }) => specifier)
    .filter((specifier) => specifier.startsWith(scope))
    .map((specifier) => specifier.slice(scope.length));
}

/** Tests import their own package, the kit, and of the other rooms only what stands below theirs or the embedded adapters. */
function mayImport(file: SourceFile, name: string): boolean {
  const [packageName = ""] = name.split("/");
  if (isTest(file) && (packageName === "kit" || packageName === file.room.split("/").pop()))
    return true;
  if (
    isTest(file) &&
    (name.startsWith("event-log/") || name.startsWith("lake") || packageName === "thulium-api")
  )
    return true;
  return (allowed[file.room] ?? []).some(
    (entry) => entry === name || (entry === packageName && !entry.includes("/")),
  );
}

function resolveFrom(file: SourceFile, specifier: string): string {
  return normalize(join(dirname(file.path), specifier));
}

function cycles(all: readonly SourceFile[]): string[] {
  const graph = new Map(
    all.map((file) => [
      file.path,
      file.imports
        .filter(({ specifier, isTypeOnly }) => specifier.startsWith(".") && !isTypeOnly)
        .map(({ specifier }) => resolveFrom(file, specifier)),
    ]),
  );
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]) => {
    if (trail.includes(path)) found.push([...trail.slice(trail.indexOf(path)), path].join(" → "));
    if (done.has(path) || trail.includes(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return found;
}
