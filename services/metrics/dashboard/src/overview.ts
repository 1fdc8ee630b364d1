import { type Answers, ask, download, type Point } from "./api.js";
import { countSteps, drawChart, durationSteps, type Line } from "./charts.js";
import { byId, h } from "./element.js";
import { filterBar } from "./filter-bar.js";
import { type FilterName, filterNames, lengthOf, rangeOf, type View } from "./filters.js";
import { count, duration, shortCount } from "./format.js";
import { keyFigures } from "./key-figures.js";
import { showServiceLevel } from "./service-level.js";
import { breakdownTable, emptyPlace, heatMap, pluralOf, slowestTable } from "./tables.js";
import { type Word, word } from "./words.js";

/** Colours of the groups when the backlog is split, and so how many are drawn: those with the largest backlog. */
const splitColors = ["--accent", "--second", "--third", "--fourth", "--fifth"];

/** What one look at the figures needs. */
export interface Figures {
  readonly summary: Answers["summary"];
  readonly timeseries: Answers["timeseries"];
  readonly sla: Answers["sla"];
  readonly heatmap: Answers["heatmap"];
  readonly tickets: Answers["tickets"];
  readonly filters: Answers["filters"];
  readonly freshness: Answers["freshness"];
  readonly sourceUrl: string | null;
}

/** How the page changes its view. */
export type Change = (next: Partial<View>) => void;

/** Asks for all that the overview shows. @throws as `ask` does. */
export async function loadFigures(view: View): Promise<Figures> {
  const query = { ...rangeOf(view), ...view.where };
  const days = lengthOf(view);
  const interval = days <= 2 ? "hour" : days <= 100 ? "day" : days <= 800 ? "week" : "month";
  const [summary, timeseries, sla, heatmap, tickets, filters, freshness, pipeline] =
    await Promise.all([
      ask("summary", { ...query, group_by: view.by, before: "true" }),
      ask("timeseries", {
        ...query,
        interval,
        ...(view.isSplit
          ? { group_by: view.by, order: "backlog", limit: String(splitColors.length) }
          : {}),
      }),
      ask("sla", query),
      ask("heatmap", query),
      ask("tickets", { ...view.where, limit: "10" }),
      ask("filters"),
      ask("freshness"),
      ask("pipeline"),
    ]);
  const sourceUrl = pipeline.source_url;
  return { summary, timeseries, sla, heatmap, tickets, filters, freshness, sourceUrl };
}

/** Makes the overview's frame: cards that {@link showFigures} fills. */
export function makeOverview(view: View, change: Change): void {
  byId("overview").replaceChildren(
    h("div", { attributes: { id: "filters" } }, filterBar(view, null, null, change)),
    h("div", { class: "waiting", attributes: { id: "tiles" } }, ...skeletons(6)),
    h(
      "div",
      "cards",
      card(
        "backlogTitle",
        view.isSplit ? `${word("splitHint")}: ${word(view.by)}` : word("backlogHint"),
        "backlog",
        "wide",
        splitSwitch(view, change),
        downloadButton("timeseries", view),
      ),
      card("slaTitle", word("slaHint"), "sla", "narrow"),
      card("responseTitle", word("percentileHint"), "response", "half", timeSwitch(view, change)),
      card(
        "resolutionTitle",
        word("percentileHint"),
        "resolution",
        "half",
        timeSwitch(view, change),
      ),
      card(
        "breakdown",
        word("breakdownHint"),
        "breakdown",
        "full",
        tabs(view, change),
        downloadButton("summary", view),
      ),
      card("heatTitle", word("heatHint"), "heat", "heat-card"),
      card("slowestTitle", null, "slowest", "slowest-card", downloadButton("tickets", view)),
    ),
  );
}

/** Shows figures in the frame that {@link makeOverview} made. */
export function showFigures(figures: Figures, view: View, change: Change): void {
  const { summary, timeseries, freshness } = figures;
  const { total } = summary;
  const bar = filterBar(view, figures.filters, summary, change);
  const focused = document.activeElement?.closest("#filters") ? document.activeElement : null;
  if (focused === null) byId("filters").replaceChildren(bar);
  byId("tiles").className = "";
  byId("tiles").replaceChildren(
    keyFigures(total, summary.before?.total ?? null, timeseries.points, view),
  );
  showCharts(figures, view, change);
  byId("breakdown").replaceChildren(
    breakdownTable(summary.groups, view, (value) =>
      change({ where: { ...view.where, [view.by]: value }, by: nextOf(view.by) }),
    ),
  );
  byId("heat").replaceChildren(
    total.created === 0 ? emptyPlace() : heatMap(figures.heatmap.created),
  );
  byId("slowest").replaceChildren(
    slowestTable(figures.tickets.tickets, {
      sourceUrl: figures.sourceUrl,
      nowMs: Date.parse(freshness.as_of) + freshness.lag_s * 1000,
      onPick: (ticket) => change({ ticket }),
    }),
  );
  const all = `${count(figures.tickets.page.total)} ${word("slowestHint")}`;
  byId("slowest").append(h("p", "hint", all));
}

