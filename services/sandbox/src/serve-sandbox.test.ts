import { silentLogger } from "@thulium-stream/contracts";
import { ManualClock } from "@thulium-stream/kit";
import { afterEach, describe, expect, it } from "vitest";
import { basicAuthorisation, createSandbox, type SandboxServer, serveSandbox } from "./index.ts";

const start = "2026-11-23T09:00:00.000Z";
const startMs = Date.parse(start);
const headers = { authorization: basicAuthorisation("api_user", "api_pass") };
const open: SandboxServer[] = [];

async function serve(switches = "", tickets = 300) {
  const clock = new ManualClock(start);
  const sandbox = createSandbox({ startMs, tickets, historyDays: 20, switches });
  const logger = silentLogger;
  const credentials = { user: "api_user", password: "api_pass" };
  const server = await serveSandbox({ sandbox, clock, logger, ...credentials });
  open.push(server);
  const get = (path: string) => fetch(`${server.url}${path}`, { headers });
  const post = (path: string, body: unknown = {}) =>
    fetch(`${server.url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  return { clock, sandbox, server, get, post };
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

describe("serveSandbox", () => {
  it("serves the API on loopback with the Date of its clock", async () => {
    const { get, sandbox, server, clock } = await serve();
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    await clock.advance(90_000);
    const answer = await get("/api/tickets?limit=2&include_custom_fields=true");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("date")).toBe("Mon, 23 Nov 2026 09:01:30 GMT");
    const body = (await answer.json()) as { count: number; result: unknown[] };
    expect(body.count).toBe(sandbox.truth().tickets);
    expect(body.result).toHaveLength(2);
    expect((await fetch(`${server.url}/api/tickets`)).status).toBe(401);
  });

  it("lets the population live with the clock", async () => {
    const { get, sandbox, clock } = await serve();
    await clock.advance(2 * 3_600_000);
    await get("/api/tickets?limit=1");
    expect(sandbox.nowMs).toBe(startMs + 2 * 3_600_000);
    expect(sandbox.truth().changes).toBeGreaterThan(100);
  });

  it("stands still when told to, its Date going on", async () => {
    const { get, post, sandbox, clock } = await serve();
    await post("/__sandbox/freeze");
    await clock.advance(3_600_000);
    const answer = await get("/api/tickets?limit=1");
    expect(answer.headers.get("date")).toBe("Mon, 23 Nov 2026 10:00:00 GMT");
    expect(sandbox.truth().changes).toBe(0);
    await post("/__sandbox/advance", { ms: 600_000 });
    expect(sandbox.nowMs).toBe(startMs + 600_000);
    await post("/__sandbox/thaw");
    await get("/api/tickets?limit=1");
    expect(sandbox.nowMs).toBe(startMs + 3_600_000);
  });

  it("tells the truth over HTTP, behind the same credentials", async () => {
    const { get, sandbox, server, post } = await serve();
    await post("/__sandbox/advance", { ms: 3_600_000 });
    await post("/__sandbox/freeze");
    const summary = (await (await get("/__truth/summary")).json()) as object;
    const { tickets, messages, changes } = sandbox.truth();
    expect(summary).toMatchObject({ tickets, messages, changes, frozen: true });
    const rows = (await (await get("/__truth/tickets")).text()).trim().split("\n");
    expect(rows.map((row) => JSON.parse(row))).toEqual([...sandbox.truth().rows()]);
    const log = (await (await get(`/__truth/log?since=${changes - 2}`)).text()).trim().split("\n");
    expect(log.map((entry) => JSON.parse(entry))).toEqual([...sandbox.truth().log(changes - 2)]);
    for (const path of ["/__truth/summary", "/__truth/tickets", "/__truth/log"]) {
      expect((await fetch(`${server.url}${path}`)).status).toBe(401);
    }
    expect((await fetch(`${server.url}/__sandbox/freeze`, { method: "POST" })).status).toBe(401);
  });

  it("takes mutations and switches by POST, and says what is wrong with them", async () => {
    const { get, post, sandbox } = await serve("", 10);
    const made = await post("/__sandbox/mutate", [
      { kind: "create" },
      { kind: "touch", ticketId: 105 },
    ]);
    expect(await made.json()).toMatchObject([{ changed: true }, { changed: true }]);
    expect(sandbox.truth().changes).toBe(2);
    const wrong = await post("/__sandbox/mutate", { kind: "explode" });
    expect(wrong.status).toBe(400);
    expect(((await wrong.json()) as { error: string }).error).toMatch(/kind/);
    expect((await post("/__sandbox/switches", { past_end: "404" })).status).toBe(200);
    expect((await get("/api/tickets?offset=99")).status).toBe(404);
    expect((await post("/__sandbox/switches", { past_end: "405" })).status).toBe(400);
    expect((await post("/__sandbox/nothing")).status).toBe(404);
    expect((await get("/__truth/nothing")).status).toBe(404);
  });

  it("holds slow answers back by its clock and lets them go when it closes", async () => {
    const { get, clock, server } = await serve("slow=100%,slow_ms=5000", 5);
    const answer = get("/api/tickets");
    await expect.poll(() => clock.sleeping).toBe(1);
    expect(clock.nextDeadlineMs).toBe(startMs + 5000);
    await clock.advance(5000);
    expect((await answer).status).toBe(200);
    const cut = get("/api/tickets").then(
      () => "answered",
      () => "cut",
    );
    await expect.poll(() => clock.sleeping).toBe(1);
    await server.close();
    expect(await cut).toBe("cut");
    expect(clock.sleeping).toBe(0);
  });

  it("cuts the connection when told to", async () => {
    const { get } = await serve("fail=100%,fail_status=reset", 5);
    await expect(get("/api/tickets")).rejects.toThrow();
  });

  it("says clearly when the port is in use, and closes twice without harm", async () => {
    const { server, sandbox, clock } = await serve("", 5);
    const port = Number(new URL(server.url).port);
    await expect(
      serveSandbox({ sandbox, clock, logger: silentLogger, port }),
    ).rejects.toMatchObject({
      code: "InvalidSettings",
      message: `cannot listen on 127.0.0.1:${port}: it is in use`,
    });
    await server.close();
    await server.close();
  });
});
