import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { silentLogger } from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { chromium as findChromium } from "@thulium-stream/infra/local";
import { openMetrics } from "@thulium-stream/metrics/main";
import { Lifetime, newId, Registry, readSettings, systemClock } from "@thulium-stream/runtime";
import { chromium } from "playwright-core";

const self = fileURLToPath(import.meta.url);
const filler = fileURLToPath(new URL("./metrics-bars.js", import.meta.url));
const requests = 300;
const visits = 7;

/**
 * The API and the dashboard with very many tickets behind them, served by a process of its own: summaries over a year through HTTP, and the dashboard in Chromium, each time by
 * a browser that has nothing in its cache. `BENCH_TICKETS`, default 1,000,000; filling the log comes first and takes minutes.
 */
export async function dashboardBars(): Promise<string> {
  const tickets = process.env["BENCH_TICKETS"] ?? "1000000";
  const executablePath = await findChromium();
  const folder = mkdtempSync(join(tmpdir(), "dashboard-bars-"));
  const filled = spawnSync(process.execPath, [filler, "--part", "fill-figures", folder, tickets], {
    encoding: "utf8",
  });
  if (filled.status !== 0) throw new Error(filled.stderr);
  const server = spawn(process.execPath, [self, "--serve", folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const url = await firstLine(server.stdout);
    const answers = [
      await answerLine(url, "`summary` of a year", "summary?days=365"),
      await answerLine(
        url,
        "`summary` of a year by queue and agent",
        "summary?days=365&group_by=queue,agent",
      ),
      await answerLine(url, "`summary` of a year of one queue", "summary?days=365&queue=Kolejka 7"),
      await answerLine(url, "`timeseries` of a year by day", "timeseries?days=365"),
      await answerLine(url, "`/metrics`", "../../metrics", 20),
    ];
    return [
      `${Number(tickets).toLocaleString("en")} tickets`,
      "",
      "| over HTTP | median | p99 | most |",
      "| --- | --- | --- | --- |",
      ...answers,
      "",
      await visitLines(url, executablePath),
    ].join("\n");
  } finally {
    server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function answerLine(
  url: string,
  name: string,
  path: string,
  times = requests,
): Promise<string> {
  const took: number[] = [];
  for (let at = 0; at < times; at += 1) {
    const startedMs = performance.now();
    const response = await fetch(`${url}/api/v1/${path}`);
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    took.push(performance.now() - startedMs);
    // The limit of requests a minute is not what is measured.
    await systemClock.sleep(40);
  }
  return `| ${name} | ${quantile(took, 0.5)} ms | ${quantile(took, 0.99)} ms | ${quantile(took, 1)} ms |`;
}

const controls = "form.filters";
const figures = "html[data-loaded]";

/** The page itself marks when what a selector finds has been painted: when another process learns of it is no part of what a visitor waits for. */
const markPainted = `{
  const left = new Set(${JSON.stringify([controls, figures])});
  new MutationObserver(() => {
    for (const selector of left)
      if (document.querySelector(selector) !== null) {
        left.delete(selector);
        requestAnimationFrame(() => requestAnimationFrame(() => performance.mark(selector)));
      }
  }).observe(document, { attributes: true, childList: true, subtree: true });
}`;

/** What one visit took. */
interface Visit {
  /** From navigation until its controls were painted. */
  readonly controlsMs: number;
  /** Until all figures were. */
  readonly figuresMs: number;
  readonly bytes: number;
}

async function visitLines(url: string, executablePath: string): Promise<string> {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const seen: Visit[] = [];
  for (let at = 0; at < visits; at += 1) {
    const context = await browser.newContext({ viewport: { width: 1360, height: 900 } });
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    await session.send("Network.enable");
    let bytes = 0;
    session.on("Network.loadingFinished", ({ encodedDataLength }) => {
      bytes += encodedDataLength;
    });
    await page.addInitScript(markPainted);
    await page.goto(url, { waitUntil: "commit" });
    const since = (selector: string) =>
      page.evaluate(
        `new Promise((resolve) => {
          const look = () => {
            const [mark] = performance.getEntriesByName(${JSON.stringify(selector)});
            if (mark === undefined) requestAnimationFrame(look);
            else resolve(mark.startTime);
          };
          look();
        })`,
      ) as Promise<number>;
    const [controlsMs, figuresMs] = [await since(controls), await since(figures)];
    // What comes after the figures was transferred as well.
    await systemClock.sleep(500);
    seen.push({ controlsMs, figuresMs, bytes });
    await context.close();
  }
  await browser.close();
  const of = (what: keyof Visit) => seen.map((visit) => visit[what]);
  return [
    `| dashboard, ${visits} visits with an empty cache | median | most |`,
    "| --- | --- | --- |",
    `| controls stand | ${quantile(of("controlsMs"), 0.5)} ms | ${quantile(of("controlsMs"), 1)} ms |`,
    `| all figures stand | ${quantile(of("figuresMs"), 0.5)} ms | ${quantile(of("figuresMs"), 1)} ms |`,
    `| transferred | ${quantile(of("bytes").map(inKb), 0.5)} kB | ${quantile(of("bytes").map(inKb), 1)} kB |`,
  ].join("\n");
}

const inKb = (bytes: number) => bytes / 1000;

function quantile(values: readonly number[], share: number): string {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN).toFixed(0);
}

async function firstLine(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) return line;
  throw new Error("the server ended before it listened");
}

async function serve(folder: string): Promise<void> {
  const life = new Lifetime(silentLogger);
  const deps = { clock: systemClock, logger: silentLogger };
  const log = await openEmbeddedLog({ folder: join(folder, "log"), newId, ...deps });
  // The rules that the figures were made by: others would have them made anew.
  const settings = readSettings(
    {
      THULIUM_SYSTEM: "acme",
      HTTP_PORT: "0",
      STATE_DIR: join(folder, "state"),
      SLA_FIRST_RESPONSE: "4h",
      SLA_RESOLUTION: "24h",
    },
    { source: false },
  );
  const surroundings = { log, registry: new Registry(), lake: async () => null, ...deps };
  const metrics = await openMetrics(settings, surroundings, life);
  await metrics.engine.catchUp(new AbortController().signal);
  console.log(metrics.httpUrl);
  await metrics.run(new AbortController().signal);
}

if (process.argv[2] === "--serve") await serve(process.argv[3] ?? "");
