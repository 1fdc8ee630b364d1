import type UPlotClass from "uplot";
import { h } from "./element.js";
import { intervalName } from "./format.js";
import { word } from "./words.js";

declare const uPlot: typeof UPlotClass;

/** A line of a chart. */
export interface Line {
  readonly name: string;
  /** Custom property that holds its colour. */
  readonly color: string;
  readonly values: readonly (number | null)[];
  /** Soft fill below it. */
  readonly isFilled?: boolean;
  readonly isDashed?: boolean;
}

/** What a chart shows. */
export interface Chart {
  readonly labels: readonly string[];
  readonly interval: string;
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  readonly axisFormat: (value: number) => string;
  /** Steps that the axis may take. */
  readonly steps: readonly number[];
  /** The stretch that was drawn over, as indices. */
  readonly onSelect?: (first: number, last: number) => void;
  /** Least height. */
  readonly height?: number;
  /** As high as its card leaves room for. */
  readonly isFilling?: boolean;
  readonly most?: number;
}

/** Steps of a count's axis. */
export const countSteps = [1, 2, 5]
  .flatMap((step) => [1, 10, 100, 1000, 10_000, 100_000, 1_000_000].map((scale) => step * scale))
  .sort((a, b) => a - b);
/** Steps of a duration's axis, in seconds. */
export const durationSteps = [
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60),
  ...[1, 2, 4, 8, 12].map((hours) => hours * 3600),
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500].map((days) => days * 86_400),
];

const legendHeight = 34;
const mostHeight = 420;

const live = new Map<HTMLElement, { readonly plot: UPlotClass; readonly height: number }>();

/** Draws a chart into its place, with a legend that names the value under the pointer, and a table of the same numbers for who cannot see it. */
export function drawChart(place: HTMLElement, chart: Chart, title: string): void {
  live.get(place)?.plot.destroy();
  live.delete(place);
  const canvas = h("div", { class: "plot", attributes: { role: "img", "aria-label": title } });
  const tip = h("div", { class: "tip", attributes: { "aria-hidden": "true" } });
  tip.hidden = true;
  const table = tableOf(chart, title);
  const isTable = place.dataset["table"] === "true";
  table.hidden = !isTable;
  canvas.hidden = isTable;
  const toggle = h(
    "button",
    {
      class: "link-button",
      attributes: { type: "button", "aria-pressed": isTable },
      on: {
        click: () => {
          place.dataset["table"] = String(place.dataset["table"] !== "true");
          drawChart(place, chart, title);
          place.querySelector<HTMLButtonElement>(".link-button")?.focus();
        },
      },
    },
    word(isTable ? "asChart" : "asTable"),
  );
  const legend = h("div", "legend", ...chart.lines.map(keyOf), h("span", "spring"), toggle);
  place.replaceChildren();
  const room = chart.isFilling ? place.clientHeight - legendHeight : 0;
  place.replaceChildren(legend, canvas, table);
  if (isTable) return;
  const height = Math.max(chart.height ?? 250, Math.min(room, mostHeight));
  // uPlot takes its height only later: what is laid out beside it must know it now.
  canvas.style.height = `${height}px`;
  const plot = new uPlot(
    optionsOf(chart, place, tip, height),
    [
      timesOf(chart.labels),
      ...chart.lines.map(({ values }) => [...values]),
    ] as UPlotClass.AlignedData,
    canvas,
  );
  plot.over.append(tip);
  live.set(place, { plot, height });
}

/** Fits all charts to the width of their places. */
export function fitCharts(): void {
  for (const [place, { plot, height }] of live)
    if (place.isConnected && place.clientWidth > 0)
      plot.setSize({ width: place.clientWidth, height });
}

function keyOf({ name, color, isDashed }: Line): HTMLElement {
  const mark = h("i", {
    class: isDashed ? "mark dashed" : "mark",
    attributes: { "aria-hidden": "true" },
  });
  mark.style.setProperty("--mark", `var(${color})`);
  return h("span", "key", mark, name);
}

/** Local starts as seconds of UTC: the axis then shows the help desk's own days wherever the reader is. */
function timesOf(labels: readonly string[]): number[] {
  let last = Number.NEGATIVE_INFINITY;
  return labels.map((label) => {
    const at = Date.parse(label.length > 10 ? `${label}:00Z` : `${label}T00:00:00Z`) / 1000;
    // The repeated hour of October follows itself.
    last = at <= last ? last + 1 : at;
    return last;
  });
}

