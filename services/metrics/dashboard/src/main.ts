import { type AsOf, listen, Refusal } from "./api.js";
import { fitCharts } from "./charts.js";
import { byId, h } from "./element.js";
import { linkTo, readView, type View } from "./filters.js";
import { moment } from "./format.js";
import { loadHealth, showHealth } from "./health.js";
import { type IconName, icon } from "./icons.js";
import { type Figures, loadFigures, makeOverview, showFigures } from "./overview.js";
import { openTicket } from "./ticket-dialog.js";
import { askForToken } from "./token-dialog.js";
import { currentLanguage, switchLanguage, type Word, word } from "./words.js";

/** Figures older than this are told to be old. */
const staleS = 120;
/** Changes are gathered so long before the page looks again. */
const gatherMs = 1500;
/** At least so long between two looks. */
const pauseMs = 5000;
/** The page of the pipeline looks by itself, too: a pipeline that stands still changes no figures. */
const healthEveryMs = 5000;

let view: View = readView();
let shown: Figures | null = null;
let freshness: AsOf | null = null;
let turn = 0;
let shownTicket: string | null = null;
/** When the last look ended. */
let loadedMs = 0;

function change(next: Partial<View>): void {
  view = { ...view, ...next };
  history.pushState(null, "", linkTo(view));
  show();
}

/** Makes the page anew for the view, then fills it. */
function show(): void {
  const isOverview = view.view === "overview";
  byId("overview").hidden = !isOverview;
  byId("pipeline").hidden = isOverview;
  for (const tab of document.querySelectorAll<HTMLAnchorElement>(".tabs a")) {
    if (tab.dataset["view"] === view.view) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
    tab.href = linkTo({
      ...view,
      view: tab.dataset["view"] === "pipeline" ? "pipeline" : "overview",
      ticket: null,
    });
  }
  byId("heading").textContent = word(isOverview ? "title" : "pipeline");
  document.title = `${word(isOverview ? "title" : "pipeline")} · thulium-stream`;
  if (isOverview && (shown === null || document.querySelector("#tiles") === null))
    makeOverview(view, change);
  else if (isOverview) remakeControls();
  showTicket();
  void load();
}

/** Controls show the view at once, figures follow. */
function remakeControls(): void {
  const heights = new Map(
    [...document.querySelectorAll<HTMLElement>(".body")].map((body) => [
      body.id,
      body.offsetHeight,
    ]),
  );
  const kept = [...document.querySelectorAll<HTMLElement>(".body")].map(
    (body) => [body.id, [...body.childNodes]] as const,
  );
  const tiles = [...byId("tiles").childNodes];
  makeOverview(view, change);
  byId("tiles").replaceChildren(...tiles);
  byId("tiles").className = "";
  for (const [id, nodes] of kept) {
    byId(id).replaceChildren(...nodes);
    byId(id).style.minHeight = `${heights.get(id) ?? 0}px`;
  }
}

async function load(): Promise<void> {
  turn += 1;
  const mine = turn;
  byId("progress").hidden = false;
  try {
    if (view.view === "pipeline") {
      const health = await loadHealth();
      if (mine !== turn) return;
      showHealth(health, () => void load());
      freshness = health.freshness;
      showZone(health.freshness.zone);
    } else {
      const figures = await loadFigures(view);
      if (mine !== turn) return;
      shown = figures;
      for (const body of document.querySelectorAll<HTMLElement>(".body")) body.style.minHeight = "";
      showFigures(figures, view, change);
      freshness = figures.freshness;
      showZone(figures.freshness.zone);
      if (!figures.freshness.is_caught_up) return notice("starting", "stale");
    }
    notice(freshness.lag_s > staleS ? "stale" : null, "stale");
  } catch (error) {
    if (mine !== turn) return;
    if (error instanceof Refusal && error.status === 401) {
      await askForToken();
      return load();
    }
    notice("failed", "failed", error instanceof Refusal ? error.message : "");
  } finally {
    if (mine === turn) {
      loadedMs = Date.now();
      byId("progress").hidden = true;
      showFreshness("live");
      document.documentElement.dataset["loaded"] = String(turn);
    }
  }
}

function showZone(zone: string): void {
  byId("zone").textContent = `${word("zoneHint")} ${zone}`;
}

