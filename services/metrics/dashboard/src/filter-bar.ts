import type { Answers } from "./api.js";
import { h } from "./element.js";
import { type FilterName, filterNames, presets, type View } from "./filters.js";
import { type Word, word } from "./words.js";

/** Range that the figures answered for. */
export interface ShownRange {
  readonly from: string;
  readonly to: string;
}

/** The filters; every change goes into the address. */
export function filterBar(
  view: View,
  choices: Answers["filters"] | null,
  range: ShownRange | null,
  change: (next: Partial<View>) => void,
): HTMLElement {
  const form = h(
    "form",
    {
      class: "filters",
      attributes: { "aria-label": word("filters") },
      on: { submit: (event) => event.preventDefault() },
    },
    presetGroup(view, change),
    dayField("from", view, range, change),
    dayField("to", view, range, change),
    valueField("queue", view, choices, change),
    moreFilters(view, choices, change),
  );
  if (Object.keys(view.where).length > 0)
    form.append(
      h(
        "button",
        {
          class: "link-button",
          attributes: { type: "button" },
          on: { click: () => change({ where: {} }) },
        },
        word("reset"),
      ),
    );
  return form;
}

function presetGroup(view: View, change: (next: Partial<View>) => void): HTMLElement {
  const buttons = presets.map((days) =>
    h(
      "button",
      {
        attributes: { type: "button", "aria-pressed": view.days === days },
        on: { click: () => change({ days, from: null, to: null }) },
      },
      word(`day${days}` as Word),
    ),
  );
  return h("fieldset", "segments", h("legend", "sr", word("period")), ...buttons);
}

function dayField(
  name: "from" | "to",
  view: View,
  range: ShownRange | null,
  change: (next: Partial<View>) => void,
): HTMLElement {
  const input = h("input", { attributes: { type: "date", name, required: true } });
  input.value = view[name] ?? range?.[name] ?? "";
  input.addEventListener("change", () => {
    if (input.value === "") return;
    const other = name === "from" ? (view.to ?? range?.to) : (view.from ?? range?.from);
    const chosen = { from: other ?? input.value, to: other ?? input.value, [name]: input.value };
    // The end that was not touched gives way.
    if (chosen.from > chosen.to) chosen[name === "from" ? "to" : "from"] = input.value;
    change({ days: null, ...chosen });
  });
  return fieldOf(name, input);
}

function valueField(
  name: FilterName,
  { where }: View,
  choices: Answers["filters"] | null,
  change: (next: Partial<View>) => void,
): HTMLElement {
  const chosen = where[name];
  const known = choices?.[name] ?? [];
  const values =
    chosen === undefined || chosen === "" || known.includes(chosen) ? known : [chosen, ...known];
  const select = h(
    "select",
    { attributes: { name } },
    optionOf("*", word("all")),
    ...values.map((value) => optionOf(`=${value}`, value)),
    optionOf("=", word("without")),
  );
  select.value = chosen === undefined ? "*" : `=${chosen}`;
  select.addEventListener("change", () => {
    const { [name]: _, ...others } = where;
    change({ where: select.value === "*" ? others : { ...others, [name]: select.value.slice(1) } });
  });
  return fieldOf(name, select);
}

function fieldOf(name: FilterName | "from" | "to", control: HTMLElement): HTMLElement {
  control.id = `filter-${name}`;
  return h("div", "field", h("label", { attributes: { for: control.id } }, word(name)), control);
}

function optionOf(value: string, text: string): HTMLOptionElement {
  return h("option", { attributes: { value } }, text);
}

function moreFilters(
  view: View,
  choices: Answers["filters"] | null,
  change: (next: Partial<View>) => void,
): HTMLElement {
  const rest = filterNames.filter((name) => name !== "queue");
  const used = rest.filter((name) => view.where[name] !== undefined).length;
  const fields = rest.map((name) => valueField(name, view, choices, change));
  return h(
    "details",
    { class: "more", attributes: { open: used > 0 } },
    h("summary", null, word("more"), used > 0 ? h("b", "badge", String(used)) : null),
    h("div", "more-fields", ...fields),
  );
}
