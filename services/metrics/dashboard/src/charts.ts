// @ts-expect-error: served from uPlot's own package under this address.
import UPlot from "/uplot/uPlot.esm.js";
import type { Answers } from "./api.js";
import { count, duration, word } from "./words.js";

/** The part of uPlot that is used. */
interface Plot {
  setSize(size: { width: number; height: number }): void;
  destroy(): void;
}

const plots = new Map<string, { plot: Plot; place: HTMLElement; height: number }>();

/** A line or bar of a chart. */
interface Line {
  readonly label: string;
  readonly color: string;
  readonly values: readonly (number | null)[];
  readonly fill?: boolean;
  readonly bars?: boolean;
}

/** Draws all three charts anew: colours and words may have changed. */
export function drawCharts({ points }: Answers["timeseries"]): void {
  const times = points.map(({ from_ms }) => from_ms / 1000);
  draw("backlog", 270, times, count, [
    { label: word("created"), color: "--cool", values: points.map(({ created }) => created) },
    { label: word("closed"), color: "--warm", values: points.map(({ closed }) => closed) },
    {
      label: word("backlog"),
      color: "--accent",
      values: points.map(({ backlog }) => backlog),
      fill: true,
    },
  ]);
  for (const [id, name] of [
    ["response", "first_response"],
    ["resolution", "resolution"],
  ] as const) {
    draw(id, 240, times, duration, [
      { label: word("p90"), color: "--warm", values: points.map((point) => point[name].p90_s) },
      {
        label: word("median"),
        color: "--accent",
        values: points.map((point) => point[name].p50_s),
        fill: true,
      },
    ]);
  }
}

/** Fits the charts to the width of their places. */
export function fitCharts(): void {
  for (const { plot, place, height } of plots.values())
    plot.setSize({ width: place.clientWidth, height });
}

function draw(
  id: string,
  height: number,
  times: readonly number[],
  format: (value: number) => string,
  lines: readonly Line[],
): void {
  const place = document.getElementById(id);
  if (place === null) return;
  plots.get(id)?.plot.destroy();
  place.replaceChildren();
  if (times.length === 0) {
    place.append(
      Object.assign(document.createElement("p"), {
        className: "empty",
        textContent: word("empty"),
      }),
    );
    return;
  }
  const color = (name: string) =>
    getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const axis = {
    stroke: color("--quiet"),
    grid: { stroke: color("--line"), width: 1 },
    ticks: { stroke: color("--line"), width: 1 },
    font: "11px system-ui",
  };
  const options = {
    width: place.clientWidth,
    height,
    cursor: { y: false, points: { size: 7 } },
    scales: {
      y: { range: (_plot: unknown, _min: number, max: number) => [0, Math.max(1, max * 1.08)] },
    },
    axes: [
      {
        ...axis,
        space: 70,
        values: (_plot: unknown, ticks: readonly number[]) => ticks.map(dayLabel),
      },
      {
        ...axis,
        size: 62,
        values: (_plot: unknown, ticks: readonly number[]) => ticks.map((tick) => format(tick)),
      },
    ],
    series: [
      {
        label: "",
        value: (_plot: unknown, at: number | null) => (at === null ? "" : dayLabel(at)),
      },
      ...lines.map((line) => ({
        label: line.label,
        stroke: color(line.color),
        width: 2,
        spanGaps: true,
        points: { show: times.length < 15, size: 5 },
        ...(line.fill ? { fill: `${color(line.color)}1f` } : {}),
        value: (_plot: unknown, value: number | null) => (value === null ? "–" : format(value)),
      })),
    ],
  };
  const plot: Plot = new UPlot(options, [times, ...lines.map(({ values }) => values)], place);
  plots.set(id, { plot, place, height });
}

function dayLabel(seconds: number): string {
  return new Intl.DateTimeFormat(document.documentElement.lang, {
    day: "numeric",
    month: "short",
  }).format(new Date(seconds * 1000));
}
