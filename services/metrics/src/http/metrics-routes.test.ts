import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Validator } from "@seriousme/openapi-schema-validator";
import {
  type EventLog,
  recordOfEvent,
  silentLogger,
  type TicketEvent,
  topics,
} from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { makeTicket, VirtualClock } from "@thulium-stream/kit";
import { type HttpServer, newId, openHttpServer, Registry } from "@thulium-stream/runtime";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MetricsEngine } from "../metrics-engine.ts";
import type { MetricsView } from "../metrics-view.ts";
import { PipelineWatch } from "../pipeline/pipeline-watch.ts";
import { registerMetrics } from "../register-metrics.ts";
import { dashboardRoutes } from "./dashboard-routes.ts";
import { metricsRoutes } from "./metrics-routes.ts";

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
let pipeline: PipelineWatch;
const base = {
  host: "127.0.0.1",
  port: 0,
  logger: silentLogger,
  notReady: () => null,
  requestsPerMinute: 100_000,
};
const emptyView: MetricsView = {
  summary: () => expect.fail(),
  timeseries: () => [],
  timeseriesBy: () => ({ total: 0, lines: [] }),
  heatmap: () => [],
  slowestOpen: () => ({ total: 0, tickets: [] }),
  ticket: () => null,
  vendorDifferences: () => [],
  openClocks: () => expect.fail(),
  valuesOf: () => [],
  backlog: () => 0,
  freshness: () => ({ as_of: "2026-11-23T12:00:00.000Z", lag_s: 0, tickets: 0, events: 0 }),
  isCaughtUp: true,
  day: () => "2026-11-23",
  onChange: () => () => {},
};

/** What the test reads of the document. */
interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<
    Record<
      string,
      {
        readonly get?: {
          readonly responses: Readonly<
            Record<string, { readonly content: Readonly<Record<string, { schema: object }>> }>
          >;
        };
      }
    >
  >;
}

/** What the tests read of a time series. */
interface Series {
  readonly points: readonly Point[];
  readonly groups: readonly {
    readonly key: readonly (string | null)[];
    readonly points: readonly Point[];
  }[];
  readonly page: { readonly offset: number; readonly limit: number; readonly total: number };
}

