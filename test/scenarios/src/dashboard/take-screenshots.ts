import { join } from "node:path";
import { chromium as findChromium } from "@thulium-stream/infra/local";
import { systemClock } from "@thulium-stream/runtime";
import { type Browser, chromium } from "playwright-core";
import { Deployment } from "../pipeline-process.ts";

/** `npm run screenshots`: the pictures of the documentation, of a sandbox pipeline that has caught up. */
const images = join(import.meta.dirname, "..", "..", "..", "..", "docs", "images");

/** A picture: what is looked at, and how. */
interface Picture {
  readonly name: string;
  readonly address: string;
  readonly width: number;
  readonly height: number;
  readonly colorScheme: "light" | "dark";
  /** Only what fits on the screen. */
  readonly isScreen?: boolean;
}

const pictures: readonly Picture[] = [
  {
    name: "dashboard-light",
    address: "?days=90&lang=en",
    width: 1280,
    height: 900,
    colorScheme: "light",
  },
  {
    name: "dashboard-dark",
    address: "?days=90&lang=pl&by=agent",
    width: 1280,
    height: 900,
    colorScheme: "dark",
    isScreen: true,
  },
  {
    name: "dashboard-phone",
    address: "?lang=pl",
    width: 390,
    height: 844,
    colorScheme: "light",
    isScreen: true,
  },
  {
    name: "dashboard-ticket",
    address: "?lang=en&ticket=139",
    width: 1280,
    height: 900,
    colorScheme: "light",
    isScreen: true,
  },
  {
    name: "pipeline",
    address: "?view=pipeline&lang=en",
    width: 1280,
    height: 900,
    colorScheme: "light",
  },
];

const deployment = new Deployment({
  SANDBOX_TICKETS: "20000",
  SLA_FIRST_RESPONSE: "2h",
  SLA_RESOLUTION: "24h",
  LAKE_FLUSH_INTERVAL: "5s",
});
try {
  await deployment.succeed(["run", "--once"]);
  const { process: pipeline } = deployment.start(["run"]);
  const url = await dashboardOf(pipeline.stderr);
  await untilReady(url);
  const executablePath = await findChromium();
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  for (const picture of pictures) await take(browser, url, picture);
  await browser.close();
  pipeline.kill("SIGTERM");
} finally {
  deployment.dispose();
}

async function take(browser: Browser, url: string, picture: Picture): Promise<void> {
  const { name, address, width, height, colorScheme, isScreen = false } = picture;
  const page = await browser.newPage({ viewport: { width, height }, colorScheme });
  await page.goto(`${url}/${address}`);
  await page.locator("html[data-loaded]").waitFor();
  if (address.includes("ticket=")) await page.locator("dialog .facts").waitFor();
  await page.locator("#progress").waitFor({ state: "hidden" });
  await page.screenshot({
    path: join(images, `${name}.png`),
    fullPage: !isScreen,
    animations: "disabled",
  });
  await page.close();
}

async function dashboardOf(output: NodeJS.ReadableStream | null): Promise<string> {
  let text = "";
  for await (const part of output ?? []) {
    text += String(part);
    const [, url] = /dashboard +(http:\S+)/.exec(text) ?? [];
    if (url !== undefined) return url;
  }
  throw new Error(`the pipeline ended:\n${text}`);
}

async function untilReady(url: string): Promise<void> {
  for (let tries = 0; tries < 120; tries += 1) {
    const isReady = await fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) break;
    await systemClock.sleep(500);
  }
  // One heartbeat of the extractor, one commit of the lake.
  await systemClock.sleep(20_000);
}