function notice(name: Word | null, tone: "stale" | "failed", detail = ""): void {
  const place = byId("notice");
  place.hidden = name === null;
  place.className = tone;
  if (name === null) return;
  const again = h(
    "button",
    { class: "quiet-button", attributes: { type: "button" }, on: { click: () => void load() } },
    word("retry"),
  );
  place.replaceChildren(h("span", null, `${word(name)} ${detail}`), tone === "failed" ? again : "");
}

function showFreshness(state: "live" | "lost"): void {
  if (freshness === null) return;
  const { as_of, lag_s } = freshness;
  const place = byId("fresh");
  place.className = state === "lost" ? "fresh lost" : lag_s > staleS ? "fresh stale" : "fresh";
  const asOf = `${word("asOf")} ${moment(as_of)}`;
  place.textContent = state === "lost" || lag_s > staleS ? asOf : `${word("live")} · ${asOf}`;
}

/** Follows the server's events for ever; a lost connection is told, and tried again ever more slowly. */
async function follow(): Promise<void> {
  let isDue = false;
  let retryMs = 1000;
  for (;;) {
    try {
      await listen((news) => {
        retryMs = 1000;
        const isBack = byId("fresh").classList.contains("lost");
        freshness = news;
        showFreshness("live");
        if (isBack) notice(null, "stale");
        if (isDue || (shown !== null && shown.freshness.as_of === news.as_of)) return;
        // Many changes, one look.
        isDue = true;
        setTimeout(
          () => {
            isDue = false;
            if (document.visibilityState === "visible") void load();
          },
          Math.max(gatherMs, loadedMs + pauseMs - Date.now()),
        );
      });
    } catch (error) {
      if (error instanceof Refusal && error.status === 401) await askForToken();
    }
    showFreshness("lost");
    notice("lost", "stale");
    await new Promise((resolve) => setTimeout(resolve, retryMs));
    retryMs = Math.min(retryMs * 2, 15_000);
  }
}

function showTicket(): void {
  if (view.ticket === null || view.ticket === shownTicket) return;
  shownTicket = view.ticket;
  void openTicket(view.ticket, shown?.sourceUrl ?? null, () => {
    shownTicket = null;
    if (view.ticket !== null) change({ ticket: null });
  });
}

function showWords(): void {
  document.documentElement.lang = currentLanguage();
  for (const place of document.querySelectorAll<HTMLElement>("[data-text]"))
    place.textContent = word(place.dataset["text"] as Word);
  for (const place of document.querySelectorAll<HTMLElement>("[data-label]"))
    place.setAttribute("aria-label", word(place.dataset["label"] as Word));
  byId("language").textContent = word("language");
  byId("language").lang = currentLanguage() === "en" ? "pl" : "en";
  name("theme", theme() === "dark" ? "toLight" : "toDark", theme() === "dark" ? "sun" : "moon");
  name("print", "print", "printer");
}

function name(id: string, label: Word, sign: IconName): void {
  const button = byId(id);
  button.setAttribute("aria-label", word(label));
  button.title = word(label);
  button.replaceChildren(icon(sign));
}

function theme(): "dark" | "light" {
  const chosen = localStorage.getItem("theme");
  if (chosen === "dark" || chosen === "light") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

function applyTheme(): void {
  document.documentElement.dataset["theme"] = theme();
  showWords();
}

function redraw(): void {
  if (view.view === "overview" && shown !== null) showFigures(shown, view, change);
}

function start(): void {
  applyTheme();
  byId("language").addEventListener("click", () => {
    switchLanguage();
    showWords();
    shown = null;
    show();
  });
  byId("theme").addEventListener("click", () => {
    localStorage.setItem("theme", theme() === "dark" ? "light" : "dark");
    applyTheme();
    redraw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    applyTheme();
    redraw();
  });
  byId("print").addEventListener("click", () => print());
  for (const tab of document.querySelectorAll<HTMLAnchorElement>(".tabs a"))
    tab.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      change({ view: tab.dataset["view"] === "pipeline" ? "pipeline" : "overview", ticket: null });
    });
  addEventListener("popstate", () => {
    view = readView();
    document.querySelector<HTMLDialogElement>("dialog.ticket")?.close();
    show();
  });
  addEventListener("resize", fitCharts);
  addEventListener("beforeprint", fitCharts);
  setInterval(() => {
    if (view.view === "pipeline" && document.visibilityState === "visible") void load();
  }, healthEveryMs);
  show();
  void follow();
}

start();
