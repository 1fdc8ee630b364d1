import type { Distribution, GroupLine, OpenTicket } from "./api.js";
import { h } from "./element.js";
import type { FilterName, View } from "./filters.js";
import { count, duration, percent } from "./format.js";
import { type Word, weekdays, word } from "./words.js";

/** A column of {@link breakdownTable}. */
interface Column {
  readonly name: string;
  readonly value: (line: GroupLine) => number | null;
  readonly text: (value: number | null) => string;
  /** A bar behind the number, as a share of the largest. */
  readonly hasBar?: boolean;
}

const isBusy = ({ created, closed, backlog }: GroupLine) => created + closed + backlog > 0;

/** One line per queue, agent, …; a heading sorts, a name filters. */
export function breakdownTable(
  lines: readonly GroupLine[],
  { by, time }: Pick<View, "by" | "time">,
  onPick: (value: string) => void,
): HTMLElement {
  const busy = lines.filter(isBusy);
  if (busy.length === 0) return emptyPlace();
  const columns = columnsOf(time === "business");
  const body = h("tbody");
  const table = h("table", "breakdown");
  const fill = (sorted: readonly GroupLine[]) =>
    body.replaceChildren(...sorted.map((line) => rowOf(line, columns, busy, onPick)));
  const heads = columns.map((column) =>
    sortHead(column, table, () => fill(sortedBy(busy, column))),
  );
  const head = h("tr", null, h("th", { attributes: { scope: "col" } }, word(by)), ...heads);
  table.append(h("thead", null, head), body);
  fill(busy);
  return h(
    "div",
    {
      class: "scroll",
      attributes: { tabindex: 0, role: "group", "aria-label": word("breakdown") },
    },
    table,
  );
}

function columnsOf(isBusiness: boolean): readonly Column[] {
  const number = (value: number | null) => (value === null ? "–" : count(value));
  const suffix = isBusiness ? "_business" : "";
  const time =
    (name: "first_response" | "resolution", quantile: "p50_s" | "p90_s") => (line: GroupLine) =>
      (line[`${name}${suffix}` as typeof name] as Distribution)[quantile];
  return [
    { name: word("created"), value: ({ created }) => created, text: number, hasBar: true },
    { name: word("closed"), value: ({ closed }) => closed, text: number },
    { name: word("backlog"), value: ({ backlog }) => backlog, text: number, hasBar: true },
    {
      name: `${word("firstResponse")} p50`,
      value: time("first_response", "p50_s"),
      text: duration,
    },
    { name: "p90", value: time("first_response", "p90_s"), text: duration },
    { name: `${word("resolution")} p50`, value: time("resolution", "p50_s"), text: duration },
    { name: "p90", value: time("resolution", "p90_s"), text: duration },
    { name: word("within"), value: shareWithin, text: percent },
    {
      name: word("reopened"),
      value: ({ reopen_rate }) => reopen_rate,
      text: percent,
    },
  ];
}

/** Share of all clocks that were kept. */
function shareWithin({ sla }: GroupLine): number | null {
  const clocks = Object.values(sla);
  const met = clocks.reduce((sum, clock) => sum + clock.met, 0);
  const all = clocks.reduce((sum, clock) => sum + clock.met + clock.breached, 0);
  return all === 0 ? null : met / all;
}

function sortedBy(lines: readonly GroupLine[], { value }: Column): readonly GroupLine[] {
  return [...lines].sort((a, b) => (value(b) ?? -1) - (value(a) ?? -1));
}

function sortHead({ name }: Column, table: HTMLElement, sort: () => void): HTMLElement {
  const head = h("th", { attributes: { scope: "col" } });
  const button = h("button", { class: "sort", attributes: { type: "button" } }, name);
  button.addEventListener("click", () => {
    for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", "descending");
    sort();
  });
  head.append(button);
  return head;
}

function rowOf(
  line: GroupLine,
  columns: readonly Column[],
  all: readonly GroupLine[],
  onPick: (value: string) => void,
): HTMLElement {
  const [name = null] = line.key;
  const pick = h(
    "button",
    {
      class: "name-button",
      attributes: { type: "button", title: name ?? word("without") },
      on: { click: () => onPick(name ?? "") },
    },
    name ?? word("without"),
  );
  const cells = columns.map((column) => {
    const value = column.value(line);
    const cell = h("td", null, h("span", null, column.text(value)));
    if (column.hasBar && value !== null) {
      const most = Math.max(1, ...all.map((other) => column.value(other) ?? 0));
      cell.className = "with-bar";
      cell.style.setProperty("--share", String(value / most));
    }
    return cell;
  });
  return h("tr", null, h("th", { attributes: { scope: "row" } }, pick), ...cells);
}

