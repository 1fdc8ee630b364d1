import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

/** Root of the repository. */
export const root = fileURLToPath(new URL("../../../", import.meta.url));

/** What the checks need of one service of `docker-compose.yml`. */
export interface ComposeService {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly environment: Readonly<Record<string, string | number>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

/** `docker-compose.yml` with its anchors merged and its variables replaced. */
export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** Text of `docker-compose.yml`. */
export function composeText(): string {
  return readFileSync(`${root}docker-compose.yml`, "utf8");
}

/**
 * Reads `docker-compose.yml` as compose does, with `variables` for `${NAME:-default}` and `${NAME:?message}`.
 * @throws Error with the message of a required variable that is missing.
 */
export function readCompose(variables: Readonly<Record<string, string>>): ComposeFile {
  return replaced(parse(composeText(), { merge: true }), variables) as ComposeFile;
}

function replaced(node: unknown, variables: Readonly<Record<string, string>>): unknown {
  if (typeof node === "string") return interpolated(node, variables);
  if (Array.isArray(node)) return node.map((each) => replaced(each, variables));
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, replaced(value, variables)]),
  );
}

function interpolated(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replace(
    /\$\$|\$\{(\w+)(?::([-?])([^}]*))?\}/g,
    (found, name?: string, kind?: string, rest = "") => {
      if (name === undefined) return found === "$$" ? "$" : found;
      const value = variables[name];
      if (value) return value;
      if (kind === "?") throw new Error(`${name}: ${rest}`);
      return kind === "-" ? rest : "";
    },
  );
}
