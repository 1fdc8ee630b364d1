import type { Aggregate, Point } from "./api.js";
import { h, svg } from "./element.js";
import type { View } from "./filters.js";
import { count, duration, percent } from "./format.js";
import { type Word, word } from "./words.js";

/** What a tile shows. */
interface Tile {
  readonly name: Word;
  readonly value: string;
  readonly detail: string | null;
  /** The same figure now and in the stretch before. */
  readonly now: number | null;
  readonly before: number | null;
  /** Which way is good; null = neither. */
  readonly good: "up" | "down" | null;
  readonly trend: readonly (number | null)[];
}

/** The row of key figures, each beside the stretch before it. */
export function keyFigures(
  total: Aggregate,
  before: Aggregate | null,
  points: readonly Point[],
  { time, days }: Pick<View, "time" | "days">,
): HTMLElement {
  const isBusiness = time === "business";
  const response = isBusiness ? "first_response_business" : "first_response";
  const resolution = isBusiness ? "resolution_business" : "resolution";
  const other = isBusiness ? "calendar" : "working";
  const otherOf = (name: "first_response" | "resolution") => {
    const beside = isBusiness ? name : (`${name}_business` as const);
    return `${duration(total[beside].p50_s)} ${word(other)}`;
  };
  const rate = ({ reopen_rate }: Aggregate) => reopen_rate;
  const number = (
    name: "backlog" | "created" | "closed",
    good: Tile["good"],
    label: Word,
  ): Tile => ({
    name: label,
    value: count(total[name]),
    detail: null,
    now: total[name],
    before: before?.[name] ?? null,
    good,
    trend: points.map((point) => point[name]),
  });
  const span = (name: typeof response | typeof resolution, label: Word, detail: string): Tile => ({
    name: label,
    value: duration(total[name].p50_s),
    detail,
    now: total[name].p50_s,
    before: before?.[name].p50_s ?? null,
    good: "down",
    trend: points.map((point) => point[name].p50_s),
  });
  const tiles: readonly Tile[] = [
    number("backlog", "down", days === null ? "openThen" : "open"),
    number("created", null, "created"),
    number("closed", null, "closed"),
    span(response, "firstResponse", otherOf("first_response")),
    span(resolution, "resolution", otherOf("resolution")),
    {
      name: "reopened",
      value: percent(rate(total)),
      detail: `${count(total.reopened)} ${word("times")}`,
      now: rate(total),
      before: before === null ? null : rate(before),
      good: "down",
      trend: points.map(rate),
    },
  ];
  const label = word("keyFigures");
  return h("ul", { class: "tiles", attributes: { "aria-label": label } }, ...tiles.map(tileOf));
}

function tileOf({ name, value, detail, now, before, good, trend }: Tile): HTMLElement {
  const isTime = name === "firstResponse" || name === "resolution";
  return h(
    "li",
    "tile",
    h("h2", "tile-name", word(name), isTime ? h("small", null, word("median")) : null),
    h("p", "tile-value", value),
    h("p", "tile-detail", changeOf(now, before, good), detail),
    spark(trend),
  );
}

/** How a figure changed against the stretch before, in per cent. */
function changeOf(
  now: number | null,
  before: number | null,
  good: Tile["good"],
): HTMLElement | null {
  if (now === null || before === null || before === 0) return null;
  const change = now / before - 1;
  if (Math.abs(change) < 0.005) return h("span", "change", word("noChange"));
  const isUp = change > 0;
  const tone = good === null ? "" : isUp === (good === "up") ? " good" : " bad";
  return h(
    "span",
    {
      class: `change${tone}`,
      attributes: { title: `${percent(Math.abs(change))} ${isUp ? "↑" : "↓"} · ${word("before")}` },
    },
    `${isUp ? "▲" : "▼"} ${percent(Math.abs(change))}`,
  );
}

/** A line without axes: only its shape is meant. */
function spark(values: readonly (number | null)[]): SVGElement {
  const known = values.flatMap((value, at) => (value === null ? [] : [[at, value] as const]));
  const most = Math.max(...known.map(([, value]) => value), 1e-9);
  const width = Math.max(1, values.length - 1);
  const path = known
    .map(([at, value], place) => {
      const x = ((at / width) * 100).toFixed(1);
      const y = (30 - (value / most) * 26).toFixed(1);
      return `${place === 0 ? "M" : "L"}${x} ${y}`;
    })
    .join("");
  const frame = {
    class: "spark",
    viewBox: "0 0 100 32",
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  };
  if (known.length < 2) return svg("svg", frame);
  const first = ((known[0]?.[0] ?? 0) / width) * 100;
  const last = ((known.at(-1)?.[0] ?? 0) / width) * 100;
  return svg(
    "svg",
    frame,
    svg("path", {
      class: "spark-area",
      d: `${path}L${last.toFixed(1)} 32L${first.toFixed(1)} 32Z`,
    }),
    svg("path", { class: "spark-line", d: path, "vector-effect": "non-scaling-stroke" }),
  );
}
