import type { Aggregate, Point, SlaName, SlaShare } from "./api.js";
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

/** How much of the breaches that the goal allows is left after each interval, 1 at the start; null before anything came due. Pure. */
export function burnDown(points: readonly Pick<Point, "sla">[]): readonly (number | null)[] {
  const sum = (point: Pick<Point, "sla">, what: "met" | "breached") =>
    clocks.reduce((total, [name]) => total + (point.sla?.[name][what] ?? 0), 0);
  const due = points.reduce(
    (total, point) => total + sum(point, "met") + sum(point, "breached"),
    0,
  );
  const allowed = due * (1 - goal);
  let spent = 0;
  return points.map((point) => {
    spent += sum(point, "breached");
    return allowed === 0 ? null : Math.max(-1, 1 - spent / allowed);
  });
}

/** Shares within target, and how the allowed breaches were used up. */
export function showServiceLevel(
  place: HTMLElement,
  { sla }: Aggregate,
  series: {
    readonly labels: readonly string[];
    readonly interval: string;
    readonly points: readonly Point[];
  },
  hasTargets: boolean,
): void {
  if (!hasTargets || sla === undefined) {
    place.replaceChildren(h("p", "empty", word("slaOff"), h("small", null, word("slaOffHint"))));
    return;
  }
  const rows = clocks.flatMap(([name, label]) => {
    const share = sla[name];
    return share.met + share.breached === 0 ? [] : [meterOf(word(label), share)];
  });
  if (rows.length === 0) {
    place.replaceChildren(h("p", "empty", word("slaNone")));
    return;
  }
  const chart = h("div", "chart");
  place.replaceChildren(h("div", "meters", ...rows), chart);
  const values = burnDown(series.points);
  drawChart(
    chart,
    {
      ...series,
      lines: [
        {
          name: word("budgetLeft"),
          color: "--accent",
          values: values.map((value) => (value === null ? null : Math.max(0, value))),
          isFilled: true,
        },
      ],
      format: (value) => percent(value),
      axisFormat: (value) => percent(value),
      steps: [0.25, 0.5, 1, ...countSteps],
      height: 150,
      most: 1,
    },
    word("slaTitle"),
  );
}

function meterOf(name: string, { met, breached, share }: SlaShare): HTMLElement {
  const isShort = (share ?? 1) < goal;
  const bar = h("span", {
    class: isShort ? "meter short" : "meter",
    attributes: { "aria-hidden": "true" },
  });
  bar.style.setProperty("--share", String(share ?? 0));
  return h(
    "div",
    "meter-row",
    h("span", "meter-name", name),
    h("b", null, percent(share)),
    bar,
    h("small", null, `${count(met)} ${word("met")} · ${count(breached)} ${word("breached")}`),
  );
}
