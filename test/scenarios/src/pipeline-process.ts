import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const command = join(
  dirname(fileURLToPath(import.meta.url)),
  "..",
  "..",
  "..",
  "packages",
  "cli",
  "bin",
  "thulium-stream.mjs",
);

/** The same command with points at which it kills itself; built, since the smallest Node does not run TypeScript. */
const crashChild = join(dirname(fileURLToPath(import.meta.url)), "..", "dist", "crash-child.js");

/** How a run ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder with the built command running in it as a process of its own; nothing of this process's environment but PATH and HOME reaches it. */
export class Deployment {
  readonly folder = mkdtempSync(join(tmpdir(), "scenario-"));
  readonly #env: Readonly<Record<string, string>>;
  #running = new Set<ChildProcess>();

  constructor(env: Readonly<Record<string, string>>) {
    this.#env = env;
  }

  /** Starts the command; `ended` resolves when the process is gone. */
  start(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    program = command,
  ): { readonly process: ChildProcess; readonly ended: Promise<Ended> } {
    const { PATH = "", HOME = "" } = process.env;
    const child = spawn(process.execPath, [program, ...args], {
      cwd: this.folder,
      env: { PATH, HOME, HTTP_PORT: "0", ...this.#env, ...env },
    });
    this.#running.add(child);
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk;
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk;
    });
    const ended = new Promise<Ended>((resolve) => {
      child.on("close", (code, signal) => {
        this.#running.delete(child);
        resolve({ code, signal, stdout, stderr });
      });
    });
    return { process: child, ended };
  }

  /** Starts the command so that it kills itself; `crash` as `crash-child.ts` takes it. */
  startCrashing(
    crash: readonly string[],
    args: readonly string[],
  ): ReturnType<Deployment["start"]> {
    return this.start([...crash, ...args], {}, crashChild);
  }

  /** Runs the command to its end. */
  run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
    return this.start(args, env).ended;
  }

  /** Runs the command and expects it to succeed. */
  async succeed(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const ended = await this.run(args, env);
    if (ended.code !== 0)
      throw new Error(
        `${args.join(" ")} ended with ${ended.code ?? ended.signal}\n${ended.stderr}\n${ended.stdout}`,
      );
    return ended.stdout;
  }

  /** Ends what still runs and removes the folder. */
  dispose(): void {
    for (const child of this.#running) child.kill("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }
}
