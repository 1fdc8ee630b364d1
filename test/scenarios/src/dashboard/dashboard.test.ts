/// <reference lib="dom" />
import { createRequire } from "node:module";
import type { TaskState } from "@thulium-stream/contracts";
import { instantOf } from "@thulium-stream/contracts";
import { realServers } from "@thulium-stream/kit/real-servers";
import { systemClock } from "@thulium-stream/runtime";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { chromium } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { eventsOf, hostile, queues } from "./help-desk-events.ts";
import { type ServedDashboard, serveDashboard } from "./served-dashboard.ts";

const { browser: executablePath } = realServers();
const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const patience = 60_000;
let browser: Browser;
let served: ServedDashboard;
let context: BrowserContext | null = null;
let faults: string[] = [];

/** A page in a browser of its own; everything it complains about is a fault. */
async function open(
  path: string,
  options: BrowserContextOptions = {},
  url = served.url,
): Promise<Page> {
  context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    locale: "en-GB",
    timezoneId: "America/New_York",
    ...options,
  });
  context.setDefaultTimeout(patience);
  const page = await context.newPage();
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("dialog", (dialog) => {
    faults.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("console", (message) => {
    if (/content security policy/i.test(message.text())) faults.push(message.text());
  });
  await page.goto(`${url}/${path}`);
  return page;
}

/** Waits until the figures stand. */
async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => document.documentElement.dataset["loaded"] !== undefined);
  await page.locator("#progress").waitFor({ state: "hidden" });
}

