import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type EventLog,
  recordOfEvent,
  silentLogger,
  type TicketEvent,
  topics,
} from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { makeTicket, VirtualClock } from "@thulium-stream/kit";
import { type HttpServer, openHttpServer, Registry } from "@thulium-stream/runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dashboardRoutes } from "./dashboard-routes.ts";
import { MetricsEngine } from "./metrics-engine.ts";
import { metricsRoutes } from "./metrics-routes.ts";
import { registerMetrics } from "./register-metrics.ts";

const clock = new VirtualClock("2026-11-23T12:00:00.000Z");
const options = {
  system: "acme",
  zone: "Europe/Warsaw",
  closedStatuses: ["Zamknięte"],
  automaticLogins: [],
  businessHours: "Mon-Fri 08:00-16:00",
  holidays: "PL",
};
const never = new AbortController().signal;
let folder: string;
let log: EventLog;
let engine: MetricsEngine;
let server: HttpServer;

const eventOf = (
  id: string,
  version: number,
  status: string,
  queue: string,
  at: string,
): TicketEvent => ({
  type: version === 1 ? "thulium.ticket.created" : "thulium.ticket.updated",
  id: `${id}${version}`.padStart(26, "a"),
  system: "acme",
  ticket_id: id,
  time: at,
  time_is_observation: false,
  observed_at: at,
  origin: "live",
  version,
  previous_event_id: null,
  source_updated_at: null,
  source_updated_at_ambiguous: false,
  kinds: ["other"],
  changes: [],
  derived: [],
  ticket: makeTicket({
    ticket_id: id,
    ticket_queue_name: queue,
    full_status_name: status,
    created_at: "2026-11-23T08:00:00.000Z",
    subject: "<script>alert(1)</script>",
  }),
});

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "metrics-"));
  log = await openEmbeddedLog({
    folder: join(folder, "log"),
    clock,
    logger: silentLogger,
    newId: () => "m",
  });
  await log.ensureTopics(topics);
  const writer = await log.openWriter("w");
  await writer.append(
    [
      eventOf("1", 1, "Nowe", "help", "2026-11-23T08:00:00.000Z"),
      eventOf("1", 2, "Zamknięte", "help", "2026-11-23T10:00:00.000Z"),
      eventOf("2", 1, "Nowe", "a,b", "2026-11-23T08:00:00.000Z"),
      { ...eventOf("3", 1, "Nowe", "other tenant", "2026-11-23T08:00:00.000Z"), system: "other" },
    ].map((event) => recordOfEvent(event, 1)),
  );
  engine = await MetricsEngine.open(
    { log, folder: join(folder, "metrics"), clock, logger: silentLogger },
    options,
  );
  await engine.catchUp(never);
  const registry = new Registry();
  registerMetrics(registry, engine);
  server = await openHttpServer({
    host: "127.0.0.1",
    port: 0,
    registry,
    logger: silentLogger,
    notReady: () => null,
    plugins: [metricsRoutes(engine, {}), dashboardRoutes],
  });
});
afterAll(async () => {
  await server.close();
  await engine.close();
  await log.close();
  rmSync(folder, { recursive: true });
});

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${server.url}/${path}`, { headers });
const json = async (path: string) => (await (await get(path)).json()) as Record<string, never>;

describe("the metrics API", () => {
  it("answers with figures of this system only, and how fresh they are", async () => {
    const summary = await json("api/v1/summary?from=2026-11-23&to=2026-11-23&group_by=queue");
    expect(summary).toMatchObject({
      as_of: "2026-11-23T12:00:00.000Z",
      lag_s: 0,
      total: {
        created: 2,
        closed: 1,
        backlog: 1,
        resolution: { count: 1, p50_s: expect.any(Number) },
      },
    });
    expect(
      (summary["groups"] as unknown as { key: string[] }[]).map(({ key }) => key[0]).sort(),
    ).toEqual(["a,b", "help"]);
    expect(await json("api/v1/tickets/1")).toMatchObject({
      ticket: { resolution_s: 7200, resolution_business_s: 7200 },
    });
    expect((await get("api/v1/tickets/3")).status).toBe(404);
  });

  it.each([
    ["summary?group_by=colour", "group_by", "must be one of queue"],
    ["summary?from=2026-11-24&to=2026-11-23", "from", "must not lie after to"],
    ["summary?from=2026-02-30", "from", "day of the calendar"],
    ["summary?form=2026-01-01", "form", "is no parameter"],
    ["timeseries?from=2016-01-01&to=2026-01-01&interval=hour", "interval", "at most 5000"],
    ["slowest?limit=100000", "limit", "at most 200"],
  ])("refuses %s, naming field and rule", async (path, field, rule) => {
    const response = await get(`api/v1/${path}`);
    expect([response.status, response.headers.get("content-type")]).toEqual([
      400,
      expect.stringContaining("application/problem+json"),
    ]);
    expect(await response.json()).toMatchObject({ field, detail: expect.stringContaining(rule) });
  });

  it("answers 304 to who has it already, and CSV with quoted cells", async () => {
    const path = "api/v1/summary?from=2026-11-23&to=2026-11-23&group_by=queue";
    const tag = (await get(path)).headers.get("etag") ?? "";
    expect((await get(path, { "if-none-match": tag })).status).toBe(304);
    const csv = await (await get(`${path}&format=csv`)).text();
    expect(csv.split("\r\n")[0]).toMatch(
      /^group,created,closed,backlog,reopened,first_response_count/,
    );
    expect(csv).toContain('"a,b",1,0,1');
  });

  it("serves the dashboard under a policy without inline code, and its gauges", async () => {
    const page = await get("");
    expect(page.headers.get("content-security-policy")).not.toContain("unsafe");
    const html = await page.text();
    expect(html).not.toMatch(/<script>|style="|https?:\/\/(?!www\.w3\.org)/);
    expect((await get("uplot/uPlot.esm.js")).status).toBe(200);
    expect((await get("uplot/../package.json")).status).toBe(404);
    expect(await (await get("metrics")).text()).toMatch(/thulium_backlog_tickets 1\n/);
  });

  it("rebuilds to the same figures when its store is lost, and goes on when it is not", async () => {
    const fresh = await MetricsEngine.open(
      { log, folder: join(folder, "fresh"), clock, logger: silentLogger },
      options,
    );
    await fresh.catchUp(never);
    const query = { from: "2026-11-23", to: "2026-11-23" };
    expect(fresh.summary(query, ["queue"])).toEqual(engine.summary(query, ["queue"]));
    await fresh.close();
    const again = await MetricsEngine.open(
      { log, folder: join(folder, "fresh"), clock, logger: silentLogger },
      options,
    );
    expect(again.summary(query, ["queue"])).toEqual(engine.summary(query, ["queue"]));
    await again.catchUp(never);
    expect(again.freshness().events).toBe(0);
    await again.close();
  });
});
