import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { lastLines, runCommand } from "./run-command.ts";
import { ServerMissing } from "./server-missing.ts";

/** Names under which distributions install the browser. */
const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
const remedy =
  "Install Chromium (Debian: apt-get install chromium), or set CHROMIUM to the path of a Chromium or Chrome.";

/**
 * Path of a Chromium for browser tests: the one named by `CHROMIUM`, else one on the PATH, else Debian's package,
 * installed by apt-get when this user may (100 MB, once).
 * @throws ServerMissing saying what was looked for and what to do.
 */
export async function chromium(): Promise<string> {
  const given = process.env["CHROMIUM"];
  if (given) {
    if (isProgram(given)) return given;
    throw new ServerMissing("browser", `CHROMIUM=${given} is no program.`, remedy);
  }
  const found = onPath();
  if (found !== null) return found;
  if (process.getuid?.() !== 0)
    throw new ServerMissing("browser", `None of ${names.join(", ")} is on the PATH.`, remedy);
  await install();
  const installed = onPath();
  if (installed !== null) return installed;
  throw new ServerMissing("browser", "apt-get installed none that is on the PATH.", remedy);
}

function onPath(): string | null {
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

async function install(): Promise<void> {
  process.stderr.write("Installing Chromium by apt-get (once) …\n");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const lock = ["-o", "DPkg::Lock::Timeout=300"];
  for (const args of [
    ["update", "-q"],
    ["install", "-q", "-y", "--no-install-recommends", ...lock, "chromium"],
  ]) {
    const { ok, output } = await runCommand("apt-get", args, { env, timeoutMs: 600_000 });
    if (!ok)
      throw new ServerMissing(
        "browser",
        `None is on the PATH, and apt-get ${args.join(" ")} failed:\n${lastLines(output)}\n`,
        remedy,
      );
  }
}
