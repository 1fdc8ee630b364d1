import { type Answers, ask, type Pipeline, type Task, tell } from "./api.js";
import { byId, h } from "./element.js";
import { ago, count, moment } from "./format.js";
import { type Word, word, wordOr } from "./words.js";

/** What the page of the pipeline needs. */
export interface Health {
  readonly pipeline: Pipeline;
  readonly freshness: Answers["freshness"];
}

/** Asks how the pipeline is. @throws as `ask` does. */
export async function loadHealth(): Promise<Health> {
  const [pipeline, freshness] = await Promise.all([ask("pipeline"), ask("freshness")]);
  return { pipeline, freshness };
}

/** What needs care. Pure. */
export function troubles({ pipeline, freshness }: Health): readonly Word[] {
  const { extractor, holes, dead_letters: letters } = pipeline;
  return [
    ...(extractor?.is_running === true ? [] : (["extractor"] as const)),
    ...(holes.count > 0 ? (["holes"] as const) : []),
    ...(letters > 0 ? (["letters"] as const) : []),
    ...(freshness.lag_s > 120 ? (["metrics"] as const) : []),
  ];
}

/** Shows how the pipeline is, from the help desk to the tables. */
export function showHealth(health: Health, onChange: () => void): void {
  const { pipeline, freshness } = health;
  const nowMs = Date.parse(freshness.as_of) + freshness.lag_s * 1000;
  const found = troubles(health);
  byId("pipeline").replaceChildren(
    verdict(found, pipeline, nowMs),
    stages(health, nowMs),
    h(
      "div",
      "cards",
      taskCard(pipeline, nowMs, onChange),
      budgetCard(pipeline, nowMs),
      holeCard(pipeline),
      lakeCard(pipeline, nowMs),
    ),
  );
}

function verdict(found: readonly Word[], { sealed }: Pipeline, nowMs: number): HTMLElement {
  const isWell = found.length === 0;
  return h(
    "div",
    isWell ? "verdict" : "verdict care",
    h("span", { class: "verdict-mark", attributes: { "aria-hidden": "true" } }, isWell ? "✓" : "!"),
    h(
      "div",
      null,
      h("h2", null, word(isWell ? "allWell" : "needsCare")),
      h(
        "p",
        null,
        `${word(isWell ? "allWellHint" : "careHint")} ${moment(sealed)} (${ago(sealed, nowMs)})`,
        isWell ? null : ` · ${found.map((name) => word(name)).join(", ")}`,
      ),
    ),
  );
}

/** The way of the data, with how far each stage has come. */
function stages({ pipeline, freshness }: Health, nowMs: number): HTMLElement {
  const { extractor, lake } = pipeline;
  const waits = lake?.tables.reduce((sum, { lag_records: lag }) => sum + (lag ?? 0), 0) ?? null;
  const committed =
    lake?.tables
      .map(({ committed_at: at }) => at ?? "")
      .sort()
      .at(-1) || null;
  const [state, isBad]: readonly [Word, boolean] =
    extractor === null
      ? ["unheard", true]
      : extractor.is_running
        ? ["runs", false]
        : ["silent", true];
  const tasks = pipeline.tasks.filter(({ kind }) => kind === "census");
  return h(
    "ol",
    "stages",
    stage(
      "extractor",
      word(state),
      `${word("lastHeard")} ${ago(extractor?.heard_at ?? null, nowMs)}`,
      isBad,
    ),
    stage("sealed", moment(pipeline.sealed), ago(pipeline.sealed, nowMs), false, "sealedHint"),
    stage(
      "agreed",
      moment(pipeline.agreed_as_of),
      ago(pipeline.agreed_as_of, nowMs),
      false,
      "agreedHint",
    ),
    stage(
      "census",
      moment(tasks[0]?.ended_at ?? null),
      tasks[0]?.note ?? ago(tasks[0]?.ended_at ?? null, nowMs),
      false,
      "censusHint",
    ),
    stage(
      "metrics",
      freshness.lag_s === 0 ? word("live") : `${count(freshness.lag_s)} s ${word("behind")}`,
      `${count(freshness.tickets)} ${word("counted")}`,
      freshness.lag_s > 120,
    ),
    stage(
      "lake",
      lake === null ? "–" : moment(committed),
      waits === null ? word("lakeAway") : `${count(waits)} ${word("lag").toLowerCase()}`,
      false,
    ),
  );
}

function stage(
  name: Word,
  value: string,
  detail: string,
  isBad: boolean,
  hint?: Word,
): HTMLElement {
  return h(
    "li",
    {
      class: isBad ? "stage bad" : "stage",
      attributes: { title: hint === undefined ? null : word(hint) },
    },
    h("h3", null, word(name)),
    h("p", "stage-value", value),
    h("p", "hint", detail),
  );
}

function taskCard(pipeline: Pipeline, nowMs: number, onChange: () => void): HTMLElement {
  const names: readonly Word[] = ["what", "state", "progress", "asked"];
  const heads = [
    ...names.map((name) => h("th", { attributes: { scope: "col" } }, word(name))),
    h("td"),
  ];
  const rows = pipeline.tasks.slice(0, 8).map((task) => taskRow(task, pipeline, nowMs, onChange));
  const table = h(
    "table",
    "tasks",
    h("thead", null, h("tr", null, ...heads)),
    h("tbody", null, ...rows),
  );
  const content =
    rows.length === 0
      ? h("p", "empty", word("noTasks"))
      : h(
          "div",
          {
            class: "scroll",
            attributes: { tabindex: 0, role: "group", "aria-label": word("tasks") },
          },
          table,
        );
  const hint = pipeline.can_command ? null : h("p", "hint", word("commandsOff"));
  return healthCard("tasks", "wide", content, hint);
}

