// Makes the checkout ready: dependencies by the pinned pnpm, then the build. Plain JavaScript without
// dependencies, since it runs before anything is installed. Does nothing that is up to date.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(root, "node_modules", ".setup-stamp");

/** Installs and builds what is not up to date. Ends the process with a clear message when it cannot. */
export function setUp() {
  requireNode();
  const wanted = fingerprint();
  if (!existsSync(stampFile) || readFileSync(stampFile, "utf8") !== wanted) {
    install();
    writeFileSync(stampFile, wanted);
  }
  build();
}

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(`Node ${process.versions.node} is too old: thulium-stream needs Node 20.19 or newer.`, 2);
}

/** Everything that decides what gets installed. */
function fingerprint() {
  const hash = createHash("sha256");
  const groups = ["packages", "services", "test"].flatMap((group) =>
    readdirSync(join(root, group)).map((name) => join(group, name, "package.json")),
  );
  const patches = existsSync(join(root, "patches"))
    ? readdirSync(join(root, "patches")).map((name) => join("patches", name))
    : [];
  const files = [
    "package.json",
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    "infra/package.json",
    ...groups,
    ...patches,
  ];
  for (const file of files.sort()) {
    if (existsSync(join(root, file))) hash.update(file).update(readFileSync(join(root, file)));
  }
  return hash.update(process.version).update(process.platform).update(process.arch).digest("hex");
}

function install() {
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  console.error(`Installing dependencies (${packageManager}, once) …`);
  const windows = process.platform === "win32";
  const done = spawnSync("npx", ["--yes", packageManager, "install", "--frozen-lockfile"], {
    cwd: root,
    encoding: "utf8",
    shell: windows,
    env: { ...process.env, CI: "true" },
  });
  if (done.status === 0) return;
  console.error(done.stdout ?? "", done.stderr ?? "");
  fail("Installing failed. Check that the npm registry is reachable and try again.", 1);
}

function build() {
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const done = spawnSync(process.execPath, [compiler, "-b"], { cwd: root, encoding: "utf8" });
  if (done.status === 0) return;
  console.error(done.stdout ?? "", done.stderr ?? "");
  fail("The build failed.", 1);
}

function fail(message, code) {
  console.error(message);
  process.exit(code);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) setUp();
