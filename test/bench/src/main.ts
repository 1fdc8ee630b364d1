import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { dashboardBars } from "./dashboard-bars.ts";
import { kafkaBars } from "./kafka/kafka-bars.ts";
import { lakeAgainstConnect } from "./lake-against-connect.ts";
import { lakeDrain } from "./lake-drain.ts";
import { lakeFiles } from "./lake-files.ts";
import { lakeQuery } from "./lake-query.ts";
import { latency } from "./latency.ts";
import { limits } from "./limits.ts";
import { manyTickets } from "./many-tickets.ts";
import { type Measured, measure } from "./measurements.ts";
import { mergeAmplification } from "./merge-amplification.ts";
import { metricsFold, metricsRebuild } from "./metrics-bars.ts";
import { referencePage } from "./reference-page.ts";
import { sideBySide } from "./side-by-side.ts";
import { subscriberBench } from "./subscriber/subscriber-bench.ts";

/** `npm run bench [-- name …]`: each measurement three times in a process of its own; prints the machine, medians, ranges and peak memory. */
const names = [
  "sandbox-to-log",
  "log-to-parquet-duckdb",
  "log-to-parquet-parquetjs-lite",
  "log-to-metrics",
];
/** Measurements that print a report of their own; those that take minutes run only when they are named. */
const reports: Readonly<Record<string, () => Promise<string>>> = {
  "side-by-side": () => sideBySide(),
  "reference-page": () => referencePage(),
  latency: () => latency(),
  limits: () => limits(),
  kafka: () => kafkaBars(),
  "many-tickets": () => manyTickets(),
  "lake-drain": () => lakeDrain(),
  "lake-against-connect": () => lakeAgainstConnect(),
  "merge-amplification": () => mergeAmplification(),
  "lake-query": () => lakeQuery(),
  "lake-files": () => lakeFiles(),
  "metrics-fold": () => metricsFold(),
  "metrics-rebuild": () => metricsRebuild(),
  dashboard: () => dashboardBars(),
  subscriber: () => subscriberBench(),
};
const slow: readonly string[] = [
  "kafka",
  "many-tickets",
  "lake-drain",
  "lake-against-connect",
  "merge-amplification",
  "lake-query",
  "lake-files",
  "metrics-fold",
  "metrics-rebuild",
  "dashboard",
  "subscriber",
];
const runs = 3;
const self = fileURLToPath(import.meta.url);

/** What the child prints. */
interface Result extends Measured {
  readonly peakRssBytes: number;
}

const [only, child] = process.argv.slice(2);
if (only === "--child" && child !== undefined) {
  const measured = await measure(child);
  // Linux counts in kilobytes.
  console.log(JSON.stringify({ ...measured, peakRssBytes: process.resourceUsage().maxRSS * 1024 }));
  process.exit(0);
}

if (only === "--report" && child !== undefined) {
  console.log(await reports[child]?.());
  process.exit(0);
}

const named = process.argv.slice(2);
const wanted = process.argv.slice(2).filter((name) => names.includes(name));
console.log(
  `${cpus()[0]?.model ?? "unknown processor"}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB · Node ${process.versions.node} · ${versions()}\n`,
);
for (const name of Object.keys(reports))
  if (named.includes(name) || (named.length === 0 && !slow.includes(name))) {
    console.log(`${name}\n`);
    spawnSync(process.execPath, ["--expose-gc", self, "--report", name], { stdio: "inherit" });
    console.log();
  }
if (named.length > 0 && wanted.length === 0) process.exit(0);
console.log(
  `| measurement | ${runs} runs: median (least – most) | peak RSS |\n| --- | --- | --- |`,
);
for (const name of wanted.length > 0 ? wanted : names) {
  const results = Array.from({ length: runs }, () => inChild(name));
  const rates = results.map(({ count, seconds }) => count / seconds).sort((a, b) => a - b);
  const rounded = rates.map((rate) => Math.round(rate).toLocaleString("en"));
  const rss = Math.max(...results.map(({ peakRssBytes }) => peakRssBytes)) / 2 ** 20;
  console.log(
    `| ${name} (${results[0]?.count} ${results[0]?.unit}) | ${rounded[1]} ${results[0]?.unit}/s (${rounded[0]} – ${rounded[2]}) | ${Math.round(rss)} MiB |`,
  );
}
const startUp = Array.from({ length: runs }, startUpMs).sort((a, b) => a - b);
console.log(
  `| start-up of the command (\`--version\`) | ${startUp[1]} ms (${startUp[0]} – ${startUp[2]}) | |`,
);
process.exit(0);

function inChild(name: string): Result {
  const { stdout, stderr, status } = spawnSync(process.execPath, [self, "--child", name], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${name} failed:\n${stderr}`);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Result;
}

function startUpMs(): number {
  const command = fileURLToPath(
    new URL("../../../packages/cli/bin/thulium-stream.mjs", import.meta.url),
  );
  const startedMs = performance.now();
  spawnSync(process.execPath, [command, "--version"]);
  return Math.round(performance.now() - startedMs);
}

/** Versions of what the figures depend on most. */
function versions(): string {
  const lock = readFileSync(
    fileURLToPath(new URL("../../../pnpm-lock.yaml", import.meta.url)),
    "utf8",
  );
  return ["lmdb", "parquetjs-lite", "@duckdb/node-api", "undici"]
    .map((name) => new RegExp(`'?(${name}@[^:'(]+)'?:`).exec(lock)?.[1] ?? name)
    .join(", ");
}
