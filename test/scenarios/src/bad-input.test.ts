import { existsSync, readdirSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Deployment } from "./pipeline-process.ts";
import { type HelpDesk, openHelpDesk } from "./truth.ts";

let desk: HelpDesk;
beforeAll(async () => {
  desk = await openHelpDesk(50);
});
afterAll(() => desk.server.close());

/** Runs with broken settings; returns what the operator reads and what was left in the folder. */
async function refused(env: Readonly<Record<string, string>>): Promise<{
  readonly code: number | null;
  readonly message: string;
  readonly left: readonly string[];
}> {
  const deployment = new Deployment({ ...desk.env, ...env });
  const { code, stderr } = await deployment.run(["run", "--once"]);
  const left = readdirSync(deployment.folder);
  deployment.dispose();
  return { code, message: stderr, left };
}

describe("bad settings end with exit code 2, name the setting and the remedy, and write nothing", () => {
  it("several at once", async () => {
    const { code, message, left } = await refused({
      POLL_INTERVAL: "soon",
      PAGE_SIZE: "1000",
      THULIUM_PASSWORD: "",
    });
    expect([code, left]).toEqual([2, []]);
    for (const part of [
      'POLL_INTERVAL="soon": must be a duration',
      'PAGE_SIZE="1000": must be a whole number from 1 to 100',
      "THULIUM_PASSWORD=(not set): is required",
    ])
      expect(message).toContain(part);
  });

  it("wrong credentials", async () => {
    const { code, message, left } = await refused({ THULIUM_PASSWORD: "wrong-secret" });
    expect([code, left]).toEqual([2, []]);
    expect(message).toContain("Check THULIUM_USER and THULIUM_PASSWORD");
    expect(message).not.toContain("wrong-secret");
  });

  it("an address where nothing answers", async () => {
    const { code, message, left } = await refused({ THULIUM_URL: "http://127.0.0.1:1" });
    expect([code, left]).toEqual([2, []]);
    expect(message).toContain("THULIUM_URL=http://127.0.0.1:1 does not answer as a Thulium API");
  });

  it("a real broker or bucket without THULIUM_URL: never the sandbox", async () => {
    const { code, message, left } = await refused({
      THULIUM_URL: "",
      EVENT_LOG_URL: "kafka://127.0.0.1:1",
    });
    expect([code, left]).toEqual([2, []]);
    expect(message).toContain("THULIUM_URL=(not set): is required with a real broker or bucket");
  });

  it("an unreachable broker", async () => {
    const { code, message } = await refused({ EVENT_LOG_URL: "kafka://127.0.0.1:1" });
    expect(code).toBe(2);
    expect(message).toContain("EVENT_LOG_URL=kafka://127.0.0.1:1 cannot be reached");
  });

  it("a state folder that cannot be made", async () => {
    const deployment = new Deployment(desk.env);
    const file = join(deployment.folder, "file");
    writeFileSync(file, "");
    const { code, stderr } = await deployment.run(["run", "--once"], {
      STATE_DIR: join(file, "state"),
    });
    expect(code).toBe(2);
    expect(stderr).toContain(`STATE_DIR=${join(file, "state")} cannot be written`);
    deployment.dispose();
  });

  it("a port in use", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const { code, message, left } = await refused({ HTTP_PORT: String(port) });
    expect([code, left]).toEqual([2, []]);
    expect(message).toContain(`HTTP_PORT=${port} is in use on 127.0.0.1`);
    server.close();
  });

  it("a second process on one STATE_DIR; the first goes on, and Ctrl-C ends it in seconds", async () => {
    const deployment = new Deployment(desk.env);
    const first = deployment.start(["run"]);
    await expect
      .poll(() => existsSync(join(deployment.folder, "data/acme/state/lock")), { timeout: 20_000 })
      .toBe(true);
    const second = await deployment.run(["run"]);
    expect(second.code).toBe(2);
    expect(second.stderr).toContain(`is in use by process ${first.process.pid}`);
    first.process.kill("SIGINT");
    expect((await first.ended).code).toBe(130);
    deployment.dispose();
  });

  it("an unknown option", async () => {
    const deployment = new Deployment(desk.env);
    expect((await deployment.run(["run", "--twice"])).code).toBe(2);
    expect((await deployment.run(["--help"])).code).toBe(0);
    deployment.dispose();
  });
});