/** Weekday × hour, the darker the more tickets. */
export function heatMap(created: readonly (readonly number[])[]): HTMLElement {
  const most = Math.max(1, ...created.flat());
  const hours = Array.from({ length: 24 }, (_, hour) =>
    h(
      "th",
      { attributes: { scope: "col", "data-quarter": String(hour % 6 === 0) } },
      h("span", hour % 3 === 0 ? "hour" : "sr", String(hour)),
    ),
  );
  const corner = h("td", { class: "corner" });
  const rows = created.map((counts, weekday) => {
    const day = weekdays()[weekday] ?? "";
    const cells = counts.map((value, hour) => {
      const cell = h("td", { attributes: { title: `${day} ${hour}:00 · ${count(value)}` } });
      cell.style.setProperty("--heat", String(value === 0 ? 0 : 0.12 + 0.88 * (value / most)));
      cell.append(h("span", "sr", String(value)));
      return cell;
    });
    return h("tr", null, h("th", { attributes: { scope: "row" } }, day), ...cells);
  });
  const scale = h(
    "div",
    { class: "heat-scale", attributes: { "aria-hidden": "true" } },
    word("fewer"),
  );
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    const step = h("i");
    step.style.setProperty("--heat", String(share));
    scale.append(step);
  }
  scale.append(word("many"));
  const table = h("table", "heat", h("thead", null, h("tr", null, corner, ...hours)));
  table.append(h("tbody", null, ...rows));
  return h("div", null, table, scale);
}

/** How {@link slowestTable} leads on. */
export interface TicketLinks {
  /** Where the help desk's own pages are; null for the sandbox. */
  readonly sourceUrl: string | null;
  readonly nowMs: number;
  readonly onPick: (ticketId: string) => void;
}

/** The tickets that have been open longest, with a link into the help desk. */
export function slowestTable(
  tickets: readonly OpenTicket[],
  { sourceUrl, nowMs, onPick }: TicketLinks,
): HTMLElement {
  if (tickets.length === 0) return h("p", "empty", word("noneOpen"));
  const names: readonly Word[] = ["ticket", "subject", "openFor", "queue", "agent"];
  const heads = names.map((name) => h("th", { attributes: { scope: "col" } }, word(name)));
  const rows = tickets.map((ticket) => {
    const { ticket_id: id, subject, queue, agent, created_at } = ticket;
    const figures = h(
      "button",
      {
        class: "name-button number",
        attributes: { type: "button", title: word("figures") },
        on: { click: () => onPick(id) },
      },
      `#${id}`,
    );
    const cells: (Node | string)[] = [
      sourceUrl === null ? figures : h("span", "pair", figures, thuliumLink(sourceUrl, id)),
      subject ?? word("noSubject"),
      duration((nowMs - Date.parse(created_at)) / 1000),
      queue ?? word("without"),
      agent ?? word("without"),
    ];
    return h(
      "tr",
      null,
      ...cells.map((cell) => {
        const title = typeof cell === "string" ? cell : null;
        return h("td", { attributes: { title } }, cell);
      }),
    );
  });
  const table = h("table", "slowest", h("thead", null, h("tr", null, ...heads)));
  table.append(h("tbody", null, ...rows));
  return h(
    "div",
    {
      class: "scroll",
      attributes: { tabindex: 0, role: "group", "aria-label": word("slowestTitle") },
    },
    table,
  );
}

/** A link to a ticket on the help desk's own pages. */
export function thuliumLink(sourceUrl: string, ticketId: string): HTMLElement {
  return h(
    "a",
    {
      class: "out",
      attributes: {
        href: `${sourceUrl}/panel/tickets/${encodeURIComponent(ticketId)}`,
        rel: "noreferrer",
        target: "_blank",
        title: word("inThulium"),
        "aria-label": `${word("inThulium")}: #${ticketId}`,
      },
    },
    "↗",
  );
}

/** What stands where there is nothing to show. */
export function emptyPlace(): HTMLElement {
  return h("p", "empty", word("empty"), h("small", null, word("emptyHint")));
}

/** Word for the plural of a filter, for the tabs of the table. */
export function pluralOf(name: FilterName): Word {
  const plurals = {
    queue: "queues",
    category: "categories",
    source: "sources",
    agent: "agents",
    status: "statuses",
  } as const;
  return plurals[name];
}
