import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { transformWithEsbuild } from "vite";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { startKept, untilReady } from "./kept-process.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kept-process-"));
  await mkdir(join(folder, "data"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const plan = (code: string) => ({
  command: process.execPath,
  args: ["-e", code],
  logFile: join(folder, "log"),
  remove: [join(folder, "data")],
});
const forever = "console.log('up'); setInterval(() => {}, 1000)";

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("a kept process", () => {
  it("is gone with its data once stop resolves, and stop may be called twice", async () => {
    const server = await startKept(plan(forever));
    await vi.waitUntil(() => server.log() === "up");
    expect(alive(server.pid)).toBe(true);

    await Promise.all([server.stop(), server.stop()]);

    expect(alive(server.pid)).toBe(false);
    expect(existsSync(join(folder, "data"))).toBe(false);
    await server.stop();
  });

  it("goes with its data when the process that started it is killed with SIGKILL", async () => {
    const parentCode = join(folder, "parent.mjs");
    const keptProcess = fileURLToPath(new URL("./kept-process.ts", import.meta.url));
    // The module is transpiled by hand, since the smallest Node supported does not run TypeScript.
    for (const name of ["kept-process", "run-command"]) {
      const source = keptProcess.replace("kept-process.ts", `${name}.ts`);
      const { code } = await transformWithEsbuild(await readFile(source, "utf8"), source);
      await writeFile(
        join(folder, `${name}.mjs`),
        code.replace("run-command.ts", "run-command.mjs"),
      );
    }
    await writeFile(
      parentCode,
      `import { startKept } from "./kept-process.mjs";
       const server = await startKept(${JSON.stringify(plan(forever))});
       console.log(server.pid);
       setInterval(() => {}, 1000);`,
    );
    const parent = spawn(process.execPath, [parentCode], { stdio: ["ignore", "pipe", "inherit"] });
    const pid = await new Promise<number>((resolve) => {
      parent.stdout.once("data", (text) => resolve(Number(text)));
    });
    expect(alive(pid)).toBe(true);

    parent.kill("SIGKILL");

    await vi.waitUntil(() => !alive(pid) && !existsSync(join(folder, "data")), { timeout: 10_000 });
  });

  it("that cannot be started rejects, naming the command", async () => {
    await expect(startKept({ ...plan(""), command: "no-such-command" })).rejects.toThrow(
      /no-such-command did not start: .*ENOENT/,
    );
  });

  it("that ends before it is ready rejects with what it printed last", async () => {
    const server = await startKept(plan("console.log('port in use'); process.exit(3)"));
    const refuse = () => Promise.reject(new Error("refused"));
    await expect(untilReady(server, "The server", refuse, 10_000)).rejects.toThrow(
      /The server ended: Error: refused\nport in use/,
    );
  });
});