/** Rules of accessibility that the page breaks: WCAG 2.2 A and AA, and axe's best practices. */
async function broken(page: Page): Promise<readonly string[]> {
  await page.addScriptTag({ path: axe });
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    const { violations } = await axe.run();
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`),
    );
  });
}

const tile = (page: Page, name: string) =>
  page
    .locator(".tile", { has: page.getByRole("heading", { name: new RegExp(`^${name}`) }) })
    .locator(".tile-value");
const api = async (path: string) =>
  (await (await fetch(`${served.url}/api/v1/${path}`)).json()) as Record<string, never>;

describe.skipIf(executablePath === null)("the dashboard in Chromium", () => {
  beforeAll(async () => {
    served = await serveDashboard();
    browser = await chromium.launch({
      executablePath: executablePath ?? "",
      args: ["--no-sandbox", "--disable-dev-shm-usage"],
    });
  }, 120_000);
  afterEach(async () => {
    await context?.close();
    context = null;
    expect(faults).toEqual([]);
    faults = [];
  });
  afterAll(async () => {
    await browser?.close();
    await served?.close();
  });

  it("shows the API's figures, in the browser's language and in the other", async () => {
    const { total } = (await api("summary?days=7")) as unknown as {
      total: { backlog: number; created: number };
    };
    const page = await open("?days=7");
    await settled(page);
    expect(await tile(page, "Open now").textContent()).toBe(String(total.backlog));
    expect(await tile(page, "Created").textContent()).toBe(String(total.created));
    await page.getByRole("button", { name: "Polski" }).click();
    await page.getByRole("heading", { name: "Zaległości, nowe i zamknięte" }).waitFor();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe("pl");
    expect(await tile(page, "Otwarte teraz").textContent()).toBe(String(total.backlog));
    const polish = await open("", { locale: "pl-PL" });
    await polish.getByRole("link", { name: "Potok danych" }).waitFor();
  });

  it.each([
    ["in English and light", "", {}],
    ["in Polish and dark", "?lang=pl&by=agent&time=business", { colorScheme: "dark" }],
    ["on a phone", "?lang=pl&days=90", { viewport: { width: 360, height: 740 } }],
    ["with the backlog split", "?lang=pl&split=true", { colorScheme: "dark" }],
    ["with a ticket open", "?ticket=1004", {}],
    ["with nothing to show", "?from=2001-01-01&to=2001-01-02", {}],
    ["of the pipeline", "?view=pipeline&lang=pl", { colorScheme: "dark" }],
    ["of the pipeline on a phone", "?view=pipeline", { viewport: { width: 360, height: 740 } }],
  ] as const)(
    "breaks no rule of accessibility %s, and nothing sticks out",
    async (_what, path, options) => {
      const page = await open(path, { ...options, bypassCSP: true, reducedMotion: "reduce" });
      await settled(page);
      if (path.includes("ticket")) await page.locator("dialog .facts").waitFor();
      expect(await broken(page)).toEqual([]);
      const width = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      expect(width[0]).toBeLessThanOrEqual(width[1] ?? 0);
    },
  );

  it("keeps every filter in the address, so that a link and the way back lead to the same", async () => {
    const page = await open("");
    await settled(page);
    await page.getByLabel("Queue", { exact: true }).selectOption(`=${queues[0]}`);
    await page.getByRole("button", { name: "7 days" }).click();
    await page.getByRole("button", { name: "Agents" }).click();
    await page.getByRole("button", { name: "Working hours" }).first().click();
    await settled(page);
    const address = new URL(page.url());
    expect(Object.fromEntries(address.searchParams)).toEqual({
      days: "7",
      queue: queues[0],
      by: "agent",
      time: "business",
    });
    const created = await tile(page, "Created").textContent();
    const other = await open(address.search);
    await settled(other);
    expect(await tile(other, "Created").textContent()).toBe(created);
    expect(await other.getByLabel("Queue", { exact: true }).inputValue()).toBe(`=${queues[0]}`);
    expect(await other.getByRole("button", { name: "Agents" }).getAttribute("aria-pressed")).toBe(
      "true",
    );
    await other.getByRole("button", { name: "Reset" }).click();
    await other.goBack();
    await settled(other);
    await expect
      .poll(() => tile(other, "Created").textContent(), { timeout: patience })
      .toBe(created);
  });

  it("does not say that all runs while no extractor was ever heard", async () => {
    const page = await open("?view=pipeline");
    await settled(page);
    expect(await page.locator(".verdict h2").textContent()).toBe("Something needs care");
    expect(await page.locator(".stage.bad h3").textContent()).toBe("Extractor");
  });

  it("draws the backlog of each group, by what the table shows and as the address says", async () => {
    const page = await open("");
    await settled(page);
    await page.getByRole("button", { name: "Split" }).click();
    await settled(page);
    expect(new URL(page.url()).search).toBe("?split=true");
    const names = () => page.locator("#backlog .legend .key").allTextContents();
    await expect.poll(names, { timeout: patience }).toContain(queues[0]);
    await page.getByRole("button", { name: "Agents" }).click();
    await settled(page);
    await expect.poll(names, { timeout: patience }).not.toContain(queues[0]);
    const [own = 0, room = 0] = await page.evaluate(() =>
      [" .plot", ""].map((inner) => document.querySelector(`#backlog${inner}`)?.clientHeight),
    );
    // The chart is as high as its card leaves room for, also at its first drawing.
    expect(room - own).toBeLessThan(45);
    await page.getByRole("button", { name: "In all" }).click();
    await expect.poll(names, { timeout: patience }).toContain("Backlog");
  });

  it("can be worked by keyboard alone", async () => {
    const page = await open("");
    await settled(page);
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe(
      "Skip to the figures",
    );
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("7 days");
    await page.keyboard.press("Enter");
    await page.waitForURL(/days=7/);
    await settled(page);
    await page.locator(".breakdown .sort").first().focus();
    await page.keyboard.press("Space");
    expect(await page.locator("th[aria-sort=descending]").count()).toBe(1);
    await page.locator(".slowest .name-button").first().focus();
    await page.keyboard.press("Enter");
    await page.locator("dialog .facts").waitFor();
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
    expect(page.url()).not.toContain("ticket=");
  });

  it("shows hostile names and subjects as the text they are", async () => {
    const page = await open(`?by=agent&queue=${encodeURIComponent(hostile.queue)}`);
    await settled(page);
    await page.getByRole("button", { name: hostile.agent }).first().waitFor();
    expect(await page.locator(".slowest").textContent()).toContain("<svg onload=");
    await page.getByRole("button", { name: "Statuses" }).click();
    await page.getByRole("button", { name: hostile.status }).waitFor();
    await page.locator(".slowest .name-button").first().click();
    await page.locator("dialog .ticket-subject").waitFor();
    expect(await page.evaluate(() => (globalThis as { hacked?: number }).hacked)).toBe(undefined);
    expect(await page.locator("img[src=x], svg[onload], #overview script").count()).toBe(0);
    const policy = await page.evaluate(async () => {
      const script = document.createElement("script");
      script.textContent = "globalThis.hacked = 5";
      document.body.append(script);
      return (globalThis as { hacked?: number }).hacked;
    });
    expect(policy).toBe(undefined);
    expect(faults.splice(0)).toEqual([expect.stringMatching(/content security policy/i)]);
  });

  it("asks nothing of the outside, shows the figures quickly and in few bytes", async () => {
    const page = await open("", {}, "data:,");
    const origins = new Set<string>();
    page.on("request", (request) => origins.add(new URL(request.url()).origin));
    const session = await page.context().newCDPSession(page);
    await session.send("Network.enable");
    let bytes = 0;
    session.on("Network.loadingFinished", ({ encodedDataLength }) => {
      bytes += encodedDataLength;
    });
    await page.goto(`${served.url}/?lang=pl`);
    await settled(page);
    expect([...origins]).toEqual([served.url]);
    expect(bytes).toBeGreaterThan(50_000);
    expect(bytes).toBeLessThan(300_000);
  });

  it("follows changes without being asked, and says when it cannot", async () => {
    const page = await open("");
    await settled(page);
    const before = Number(await tile(page, "Created").textContent());
    const createdMs = systemClock.now() - 60_000;
    await served.tell(eventsOf({ system: "acme", id: 9001, createdMs, closedMs: null }));
    await expect
      .poll(async () => Number(await tile(page, "Created").textContent()), { timeout: patience })
      .toBe(before + 1);
    await page.route("**/api/v1/summary*", (route) => route.fulfill({ status: 500, body: "{}" }));
    await page.getByRole("button", { name: "90 days" }).click();
    await page.getByText("The figures could not be loaded").waitFor();
    await page.unroute("**/api/v1/summary*");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator("#notice").waitFor({ state: "hidden" });
    const lagging = {
      as_of: instantOf(systemClock.now() - 600_000),
      lag_s: 600,
      is_caught_up: true,
      tickets: 1,
      zone: "Europe/Warsaw",
    };
    await page.route("**/api/v1/freshness", (route) => route.fulfill({ json: lagging }));
    await page.getByRole("button", { name: "30 days" }).click();
    await page.getByText("These figures are old").waitFor();
    expect(await page.locator("#fresh").getAttribute("class")).toBe("fresh stale");
  });

  it("tells when the connection is lost, and goes on when it is back", async () => {
    const own = await serveDashboard();
    const page = await open("", {}, own.url);
    await settled(page);
    await own.close();
    await page.getByText("The connection is lost").waitFor();
    expect(await page.locator("#fresh").getAttribute("class")).toBe("fresh lost");
    expect(await tile(page, "Created").textContent()).toMatch(/^\d+$/);
    const again = await serveDashboard({ HTTP_PORT: new URL(own.url).port });
    await page.getByText("The connection is lost").waitFor({ state: "hidden" });
    await expect
      .poll(() => page.locator("#fresh").textContent(), { timeout: patience })
      .toMatch(/^Live/);
    await again.close();
  });

  it("looks closer where one drags over a chart, and tells its numbers as a table", async () => {
    const page = await open("");
    await settled(page);
    const plot = page.locator("#backlog .u-over");
    const point = async (share: number) => {
      const box = (await plot.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
      await page.mouse.move(box.x + box.width * share, box.y + 40, { steps: 5 });
    };
    // A chart that is drawn anew in the midst of it, since something changed, forgets the mouse: both are tried again then.
    await plot.scrollIntoViewIfNeeded();
    const tip = async () => {
      await point(0.2);
      await point(0.3);
      return page.locator("#backlog .tip").isVisible();
    };
    await expect.poll(tip, { timeout: patience }).toBe(true);
    const drag = async () => {
      await point(0.3);
      await page.mouse.down();
      await point(0.6);
      await page.mouse.up();
      return page.waitForURL(/from=\d{4}-\d{2}-\d{2}&to=/, { timeout: 5_000 }).then(
        () => true,
        () => false,
      );
    };
    await expect.poll(drag, { timeout: patience }).toBe(true);
    await settled(page);
    await page.locator("#backlog").getByRole("button", { name: "As a table" }).click();
    expect(await page.locator("#backlog tbody tr").count()).toBeGreaterThan(1);
  });

  it("saves CSV and prints without its controls", async () => {
    const page = await open("");
    await settled(page);
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page
        .locator(".card", { has: page.getByRole("heading", { name: "Breakdown" }) })
        .getByTitle("Download this table as CSV")
        .click(),
    ]);
    expect(file.suggestedFilename()).toBe("summary.csv");
    await page.emulateMedia({ media: "print" });
    expect(await page.locator(".filters").isVisible()).toBe(false);
    expect(await page.locator(".tile").first().isVisible()).toBe(true);
    expect((await page.pdf()).byteLength).toBeGreaterThan(10_000);
  });

  it("asks for the token, and behind it pauses a backfill", async () => {
    const guarded = await serveDashboard({ API_TOKEN: "open-sesame" });
    const at = instantOf(systemClock.now());
    await guarded.tellTask(backfillAt(at));
    const page = await open("?view=pipeline", { bypassCSP: true }, guarded.url);
    await page.locator("input[name=token]").fill("guess");
    await page.keyboard.press("Enter");
    await page.getByText("That was not the token").waitFor();
    expect(await broken(page)).toEqual([]);
    await page.locator("input[name=token]").fill("open-sesame");
    await page.keyboard.press("Enter");
    await page.getByText("250 / 1,000").waitFor();
    expect(await broken(page)).toEqual([]);
    await page.getByRole("button", { name: "Pause" }).click();
    await expect.poll(() => guarded.commands(), { timeout: patience }).toBe(1);
    await guarded.tellTask({ ...backfillAt(at), state: "paused" });
    await page.getByRole("button", { name: "Resume" }).waitFor();
    await guarded.close();
  });
});

function backfillAt(at: string): TaskState {
  return {
    system: "acme",
    task_id: "backfill-abc123",
    request: {
      kind: "backfill",
      created_from: null,
      created_to: null,
      queue_ids: [],
      estimate_only: false,
    },
    state: "running",
    slices: 4,
    slices_done: 1,
    expected: 1000,
    tickets: 250,
    requests_expected: 10,
    holes: 0,
    requested_at: at,
    started_at: at,
    ended_at: null,
    note: null,
  };
}