function showCharts({ summary, timeseries, sla }: Figures, view: View, change: Change): void {
  const { points, interval } = timeseries;
  const series = { labels: points.map(({ label }) => label), interval, points };
  const hasAny = points.some(({ created, closed, backlog }) => created + closed + backlog > 0);
  const onSelect = (first: number, last: number) => {
    const [from, to] = [points[first]?.label, points[last]?.label];
    if (from !== undefined && to !== undefined)
      change({ days: null, from: from.slice(0, 10), to: to.slice(0, 10) });
  };
  const zoom = interval === "hour" ? {} : { onSelect };
  if (!hasAny) {
    for (const id of ["backlog", "response", "resolution", "sla"])
      byId(id).replaceChildren(emptyPlace());
    return;
  }
  // First: it decides how much room the chart beside it has.
  showServiceLevel(byId("sla"), { total: summary.total.sla, open: sla.open }, series);
  drawChart(
    byId("backlog"),
    {
      ...series,
      ...zoom,
      lines: view.isSplit ? splitLines(timeseries.groups) : backlogLines(points),
      format: count,
      axisFormat: shortCount,
      steps: countSteps,
      height: 268,
      isFilling: true,
    },
    word("backlogTitle"),
  );
  for (const [id, name, title] of [
    ["response", "first_response", "responseTitle"],
    ["resolution", "resolution", "resolutionTitle"],
  ] as const) {
    const distribution = view.time === "business" ? (`${name}_business` as const) : name;
    const of = (quantile: "p50_s" | "p90_s" | "p95_s") =>
      points.map((point) => point[distribution][quantile]);
    drawChart(
      byId(id),
      {
        ...series,
        ...zoom,
        lines: [
          { name: "p50", color: "--accent", values: of("p50_s"), isFilled: true },
          { name: "p90", color: "--second", values: of("p90_s") },
          { name: "p95", color: "--third", values: of("p95_s"), isDashed: true },
        ],
        format: duration,
        axisFormat: duration,
        steps: durationSteps,
      },
      word(title),
    );
  }
}

function backlogLines(points: readonly Point[]): readonly Line[] {
  return [
    {
      name: word("backlog"),
      color: "--accent",
      values: points.map(({ backlog }) => backlog),
      isFilled: true,
    },
    { name: word("created"), color: "--second", values: points.map(({ created }) => created) },
    { name: word("closed"), color: "--third", values: points.map(({ closed }) => closed) },
  ];
}

/** The backlog of each group. */
function splitLines(groups: Answers["timeseries"]["groups"]): readonly Line[] {
  return groups.map(({ key: [name], points }, at) => ({
    name: name ?? word("without"),
    color: splitColors[at] ?? "--quiet",
    values: points.map(({ backlog }) => backlog),
  }));
}

/** After choosing one queue its agents are what one wants to see. */
function nextOf(by: FilterName): FilterName {
  return by === "queue" ? "agent" : by === "agent" ? "queue" : by;
}

function card(
  title: Word,
  hint: string | null,
  id: string,
  size: string,
  ...tools: readonly HTMLElement[]
): HTMLElement {
  return h(
    "section",
    { class: `card ${size}`, attributes: { "aria-labelledby": `${id}-title` } },
    h(
      "header",
      null,
      h(
        "div",
        null,
        h("h2", { attributes: { id: `${id}-title` } }, word(title)),
        hint === null ? null : h("p", "hint", hint),
      ),
      h("div", "card-tools", ...tools),
    ),
    h("div", { class: "body", attributes: { id } }, h("div", "skeleton tall-skeleton")),
  );
}

function skeletons(many: number): HTMLElement[] {
  return Array.from({ length: many }, () => h("div", "skeleton tile-skeleton"));
}

function splitSwitch({ isSplit, by }: View, change: Change): HTMLElement {
  const title = `${word("splitHint")}: ${word(by)}`;
  return segments("split", [
    { name: "inAll", title, isOn: !isSplit, choose: () => change({ isSplit: false }) },
    { name: "split", title, isOn: isSplit, choose: () => change({ isSplit: true }) },
  ]);
}

function timeSwitch({ time }: View, change: Change): HTMLElement {
  const choice = (value: View["time"], name: Word) => ({
    name,
    isOn: time === value,
    choose: () => change({ time: value }),
  });
  return segments("time", [choice("calendar", "calendarTime"), choice("business", "workingTime")]);
}

function tabs({ by }: View, change: Change): HTMLElement {
  const choices = filterNames.map((name) => ({
    name: pluralOf(name),
    isOn: by === name,
    choose: () => change({ by: name }),
  }));
  return segments("breakdown", choices);
}

/** Buttons of which one is pressed. */
function segments(
  legend: Word,
  choices: readonly {
    readonly name: Word;
    readonly title?: string;
    readonly isOn: boolean;
    readonly choose: () => void;
  }[],
): HTMLElement {
  const buttons = choices.map(({ name, title, isOn, choose }) =>
    h(
      "button",
      {
        attributes: {
          type: "button",
          "aria-pressed": isOn,
          ...(title === undefined ? {} : { title }),
        },
        on: { click: choose },
      },
      word(name),
    ),
  );
  return h("fieldset", "segments small", h("legend", "sr", word(legend)), ...buttons);
}

function downloadButton(path: "summary" | "timeseries" | "tickets", view: View): HTMLElement {
  const query = {
    ...(path === "tickets" ? {} : rangeOf(view)),
    ...view.where,
    ...(path === "summary" || (path === "timeseries" && view.isSplit) ? { group_by: view.by } : {}),
    ...(path === "timeseries" && lengthOf(view) > 800 ? { interval: "month" } : {}),
  };
  return h(
    "button",
    {
      class: "quiet-button csv",
      attributes: { type: "button", title: word("csvHint") },
      on: { click: () => void download(path, query) },
    },
    `↓ ${word("csv")}`,
  );
}
