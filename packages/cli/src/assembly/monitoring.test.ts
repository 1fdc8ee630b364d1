import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parser } from "@prometheus-io/lezer-promql";
import type { ExtractorStatus } from "@thulium-stream/extractor";
import { registerMetrics } from "@thulium-stream/metrics";
import { Registry } from "@thulium-stream/runtime";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { registerExtractor, registerLakeWriter } from "./pipeline-readings.ts";

const infra = join(import.meta.dirname, "..", "..", "..", "..", "infra");
const at = "2026-11-23T12:00:00.000Z";
const status = {
  role: "active",
  sealed: at,
  agreedAsOf: at,
  lastSweepAt: at,
  waitingUntil: at,
  ticketsHeld: 1,
  requests: 1,
  requestRate: 1,
  holes: 0,
  clockSkewMs: 0,
  counts: { deadLetters: 0 },
  tasks: [{ request: { kind: "backfill" }, state: "running", tickets: 1, expected: 1 }],
} as unknown as ExtractorStatus;
const distribution = { count: 1, mean_s: 60, histogram: [1, 0, 0, 0, 0, 0, 0, 0] };
const share = { met: 1, breached: 1 };
const open = {
  running: 1,
  due_within_1h: 0,
  due_within_4h: 0,
  due_within_8h: 0,
  due_within_24h: 0,
  overdue: 0,
};
const total = {
  created: 1,
  closed: 1,
  first_response: distribution,
  first_response_business: distribution,
  next_response: distribution,
  next_response_business: distribution,
  resolution: distribution,
  resolution_business: distribution,
  sla: { first_response: share, next_response: share, resolution: share },
};
const view = {
  summary: () => ({ total, groups: [{ key: ["help"], backlog: 1 }] }),
  openClocks: () => ({ first_response: open, next_response: open, resolution: open }),
  freshness: () => ({ as_of: at, lag_s: 0, tickets: 1, events: 1 }),
  isCaughtUp: true,
  day: () => "2026-11-23",
} as unknown as Parameters<typeof registerMetrics>[1];

/** Labels of every series that a process tells Prometheus of, `system` of the scrape configuration included. */
const series = new Map<string, Set<string>>();
let text = "";

beforeAll(async () => {
  const registry = new Registry();
  registerExtractor(registry, { status: () => status });
  const tables = [{ name: "ticket_events", rows: 1, files: 1, lag: 0, committedAt: at }];
  registerLakeWriter(registry, { status: () => ({ tables, lastSnapshotAt: at }) } as never);
  registerMetrics(registry, view);
  text = await registry.metrics();
  for (const [, name = "", labels = ""] of text.matchAll(/^([a-z_]+)(?:\{(.*)\})? \S+$/gm)) {
    const known = series.get(name) ?? new Set(["system", "instance", "job"]);
    for (const [, label = ""] of labels.matchAll(/([a-z_]+)="/g)) known.add(label);
    series.set(name, known);
  }
});

/** What an expression asks for: series with the labels they are picked by. */
function selectorsOf(expression: string): readonly (readonly [string, readonly string[]])[] {
  const query = expression
    .replaceAll("$__range", "1h")
    .replaceAll("$__rate_interval", "5m")
    .replaceAll("$system", "demo");
  const tree = parser.parse(query);
  const found: [string, string[]][] = [];
  tree.iterate({
    enter(node) {
      if (node.type.isError) throw new Error(`no PromQL at ${node.from}: ${query}`);
      const part = query.slice(node.from, node.to);
      if (node.name === "VectorSelector") found.push([part.split("{")[0]?.trim() ?? "", []]);
      if (node.name === "LabelName" && node.matchContext(["LabelMatchers", "UnquotedLabelMatcher"]))
        found.at(-1)?.[1].push(part);
    },
  });
  return found;
}

function strangersIn(expression: string): readonly string[] {
  return selectorsOf(expression).flatMap(([name, labels]) => {
    const known = series.get(name);
    if (known === undefined) return [name];
    return labels.filter((label) => !known.has(label)).map((label) => `${name}{${label}}`);
  });
}

describe("Prometheus and Grafana", () => {
  it("are told every series with a help text and a name by the conventions", () => {
    const names = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
    expect(names.length).toBeGreaterThan(30);
    for (const [, name = "", type] of names) {
      expect(name).toMatch(/^thulium_[a-z_]+$/);
      expect([name, name.endsWith("_total")]).toEqual([name, type === "counter"]);
      expect(text).toMatch(new RegExp(`^# HELP ${name} .{6,}$`, "m"));
      // Base units only.
      expect(name).not.toMatch(/_(ms|milliseconds|minutes|hours|percent|kb|mb)(_|$)/);
    }
  });

  it("alert only on series and labels that exist", () => {
    const { groups } = parse(readFileSync(join(infra, "prometheus", "alerts.yml"), "utf8")) as {
      groups: { rules: { alert: string; expr: string; annotations: Record<string, string> }[] }[];
    };
    const rules = groups.flatMap(({ rules }) => rules);
    expect(rules.length).toBeGreaterThan(10);
    for (const { alert, expr, annotations } of rules) {
      expect([alert, strangersIn(expr)]).toEqual([alert, []]);
      expect(Object.keys(annotations)).toEqual(["summary", "description"]);
    }
  });

  it("draw only series and labels that exist", () => {
    const { panels } = JSON.parse(
      readFileSync(join(infra, "grafana", "thulium-stream.json"), "utf8"),
    ) as {
      panels: { title: string; targets?: { expr: string }[] }[];
    };
    const targets = panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => [title, expr] as const),
    );
    expect(targets.length).toBeGreaterThan(30);
    for (const [title, expr] of targets) expect([title, strangersIn(expr)]).toEqual([title, []]);
    const drawn = new Set(targets.flatMap(([, expr]) => selectorsOf(expr).map(([name]) => name)));
    const left = [...series.keys()].filter(
      (name) => !drawn.has(name) && !/_(sum|count|bucket)$/.test(name),
    );
    expect(left).toEqual([]);
  });

  it("would be caught using a series that does not exist", () => {
    expect(strangersIn("rate(thulium_nothing_total[5m])")).toEqual(["thulium_nothing_total"]);
    expect(strangersIn('sum(thulium_extractor_holes{queue="x"})')).toEqual([
      "thulium_extractor_holes{queue}",
    ]);
    expect(() => strangersIn("sum by (x (thulium_extractor_holes)")).toThrow("no PromQL");
  });

  const promtool = spawnSync("promtool", ["--version"]).status === 0;
  it.skipIf(!promtool)(
    "satisfy promtool, which also tries the rules (only where it is installed)",
    () => {
      const run = (args: readonly string[], input = "") => {
        const {
          status: code,
          stdout,
          stderr,
        } = spawnSync("promtool", args, {
          cwd: join(infra, "prometheus"),
          input,
          encoding: "utf8",
        });
        return [code, code === 0 ? "" : stdout + stderr];
      };
      expect(run(["check", "rules", "alerts.yml"])).toEqual([0, ""]);
      expect(run(["test", "rules", "alerts.test.yml"])).toEqual([0, ""]);
      expect(run(["check", "config", "--syntax-only", "prometheus.yml"])).toEqual([0, ""]);
      expect(run(["check", "metrics"], text)).toEqual([0, ""]);
    },
  );
});
