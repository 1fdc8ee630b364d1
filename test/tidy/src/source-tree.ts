import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");

/** A TypeScript source file of the project. */
export interface SourceFile {
  /** From the root, with forward slashes. */
  readonly path: string;
  /** Folder of its package: `packages/lake`. */
  readonly room: string;
  readonly text: string;
  /** What it imports or re-exports, as written. Types count, since rooms share words, too. */
  readonly imports: readonly { readonly specifier: string; readonly isTypeOnly: boolean }[];
}

/** Every source file below packages, services, infra and test; no build output. */
export function sourceTree(): readonly SourceFile[] {
  return ["packages", "services", "infra", "test"]
    .flatMap((folder) => filesBelow(join(root, folder)))
    .map(read);
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (["node_modules", "dist"].includes(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return /\.ts$/.test(entry.name) && !entry.name.endsWith(".d.ts") ? [path] : [];
  });
}

function read(absolute: string): SourceFile {
  const path = relative(root, absolute).split(sep).join("/");
  const text = readFileSync(absolute, "utf8");
  const room = path.startsWith("infra/") ? "infra" : path.split("/").slice(0, 2).join("/");
  return { path, room, text, imports: importsOf(text) };
}

function importsOf(text: string): SourceFile["imports"] {
  const code = withoutComments(text);
  const statics = [
    ...code.matchAll(/^\s*(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"/gm),
  ].map((match) => ({
    specifier: match[2] ?? "",
    isTypeOnly: match[1] !== undefined,
  }));
  const dynamics = [...code.matchAll(/\bimport\(\s*"([^"]+)"\s*\)/g)].map((match) => ({
    specifier: match[1] ?? "",
    isTypeOnly: true, // Loaded later: no cycle at start.
  }));
  return [...statics, ...dynamics];
}

/** Source text whose comments are blanked, line by line, so that a rule told in prose is not taken for code. */
export function withoutComments(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "))
    .replace(/(^|[^:"'`\\])\/\/[^\n]*/g, "$1");
}
