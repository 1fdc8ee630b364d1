import type { OpenClocks, Point, SlaName, SlaShare } from "./api.js";
import { countSteps, drawChart } from "./charts.js";
import { h } from "./element.js";
import { count, percent } from "./format.js";
import { type Word, word } from "./words.js";

/** Share of tickets that is to be within target; the rest is what may be breached. */
const goal = 0.9;
const clocks: readonly (readonly [SlaName, Word])[] = [
  ["first_response", "firstResponse"],
  ["next_response", "nextResponse"],
  ["resolution", "resolution"],
];

/** What the card shows beside the series. */
export interface ServiceLevel {
  readonly total: Readonly<Record<SlaName, SlaShare>>;
  readonly open: Readonly<Record<SlaName, OpenClocks>>;
}

/** A time series with its labels. */
interface Series {
  readonly labels: readonly string[];
  readonly interval: string;
  readonly points: readonly Pick<Point, "sla">[];
}

/** How much of the breaches that the goal allows is left after each interval, 1 at the start; null when nothing came due. Pure. */
export function burnDown(points: readonly Pick<Point, "sla">[]): readonly (number | null)[] {
  const sum = (point: Pick<Point, "sla">, what: "met" | "breached") =>
    clocks.reduce((total, [name]) => total + point.sla[name][what], 0);
  const due = points.reduce(
    (total, point) => total + sum(point, "met") + sum(point, "breached"),
    0,
  );
  const allowed = due * (1 - goal);
  let spent = 0;
  return points.map((point) => {
    spent += sum(point, "breached");
    return allowed === 0 ? null : Math.max(0, 1 - spent / allowed);
  });
}

/** Shares within target, what runs now, and how the allowed breaches were used up. */
export function showServiceLevel(
  place: HTMLElement,
  { total, open }: ServiceLevel,
  series: Series,
): void {
  const rows = clocks.flatMap(([name, label]) => {
    const [share, now] = [total[name], open[name]];
    const isUsed = share.met + share.breached + now.running + now.overdue > 0;
    return isUsed ? [meterOf(word(label), share, now)] : [];
  });
  if (rows.length === 0) {
    place.replaceChildren(h("p", "empty", word("slaOff"), h("small", null, word("slaOffHint"))));
    return;
  }
  const chart = h("div", "chart");
  place.replaceChildren(h("div", "meters", ...rows), chart);
  drawChart(
    chart,
    {
      ...series,
      lines: [
        {
          name: word("budgetLeft"),
          color: "--accent",
          values: burnDown(series.points),
          isFilled: true,
        },
      ],
      format: percent,
      axisFormat: percent,
      steps: [0.25, 0.5, ...countSteps],
      height: 130,
      most: 1,
    },
    word("slaTitle"),
  );
}

function meterOf(
  name: string,
  { met, breached, share }: SlaShare,
  { running, due_within_4h: soon, overdue }: OpenClocks,
): HTMLElement {
  const isShort = share !== null && share < goal;
  const bar = h("span", {
    class: isShort ? "meter short" : "meter",
    attributes: { "aria-hidden": "true" },
  });
  bar.style.setProperty("--share", String(share ?? 0));
  const counted = (value: number, label: Word, tone = "") =>
    h("span", value > 0 ? tone : "", `${count(value)} ${word(label)}`);
  return h(
    "div",
    "meter-row",
    h("span", "meter-name", name),
    h("b", null, percent(share)),
    bar,
    h(
      "small",
      "meter-counts",
      counted(met, "met"),
      counted(breached, "breached"),
      counted(running, "running"),
      counted(soon, "atRisk", "warn"),
      counted(overdue, "overdue", "bad"),
    ),
  );
}
