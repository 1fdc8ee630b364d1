import { silentLogger } from "@thulium-stream/contracts";
import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { openHttpServer } from "./http-server.ts";

const base = {
  host: "127.0.0.1",
  port: 0,
  registry: new Registry(),
  logger: silentLogger,
  notReady: () => null,
};

describe("openHttpServer", () => {
  it("tells why it is not ready until it is", async () => {
    let reason: string | null = "backfill has not begun";
    const server = await openHttpServer({ ...base, notReady: () => reason });
    const before = await fetch(`${server.url}/readyz`);
    expect([before.status, await before.text()]).toEqual([503, "backfill has not begun\n"]);
    reason = null;
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    await server.close();
  });

  it("asks for the token everywhere but at the health checks", async () => {
    const server = await openHttpServer({ ...base, apiToken: "open-sesame" });
    expect((await fetch(`${server.url}/metrics`)).status).toBe(401);
    expect((await fetch(`${server.url}/livez`)).status).toBe(200);
    const headers = { authorization: "Bearer open-sesame" };
    expect((await fetch(`${server.url}/metrics`, { headers })).status).toBe(200);
    await server.close();
  });

  it("names HTTP_PORT when the port is taken, and unknown paths as problem details", async () => {
    const server = await openHttpServer(base);
    const port = Number(new URL(server.url).port);
    await expect(openHttpServer({ ...base, port })).rejects.toThrow(`HTTP_PORT=${port} is in use`);
    const missing = await fetch(`${server.url}/nothing`);
    expect(missing.headers.get("content-type")).toContain("application/problem+json");
    await server.close();
  });
});
