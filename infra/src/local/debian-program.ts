import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { lastLines, runCommand } from "./run-command.ts";
import { ServerMissing } from "./server-missing.ts";

/** A program of a Debian package. */
export interface DebianProgram {
  /** For people: `browser`, `kcat`. */
  readonly title: string;
  /** Names under which it may be installed. */
  readonly names: readonly string[];
  readonly debianPackage: string;
  /** The setting that may name its path. */
  readonly setting: string;
  /** What to do when it cannot be had, as one sentence. */
  readonly remedy: string;
}

/**
 * Path of a program: the one that its setting names, else one on the PATH, else Debian's package, installed by apt-get
 * when this user may (once).
 * @throws ServerMissing saying what was looked for and what to do.
 */
export async function debianProgram(program: DebianProgram): Promise<string> {
  const { title, names, setting, remedy } = program;
  const given = process.env[setting];
  if (given) {
    if (isProgram(given)) return given;
    throw new ServerMissing(title, `${setting}=${given} is no program.`, remedy);
  }
  const found = onPath(names);
  if (found !== null) return found;
  if (process.getuid?.() !== 0)
    throw new ServerMissing(title, `None of ${names.join(", ")} is on the PATH.`, remedy);
  await install(program);
  const installed = onPath(names);
  if (installed !== null) return installed;
  throw new ServerMissing(title, "apt-get installed none that is on the PATH.", remedy);
}

function onPath(names: readonly string[]): string | null {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const places = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return places.find(isProgram) ?? null;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function install({ title, debianPackage, remedy }: DebianProgram): Promise<void> {
  process.stderr.write(`Installing ${debianPackage} by apt-get (once) …\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const lock = ["-o", "DPkg::Lock::Timeout=300"];
  for (const args of [
    ["update", "-q"],
    ["install", "-q", "-y", "--no-install-recommends", ...lock, debianPackage],
  ]) {
    const { ok, output } = await runCommand("apt-get", args, { env, timeoutMs: 600_000 });
    if (!ok)
      throw new ServerMissing(
        title,
        `None is on the PATH, and apt-get ${args.join(" ")} failed:\n${lastLines(output)}\n`,
        remedy,
      );
  }
}