interface Point {
  readonly label: string;
  readonly created: number;
  readonly closed: number;
  readonly backlog: number;
}

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
      eventOf("2", 1, "Nowe", "=a,b", "2026-11-23T08:00:00.000Z"),
      { ...eventOf("3", 1, "Nowe", "other tenant", "2026-11-23T08:00:00.000Z"), system: "other" },
    ].map((event) => recordOfEvent(event, 1)),
  );
  engine = await MetricsEngine.open(
    { log, folder: join(folder, "metrics"), clock, logger: silentLogger, newId },
    options,
  );
  await engine.catchUp(never);
  pipeline = new PipelineWatch(
    { log, clock, logger: silentLogger, lake: async () => null },
    { system: "acme", sourceUrl: null, canCommand: false },
  );
  const registry = new Registry();
  registerMetrics(registry, engine);
  server = await openHttpServer({
    ...base,
    registry,
    plugins: [metricsRoutes({ view: engine, pipeline, zone: "Europe/Warsaw" }), dashboardRoutes],
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
const series = async (path: string) => (await (await get(path)).json()) as Series;
const today = "from=2026-11-23&to=2026-11-23";

describe("the metrics API", () => {
  it("answers with figures of this system only, and how fresh they are", async () => {
    const summary = await json(`api/v1/summary?${today}&group_by=queue`);
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
    ).toEqual(["=a,b", "help"]);
    expect(await json("api/v1/tickets/1")).toMatchObject({
      ticket: { resolution_s: 7200, resolution_business_s: 7200 },
    });
    expect(await json("api/v1/filters")).toMatchObject({
      queue: ["=a,b", "help"],
      agent: ["akowalski"],
    });
    expect((await get("api/v1/tickets/3")).status).toBe(404);
  });

  it("groups by two, filters by any group, and by having none", async () => {
    const both = await json(`api/v1/summary?${today}&group_by=queue,status`);
    expect(both).toMatchObject({
      group_by: ["queue", "status"],
      groups: [
        { key: ["=a,b", "Nowe"], created: 1 },
        { key: ["help", "Zamknięte"], created: 1 },
      ],
      page: { offset: 0, limit: 200, total: 2 },
    });
    expect(await json(`api/v1/summary?${today}&queue=help`)).toMatchObject({
      total: { created: 1, backlog: 0 },
    });
    expect(await json(`api/v1/summary?${today}&queue=`)).toMatchObject({ total: { created: 0 } });
  });

  it("tells the stretch of the same length before, when it is asked to", async () => {
    const range = "from=2026-11-24&to=2026-11-25";
    expect(await json(`api/v1/summary?${range}&before=true`)).toMatchObject({
      total: { created: 0 },
      before: { from: "2026-11-22", to: "2026-11-23", total: { created: 2, closed: 1 } },
    });
    expect(await json(`api/v1/summary?${range}`)).toMatchObject({ before: null });
  });

  it("pages, and leads to the next page", async () => {
    const first = await get(`api/v1/summary?${today}&group_by=queue&limit=1`);
    const next = /^<([^>]+)>; rel="next"$/.exec(first.headers.get("link") ?? "")?.[1] ?? "";
    const second = await get(next.slice(1));
    expect(second.headers.get("link")).toBe(null);
    const keys = [await first.json(), await second.json()].flatMap((answer) =>
      (answer as { groups: { key: string[] }[] }).groups.map(({ key }) => key[0]),
    );
    expect(keys).toEqual(["=a,b", "help"]);
  });

  it.each([
    ["timeseries?order=size", 400, "order", "must be one of tickets, backlog"],
    ["summary?group_by=colour", 400, "group_by", "must be one or two of queue"],
    ["summary?group_by=queue,queue", 400, "group_by", "names one twice"],
    ["summary?group_by=queue,agent,status", 400, "group_by", "must be one or two of queue"],
    ["summary?from=2026-11-24&to=2026-11-23", 400, "from", "must not lie after to"],
    ["summary?from=2026-02-30", 400, "from", "day of the calendar"],
    ["summary?from=yesterday", 400, "from", "must be a day such as"],
    ["summary?from=2026-01-01&from=2026-01-02", 400, "from", "must be given once"],
    ["summary?form=2026-01-01", 400, "form", "is no parameter"],
    [`summary?queue=${"x".repeat(201)}`, 400, "queue", "at most 200 characters"],
    [`summary?queue=${"x".repeat(3000)}`, 414, "url", "at most 2048 characters"],
    ["summary?days=7&from=2026-11-01", 400, "days", "must not be given beside from"],
    ["summary?days=0", 400, "days", "from 1 to 3660"],
    ["summary?format=xml", 400, "format", "must be json or csv"],
    ["timeseries?from=2016-01-01&to=2026-01-01&interval=hour", 400, "interval", "at most 5000"],
    ["timeseries?interval=minute", 400, "interval", "must be one of hour, day, week, month"],
    ["tickets?limit=100000", 400, "limit", "from 1 to 1000"],
    ["tickets?offset=-1", 400, "offset", "from 0 to"],
    ["tickets/999", 404, "id", "must be the id of a ticket"],
    ["tickets/%3Cscript%3E", 400, "id", "must be a ticket's number"],
    ["live?x=1", 400, "x", "is no parameter"],
  ])("refuses %s with %i, naming field and rule", async (path, status, field, rule) => {
    const response = await get(`api/v1/${path}`);
    expect([response.status, response.headers.get("content-type")]).toEqual([
      status,
      expect.stringContaining("application/problem+json"),
    ]);
    expect(await response.json()).toMatchObject({
      status,
      field,
      rule: expect.stringContaining(rule),
      title: expect.any(String),
    });
  });

  it("divides a time series by groups whose points add up to those of all, a page at a time", async () => {
    const path = `api/v1/timeseries?from=2026-11-20&to=2026-11-23&group_by=queue`;
    const { points, groups, page } = await series(path);
    expect(groups.map(({ key }) => key)).toEqual([["=a,b"], ["help"]]);
    for (const [at, { label, created, closed, backlog }] of points.entries()) {
      const parts = groups.map((group) => group.points[at]);
      expect(parts.map((part) => part?.label)).toEqual([label, label]);
      const sum = (of: "created" | "closed" | "backlog") =>
        parts.reduce((total, part) => total + (part?.[of] ?? 0), 0);
      expect([sum("created"), sum("closed"), sum("backlog")]).toEqual([created, closed, backlog]);
    }
    expect(points.at(-1)).toMatchObject({ created: 2, closed: 1, backlog: 1 });
    expect(page).toEqual({ offset: 0, limit: 20, total: 2 });
    const second = await get(`${path}&limit=1&offset=1`);
    expect(second.headers.get("link")).toBeNull();
    expect(((await second.json()) as Series).groups).toEqual(groups.slice(1));
    expect((await get(`${path}&limit=1`)).headers.get("link")).toContain("offset=1");
    const csv = await (await get(`${path}&format=csv`)).text();
    expect(csv).toContain("2026-11-23 / help,1,1,0,");
    const byBacklog = await series(`${path}&order=backlog`);
    expect(byBacklog.groups.map((group) => group.points.at(-1)?.backlog)).toEqual([1, 0]);
  });

  it("answers no more than 5000 points of groups at once", async () => {
    const hours = "from=2026-09-01&to=2026-11-23&interval=hour&group_by=queue";
    const { groups, page } = await series(`api/v1/timeseries?${hours}`);
    expect([groups.length, page.limit]).toEqual([2, 2]);
    const more = await series(`api/v1/timeseries?${hours.replace("09-01", "06-01")}`);
    expect([more.groups.length, more.page]).toEqual([1, { offset: 0, limit: 1, total: 2 }]);
  });

  it("tells nothing of its inside when it fails", async () => {
    const failing = await openHttpServer({
      ...base,
      registry: new Registry(),
      plugins: [
        metricsRoutes({
          view: {
            ...emptyView,
            freshness() {
              throw new Error("secret of the inside");
            },
          },
          pipeline,
          zone: "Europe/Warsaw",
        }),
      ],
    });
    const response = await fetch(`${failing.url}/api/v1/freshness`);
    const text = await response.text();
    expect([response.status, text.includes("secret"), text.includes(".ts")]).toEqual([
      500,
      false,
      false,
    ]);
    await failing.close();
  });

  it("answers 304 to who has it already, as JSON and as CSV", async () => {
    for (const format of ["json", "csv"]) {
      const path = `api/v1/summary?${today}&group_by=queue&format=${format}`;
      const first = await get(path);
      const tag = first.headers.get("etag") ?? "";
      expect(first.headers.get("as-of")).toBe("2026-11-23T12:00:00.000Z");
      const again = await get(path, { "if-none-match": tag });
      expect([again.status, await again.text(), again.headers.get("lag-s")]).toEqual([
        304,
        "",
        "0",
      ]);
      expect((await get(path, { "if-none-match": 'W/"other"' })).status).toBe(200);
    }
  });

  it("gives CSV with quoted cells, in which no name becomes a formula", async () => {
    const csv = await (await get(`api/v1/summary?${today}&group_by=queue&format=csv`)).text();
    expect(csv.split("\r\n")[0]).toMatch(
      /^group,created,closed,backlog,reopened,.*first_response_count/,
    );
    expect(csv).toContain(`"'=a,b",1,0,1`);
  });

  it("says in its OpenAPI document what it answers", async () => {
    const document = (await json("api/v1/openapi.json")) as unknown as OpenApi;
    const verdict = await new Validator().validate({ ...document });
    expect(verdict.errors ?? []).toEqual([]);
    expect(document.openapi).toBe("3.1.0");
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const asked = Object.entries({
      "/api/v1/summary": `?${today}&group_by=queue,agent&before=true`,
      "/api/v1/timeseries": `?${today}&interval=hour&group_by=queue,status`,
      "/api/v1/heatmap": `?${today}`,
      "/api/v1/agents": `?${today}`,
      "/api/v1/sla": `?${today}&group_by=queue`,
      "/api/v1/tickets": "",
      "/api/v1/tickets/{id}": "",
      "/api/v1/freshness": "",
      "/api/v1/filters": "",
      "/api/v1/pipeline": "",
    });
    for (const [path, query] of asked) {
      const { responses } = document.paths[path]?.get ?? { responses: {} };
      const answer = await json(`${path.slice(1).replace("{id}", "1")}${query}`);
      const validate = ajv.compile(responses[200]?.content["application/json"]?.schema ?? false);
      expect([path, validate(answer), validate.errors ?? []]).toEqual([path, true, []]);
    }
    const others = ["/api/v1/live", "/api/v1/pipeline/tasks/{id}/{command}"];
    expect(Object.keys(document.paths).sort()).toEqual(
      [...asked.map(([path]) => path), ...others].sort(),
    );
    const problem = await json("api/v1/summary?group_by=x");
    const { responses } = document.paths["/api/v1/summary"]?.get ?? { responses: {} };
    const schema = responses[400]?.content["application/problem+json"]?.schema ?? false;
    expect(ajv.validate(schema, problem)).toBe(true);
  });

  it("tells listeners when figures change", async () => {
    const stop = new AbortController();
    const response = await fetch(`${server.url}/api/v1/live`, { signal: stop.signal });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toMatch(/^data: \{"as_of":"2026-11-23T12:00:00.000Z"/);
    stop.abort();
  });

  it("serves the dashboard under a policy without inline code, and its gauges", async () => {
    const page = await get("");
    expect(page.headers.get("content-security-policy")).not.toContain("unsafe");
    const html = await page.text();
    expect(html).not.toMatch(/<script>|style="|https?:\/\/(?!www\.w3\.org)/);
    expect((await get("uplot/uPlot.iife.min.js")).status).toBe(200);
    expect((await get("uplot/../package.json")).status).toBe(404);
    expect(await (await get("metrics")).text()).toMatch(
      /thulium_backlog_tickets\{queue="help"\} 0\n/,
    );
  });

  it("rebuilds to the same figures when its store is lost, and goes on when it is not", async () => {
    const fresh = await MetricsEngine.open(
      { log, folder: join(folder, "fresh"), clock, logger: silentLogger, newId },
      options,
    );
    await fresh.catchUp(never);
    const query = { from: "2026-11-23", to: "2026-11-23" };
    expect(fresh.summary(query, ["queue"])).toEqual(engine.summary(query, ["queue"]));
    await fresh.close();
    const again = await MetricsEngine.open(
      { log, folder: join(folder, "fresh"), clock, logger: silentLogger, newId },
      options,
    );
    expect(again.summary(query, ["queue"])).toEqual(engine.summary(query, ["queue"]));
    await again.catchUp(never);
    expect(again.freshness().events).toBe(0);
    await again.close();
  });
});
