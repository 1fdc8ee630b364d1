import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CrashOrders } from "./crash-orders.ts";

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

  /** Starts the command so that it follows orders: it kills itself at a named point, or works under conditions of a test. */
  startOrdered(orders: CrashOrders, args: readonly string[]): ReturnType<Deployment["start"]> {
    this.order(orders);
    return this.start([this.#ordersFile, ...args], {}, crashChild);
  }

  /** Writes down what a process that was started so is to do; one that runs reads it again at SIGUSR2. */
  order(orders: CrashOrders): void {
    writeFileSync(this.#ordersFile, JSON.stringify(orders));
  }

  get #ordersFile(): string {
    return join(this.folder, "orders.json");
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