function optionsOf(
  chart: Chart,
  place: HTMLElement,
  tip: HTMLElement,
  height: number,
): UPlotClass.Options {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: color("--quiet"),
    font: '11.5px "Inter", system-ui, sans-serif',
    ticks: { show: false },
  };
  const isShort = chart.labels.length < 40;
  return {
    width: Math.max(place.clientWidth, 200),
    height,
    legend: { show: false },
    padding: [10, 22, 0, 0],
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    cursor: {
      y: false,
      drag: { x: chart.onSelect !== undefined, y: false, setScale: false },
      points: { size: 9, width: 2, fill: color("--card") },
    },
    scales: {
      y: { range: (_plot, _least, most) => [0, chart.most ?? Math.max(1, most * 1.08)] },
    },
    axes: [
      {
        ...axis,
        space: 64,
        size: 30,
        gap: 8,
        grid: { show: false },
        values: (_plot, ticks) => ticks.map((tick) => axisLabel(tick, chart.interval)),
      },
      {
        ...axis,
        size: 58,
        gap: 8,
        space: 38,
        incrs: [...chart.steps],
        grid: { stroke: color("--line"), width: 1 },
        values: (_plot, ticks) => ticks.map((tick) => chart.axisFormat(tick)),
      },
    ],
    series: [
      {},
      ...chart.lines.map(
        (line): UPlotClass.Series => ({
          stroke: color(line.color),
          width: 2,
          spanGaps: true,
          points: { show: isShort && line.values.length < 3, size: 6 },
          ...(line.isDashed ? { dash: [5, 4] } : {}),
          ...(line.isFilled ? { fill: `${color(line.color)}24` } : {}),
        }),
      ),
    ],
    hooks: {
      setCursor: [(plot) => showTip(plot, chart, tip)],
      setSelect: [(plot) => takeSelection(plot, chart)],
    },
  };
}

function axisLabel(tick: number, interval: string): string {
  const at = new Date(tick * 1000).toISOString();
  const isMidnight = at.slice(11, 16) === "00:00";
  if (interval === "hour" && !isMidnight) return intervalName(at.slice(0, 16), "hour", false);
  if (!isMidnight) return "";
  return intervalName(at.slice(0, 10), interval === "month" ? "month" : "day", false);
}

function showTip(plot: UPlotClass, chart: Chart, tip: HTMLElement): void {
  const { idx, left = -1 } = plot.cursor;
  tip.hidden = idx === null || idx === undefined || left < 0;
  if (tip.hidden || idx === null || idx === undefined) return;
  const rows = chart.lines.map((line) => {
    const value = line.values[idx] ?? null;
    return h(
      "div",
      "tip-row",
      keyOf(line),
      h("b", null, value === null ? "–" : chart.format(value)),
    );
  });
  tip.replaceChildren(
    h("p", null, intervalName(chart.labels[idx] ?? "", chart.interval, true)),
    ...rows,
  );
  const x = plot.valToPos(plot.data[0][idx] ?? 0, "x");
  const isRight = x > plot.over.clientWidth / 2;
  tip.style.left = `${isRight ? x - tip.offsetWidth - 14 : x + 14}px`;
}

function takeSelection(plot: UPlotClass, { onSelect, labels }: Chart): void {
  const { left, width } = plot.select;
  if (onSelect === undefined || width < 12) return;
  const first = plot.posToIdx(left);
  const last = plot.posToIdx(left + width);
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  onSelect(Math.max(0, first), Math.min(labels.length - 1, last));
}

function tableOf(chart: Chart, title: string): HTMLElement {
  const head = h(
    "tr",
    null,
    h("th", { attributes: { scope: "col" } }, word("interval")),
    ...chart.lines.map(({ name }) => h("th", { attributes: { scope: "col" } }, name)),
  );
  const rows = chart.labels.map((label, at) =>
    h(
      "tr",
      null,
      h("th", { attributes: { scope: "row" } }, intervalName(label, chart.interval, true)),
      ...chart.lines.map(({ values }) => {
        const value = values[at] ?? null;
        return h("td", null, value === null ? "–" : chart.format(value));
      }),
    ),
  );
  const table = h("table", "numbers", h("thead", null, head), h("tbody", null, ...rows));
  return h(
    "div",
    { class: "scroll tall", attributes: { tabindex: 0, role: "group", "aria-label": title } },
    table,
  );
}
