import { type Answers, ask } from "./api.js";
import { drawCharts, fitCharts } from "./charts.js";
import { showHeat, showKpis, showQueues, showSlowest } from "./tables.js";
import { currentLanguage, moment, switchLanguage, type Word, word } from "./words.js";

/** The filters; they live in the address, so that a link leads to the same figures. */
interface Filters {
  readonly from: string;
  readonly to: string;
  readonly queue: string;
}

const presets: readonly (readonly [Word, number])[] = [
  ["days7", 7],
  ["days30", 30],
  ["days90", 90],
  ["days365", 365],
];
const form = document.getElementById("filters") as HTMLFormElement;
const field = (name: string) =>
  form.elements.namedItem(name) as HTMLInputElement | HTMLSelectElement;
let shown: { timeseries: Answers["timeseries"] } | null = null;
let sourceUrl: string | null = null;

function day(offset: number): string {
  const at = new Date(Date.now() + offset * 86_400_000);
  return `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, "0")}-${String(at.getDate()).padStart(2, "0")}`;
}

function filters(): Filters {
  const address = new URLSearchParams(location.search);
  return {
    from: address.get("from") ?? day(-29),
    to: address.get("to") ?? day(0),
    queue: address.get("queue") ?? "",
  };
}

function setFilters(next: Partial<Filters>): void {
  const address = new URLSearchParams({ ...filters(), ...next });
  history.replaceState(null, "", `?${address}`);
  showControls();
  void load();
}

function showControls(): void {
  const { from, to, queue } = filters();
  field("from").value = from;
  field("to").value = to;
  field("queue").value = queue;
  for (const button of document.querySelectorAll<HTMLButtonElement>("#presets button"))
    button.setAttribute(
      "aria-pressed",
      String(from === day(1 - Number(button.dataset["days"])) && to === day(0)),
    );
  (document.getElementById("csv") as HTMLAnchorElement).href =
    `api/v1/summary?${new URLSearchParams({ from, to, ...(queue === "" ? {} : { queue }), group_by: "queue", format: "csv" })}`;
}

function showWords(): void {
  document.documentElement.lang = currentLanguage();
  for (const place of document.querySelectorAll<HTMLElement>("[data-text]"))
    place.textContent = word(place.dataset["text"] as Word);
  for (const place of document.querySelectorAll<HTMLElement>("[data-label]"))
    place.setAttribute("aria-label", word(place.dataset["label"] as Word));
  (document.getElementById("language") as HTMLElement).textContent = word("language");
  (document.getElementById("theme") as HTMLElement).textContent = word(
    theme() === "dark" ? "light" : "dark",
  );
  const buttons = presets.map(([name, days]) => {
    const button = Object.assign(document.createElement("button"), {
      type: "button",
      textContent: word(name),
    });
    button.dataset["days"] = String(days);
    button.addEventListener("click", () => setFilters({ from: day(1 - days), to: day(0) }));
    return button;
  });
  const group = document.getElementById("presets") as HTMLElement;
  group.replaceChildren(...group.querySelectorAll("legend"), ...buttons);
}

function showQueueChoices(queues: readonly string[]): void {
  const { queue } = filters();
  const choices = ["", ...queues, ...(queue !== "" && !queues.includes(queue) ? [queue] : [])];
  field("queue").replaceChildren(
    ...choices.map((name) =>
      Object.assign(document.createElement("option"), {
        value: name,
        textContent: name === "" ? word("all") : name,
      }),
    ),
  );
  field("queue").value = queue;
}

function theme(): "dark" | "light" {
  const chosen = localStorage.getItem("theme");
  if (chosen === "dark" || chosen === "light") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

function applyTheme(): void {
  document.documentElement.dataset["theme"] = theme();
}

let loading = 0;
async function load(): Promise<void> {
  loading += 1;
  const turn = loading;
  document.body.classList.add("busy");
  try {
    const { from, to, queue } = filters();
    const range = { from, to, ...(queue === "" ? {} : { queue }) };
    const days = (Date.parse(to) - Date.parse(from)) / 86_400_000;
    const interval = days > 400 ? "month" : days > 120 ? "week" : "day";
    const [summary, timeseries, heatmap, slowest, freshness, choices, pipeline] = await Promise.all(
      [
        ask("summary", { ...range, group_by: "queue" }),
        ask("timeseries", { ...range, interval }),
        ask("heatmap", range),
        ask("tickets", { limit: "10", ...(queue === "" ? {} : { queue }) }),
        ask("freshness"),
        ask("filters"),
        ask("pipeline").catch(() => null),
      ],
    );
    if (turn !== loading) return;
    shown = { timeseries };
    sourceUrl = pipeline?.source_url ?? null;
    showKpis(summary);
    showQueues(summary);
    drawCharts(timeseries);
    showHeat(heatmap);
    showSlowest(slowest, Date.parse(freshness.as_of) + freshness.lag_s * 1000, sourceUrl);
    showQueueChoices(choices.queue);
    showFreshness(freshness);
    problem(null);
  } catch (error) {
    if (turn === loading)
      problem(`${word("failed")} ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    if (turn === loading) document.body.classList.remove("busy");
  }
}

function problem(text: string | null): void {
  const place = document.getElementById("problem") as HTMLElement;
  place.hidden = text === null;
  place.textContent = text ?? "";
}

function showFreshness({ as_of, lag_s }: { readonly as_of: string; readonly lag_s: number }): void {
  const place = document.getElementById("fresh") as HTMLElement;
  place.className = lag_s > 120 ? "fresh stale" : "fresh";
  place.textContent =
    lag_s > 120
      ? `${word("asOf")} ${moment(as_of)}`
      : `${word("live")} · ${word("asOf")} ${moment(as_of)}`;
}

function listen(): void {
  const events = new EventSource("api/v1/live");
  let isDue = false;
  events.onmessage = () => {
    if (isDue) return;
    // Many changes, one look.
    isDue = true;
    setTimeout(() => {
      isDue = false;
      void load();
    }, 2000);
  };
  events.onerror = () => {
    const place = document.getElementById("fresh") as HTMLElement;
    place.className = "fresh lost";
    place.textContent = word("lost");
  };
}

function start(): void {
  applyTheme();
  showWords();
  showQueueChoices([]);
  showControls();
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const name of ["from", "to", "queue"] as const)
    field(name).addEventListener("change", () => setFilters({ [name]: field(name).value }));
  document.getElementById("language")?.addEventListener("click", () => {
    switchLanguage();
    showWords();
    showControls();
    void load();
  });
  document.getElementById("theme")?.addEventListener("click", () => {
    localStorage.setItem("theme", theme() === "dark" ? "light" : "dark");
    applyTheme();
    showWords();
    showControls();
    if (shown !== null) drawCharts(shown.timeseries);
  });
  addEventListener("resize", fitCharts);
  void load().then(listen);
}

start();