function taskRow(
  task: Task,
  { can_command: mayTell }: Pipeline,
  nowMs: number,
  onChange: () => void,
): HTMLElement {
  const share =
    task.expected === 0 ? (task.state === "done" ? 1 : 0) : task.tickets / task.expected;
  const isBackfill = task.kind === "backfill";
  const bar = h("progress", {
    attributes: { max: 1, value: Math.min(1, share), "aria-label": word("progress") },
  });
  const numbers = `${count(task.tickets)} / ${count(task.expected)}`;
  const command = task.state === "paused" ? "resume" : "pause";
  const canBeTold = isBackfill && ["running", "waiting", "paused"].includes(task.state);
  const button = h(
    "button",
    {
      class: "quiet-button",
      attributes: { type: "button", disabled: !mayTell, "data-task": task.task_id },
      on: {
        click: (event) => {
          (event.target as HTMLButtonElement).disabled = true;
          void tell(task.task_id, command).then(onChange, onChange);
        },
      },
    },
    word(command),
  );
  return h(
    "tr",
    null,
    h(
      "th",
      { attributes: { scope: "row" } },
      wordOr(`task_${task.kind}`, task.kind),
      h("small", null, task.task_id),
    ),
    h(
      "td",
      null,
      h("span", `state ${task.state}`, wordOr(`state_${task.state}`, task.state)),
      task.note === null ? null : h("small", null, task.note),
    ),
    h("td", "progress-cell", ...(isBackfill ? [bar, h("small", null, numbers)] : ["–"])),
    h("td", null, ago(task.requested_at, nowMs)),
    h("td", null, canBeTold ? button : null),
  );
}

function budgetCard({ extractor }: Pipeline, nowMs: number): HTMLElement {
  if (extractor === null) return healthCard("budget", "narrow", h("p", "empty", word("unheard")));
  const { request_rate: rate, found_limit: limit, waiting_until: until } = extractor;
  const isWaiting = until !== null && Date.parse(until) > nowMs;
  const number = (value: number) => count(Math.round(value * 10) / 10);
  const facts: readonly (readonly [Word, string])[] = [
    ["requests", count(extractor.requests)],
    ["knownLimit", limit === null ? "–" : number(limit)],
    ["lastSweep", ago(extractor.last_sweep_at, nowMs)],
    ["held", count(extractor.tickets_held)],
    [
      "clock",
      extractor.clock_skew_ms === null ? "–" : `${number(extractor.clock_skew_ms / 1000)} s`,
    ],
  ];
  return healthCard(
    "budget",
    "narrow",
    h("p", "big", number(rate), h("small", null, ` ${word("perSecond")}`)),
    h(
      "p",
      isWaiting ? "waits" : "hint",
      isWaiting ? `${word("waiting")} ${moment(until)}` : word("notWaiting"),
    ),
    h(
      "dl",
      "facts",
      ...facts.map(([name, value]) =>
        h("div", null, h("dt", null, word(name)), h("dd", null, value)),
      ),
    ),
  );
}

function holeCard({ holes, dead_letters: letters }: Pipeline): HTMLElement {
  const lines = holes.first.map((hole) =>
    h(
      "li",
      null,
      h("b", null, `${hole.from ?? "…"} – ${hole.to ?? "…"}`),
      h(
        "small",
        null,
        `${hole.reason} · ${count(hole.attempts)}× · ${word("nextTry")} ${moment(hole.next_at)}`,
      ),
    ),
  );
  const figure = (name: Word, value: number, hint: Word) =>
    h(
      "div",
      value > 0 ? "figure bad" : "figure",
      h("b", null, count(value)),
      h("span", null, word(name)),
      h("small", null, word(hint)),
    );
  return healthCard(
    "trouble",
    "narrow",
    h(
      "div",
      "figures",
      figure("holes", holes.count, "holesHint"),
      figure("letters", letters, "lettersHint"),
    ),
    h("ul", "holes", ...lines),
  );
}

function lakeCard({ lake }: Pipeline, nowMs: number): HTMLElement {
  if (lake === null) return healthCard("lake", "wide", h("p", "empty", word("lakeAway")));
  const names: readonly Word[] = ["table", "rows", "lag", "committed"];
  const rows = lake.tables.map(({ name, rows: many, lag_records: lag, committed_at: at }) =>
    h(
      "tr",
      null,
      h("th", { attributes: { scope: "row" } }, name),
      h("td", null, count(many)),
      h("td", null, lag === null ? "–" : count(lag)),
      h("td", null, ago(at, nowMs)),
    ),
  );
  const heads = names.map((name) => h("th", { attributes: { scope: "col" } }, word(name)));
  return healthCard(
    "lake",
    "wide",
    h(
      "div",
      { class: "scroll", attributes: { tabindex: 0, role: "group", "aria-label": word("lake") } },
      h("table", "numbers", h("thead", null, h("tr", null, ...heads)), h("tbody", null, ...rows)),
    ),
    h("p", "hint", `${word("snapshot")}: ${moment(lake.last_snapshot_at)}`),
  );
}

function healthCard(
  title: Word,
  size: string,
  ...children: readonly (HTMLElement | null)[]
): HTMLElement {
  const id = `${title}-card`;
  return h(
    "section",
    { class: `card ${size}`, attributes: { "aria-labelledby": id } },
    h("header", null, h("h2", { attributes: { id } }, word(title))),
    ...children,
  );
}
