import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { lastLines } from "./run-command.ts";

/** A server process to start, and what must go when it goes. */
export interface KeptPlan {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** File that receives what the server prints. */
  readonly logFile: string;
  /** Folders removed once the server has ended. */
  readonly remove: readonly string[];
  /** Commands run once the server has ended, for what outlives its process (a container). */
  readonly afterwards?: readonly (readonly string[])[];
}

/** A running server. */
export interface KeptProcess {
  readonly pid: number;
  /** What the server printed last, for an error message. */
  log(): string;
  /** Set once the server ended, by itself or by `stop`. */
  readonly ended: boolean;
  /** Ends the server and removes what the plan says. Idempotent; resolves when all of it is gone. */
  stop(): Promise<void>;
}

/**
 * Code of the keeper, a small process between us and the server. It reads its standard input, whose other
 * end only we hold: when that closes — because `stop` was called or because this process died in any way,
 * SIGKILL included — it ends the server by its process id and cleans up. It is plain text so that it runs
 * the same from TypeScript sources and from the built package.
 */
const keeperCode = `
const { spawn, spawnSync } = require("node:child_process");
const { openSync, rmSync } = require("node:fs");
const plan = JSON.parse(process.argv[1]);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});
process.stdout.on("error", () => {});
const log = openSync(plan.logFile, "a");
const server = spawn(plan.command, plan.args, {
  stdio: ["ignore", log, log],
  env: { ...process.env, ...plan.env },
});
function end(why) {
  for (const [command, ...args] of plan.afterwards ?? []) spawnSync(command, args, { stdio: "ignore" });
  for (const folder of plan.remove) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.stdout.write("ended " + why + "\\n", () => process.exit(0));
}
let stopping = false;
server.on("error", (error) => end(error.message));
server.on("exit", (code, signal) => {
  if (stopping) end("stopped");
  else { process.stdout.write("died " + (signal ?? code) + "\\n"); server.dead = true; }
});
process.stdin.on("end", () => {
  stopping = true;
  if (server.dead) return end("stopped");
  server.kill("SIGKILL"); // its data goes with it, so there is nothing to shut down in order
});
process.stdin.resume();
if (server.pid !== undefined) process.stdout.write("pid " + server.pid + "\\n");
`;

/** Starts a server that ends, with its data, no later than this process does. */
export async function startKept(plan: KeptPlan): Promise<KeptProcess> {
  const keeper = spawn(process.execPath, ["-e", keeperCode, JSON.stringify(plan)], {
    // Its own process group: Ctrl-C reaches us, and the keeper learns of our end by its closed input.
    detached: true,
    stdio: ["pipe", "pipe", "ignore"],
  });
  let ended = false;
  const gone = new Promise<void>((resolve) => {
    keeper.once("exit", () => {
      ended = true;
      resolve();
    });
  });
  const lines = createInterface({ input: keeper.stdout });
  const pid = await new Promise<number>((resolve, reject) => {
    keeper.once("error", reject);
    lines.on("line", (line) => {
      const [word, value] = line.split(" ");
      if (word === "pid") resolve(Number(value));
      else ended = true;
      if (word === "ended") reject(new Error(`${plan.command} did not start: ${line.slice(6)}`));
    });
  });
  // A caller that forgets `stop` may still exit; the keeper then cleans up.
  keeper.unref();
  return {
    pid,
    log: () => (existsSync(plan.logFile) ? lastLines(readFileSync(plan.logFile, "utf8")) : ""),
    get ended() {
      return ended;
    },
    async stop() {
      keeper.ref();
      keeper.stdin.end();
      await gone;
    },
  };
}

/**
 * Waits until `probe` resolves.
 * @throws Error with the server's last lines when it ended or `timeoutMs` passed; it is stopped then.
 */
export async function untilReady(
  server: KeptProcess,
  what: string,
  probe: () => Promise<void>,
  timeoutMs: number,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const failure = await probe().then(
      () => null,
      (error: unknown) => error,
    );
    if (failure === null) return;
    if (server.ended || Date.now() > deadline) {
      const said = `${server.ended ? "ended" : "did not answer"}: ${String(failure)}\n${server.log()}`;
      await server.stop();
      throw new Error(`${what} ${said}`);
    }
    await sleep(100);
  }
}
