import { connect } from "node:net";
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

  it("serves public routes without the token, and counts wrong ones", async () => {
    const server = await openHttpServer({
      ...base,
      apiToken: "open-sesame",
      requestsPerMinute: 3,
      plugins: [
        async (app) => {
          app.get("/page", { config: { isPublic: true } }, async () => "page");
          app.get("/data", async () => "data");
        },
      ],
    });
    expect((await fetch(`${server.url}/page`)).status).toBe(200);
    const guess = () =>
      fetch(`${server.url}/data`, { headers: { authorization: "Bearer open-sesamx" } });
    const answers = [await guess(), await guess(), await guess(), await guess()];
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 429, 429]);
    expect(await answers[3]?.json()).toMatchObject({ status: 429, title: "Too Many Requests" });
    expect((await fetch(`${server.url}/livez`)).status).toBe(200);
    await server.close();
  });

  it("without a token answers nobody who was led here by a foreign name", async () => {
    const server = await openHttpServer(base);
    const { port } = new URL(server.url);
    for (const [host, status] of [
      ["evil.example", "403"],
      [`localhost:${port}`, "200"],
      ["[::1]", "200"],
    ] as const)
      expect([host, (await raw(port, `GET /metrics HTTP/1.1\r\nhost: ${host}`)).status]).toEqual([
        host,
        status,
      ]);
    await server.close();
  });

  it("refuses what is too long or no request, with problem details", async () => {
    const server = await openHttpServer(base);
    const { port } = new URL(server.url);
    const long = await raw(port, `GET /${"x".repeat(3000)} HTTP/1.1\r\nhost: localhost`);
    expect([long.status, long.body]).toEqual([
      "414",
      expect.stringContaining('"field":"url","rule":"must have at most 2048 characters"'),
    ]);
    const headers = await raw(port, `GET / HTTP/1.1\r\nx: ${"x".repeat(20_000)}`);
    expect([headers.status, headers.body]).toEqual(["431", expect.stringContaining("16384 bytes")]);
    const noise = await raw(port, "HELO");
    expect([noise.status, noise.body]).toEqual([
      "400",
      expect.stringContaining("not a request of HTTP/1.1"),
    ]);
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

/** Sends bytes as they are: fetch sets `host` by itself. */
function raw(port: string, head: string): Promise<{ status: string; body: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), "127.0.0.1", () =>
      socket.write(`${head}\r\nconnection: close\r\n\r\n`),
    );
    let text = "";
    socket.on("data", (part) => {
      text += part;
    });
    socket.on("error", reject);
    socket.on("close", () => {
      const [answer = "", body = ""] = text.split("\r\n\r\n");
      resolve({ status: answer.split(" ")[1] ?? "", body });
    });
  });
}
