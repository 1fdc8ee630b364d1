import type { Answers } from "./api.js";
import { count, duration, type Word, weekdays, word } from "./words.js";

/** Text becomes a text node, never markup: subjects are written by strangers. */
function element(name: string, text = "", className = ""): HTMLElement {
  const made = document.createElement(name);
  made.textContent = text;
  if (className !== "") made.className = className;
  return made;
}

function fill(id: string, ...children: Node[]): void {
  document.getElementById(id)?.replaceChildren(...children);
}

function row(
  cells: readonly (string | Node)[],
  tag = "td",
  textColumns: readonly number[] = [],
): HTMLElement {
  const made = element("tr");
  for (const [at, cell] of cells.entries()) {
    const made2 = element(
      tag,
      typeof cell === "string" ? cell : "",
      textColumns.includes(at) ? "text" : "",
    );
    if (tag === "th") made2.setAttribute("scope", "col");
    if (typeof cell !== "string") made2.append(cell);
    else if (textColumns.includes(at)) made2.title = cell;
    made.append(made2);
  }
  return made;
}

/** The row of key figures. */
export function showKpis({ total }: Answers["summary"]): void {
  const kpi = (name: Word, value: string, detail: string) => {
    const card = element("div", "", "kpi");
    card.append(element("h3", word(name)), element("strong", value), element("small", detail));
    return card;
  };
  const {
    first_response: response,
    first_response_business: worked,
    resolution,
    resolution_business: solved,
  } = total;
  fill(
    "kpis",
    kpi("open", count(total.backlog), ""),
    kpi("created", count(total.created), ""),
    kpi("closed", count(total.closed), ""),
    kpi("firstResponse", duration(response.p50_s), `${duration(worked.p50_s)} ${word("inWork")}`),
    kpi("resolution", duration(resolution.p50_s), `${duration(solved.p50_s)} ${word("inWork")}`),
    kpi(
      "reopened",
      total.closed === 0
        ? "–"
        : `${count(Math.round((total.reopened / total.closed) * 1000) / 10)} %`,
      `${count(total.reopened)}`,
    ),
  );
}

/** One line per queue. */
export function showQueues({ groups }: Answers["summary"]): void {
  const lines = groups.filter(({ created, closed, backlog }) => created + closed + backlog > 0);
  if (lines.length === 0) {
    fill("queues", row([word("empty")]));
    return;
  }
  const most = Math.max(1, ...lines.map(({ created }) => created));
  const head = row(
    [
      word("queue"),
      word("created"),
      "",
      word("closed"),
      word("backlog"),
      word("firstResponse"),
      word("p90"),
      word("resolution"),
      word("p90"),
    ],
    "th",
    [0],
  );
  const bar = (value: number) => {
    const meter = document.createElement("meter");
    meter.max = most;
    meter.value = value;
    meter.setAttribute("aria-hidden", "true");
    return meter;
  };
  const body = lines.map(
    ({ key, created, closed, backlog, first_response: response, resolution }) =>
      row(
        [
          key[0] ?? word("none"),
          count(created),
          bar(created),
          count(closed),
          count(backlog),
          duration(response.p50_s),
          duration(response.p90_s),
          duration(resolution.p50_s),
          duration(resolution.p90_s),
        ],
        "td",
        [0],
      ),
  );
  fill("queues", head, ...body);
}

/** Weekday × hour. The shade is a class-free custom property set through the object model, which the policy allows. */
export function showHeat({ created }: Answers["heatmap"]): void {
  const most = Math.max(1, ...created.flat());
  const head = row(
    ["", ...Array.from({ length: 24 }, (_, hour) => (hour % 3 === 0 ? String(hour) : ""))],
    "th",
  );
  const body = created.map((hours, weekday) => {
    const line = element("tr");
    const name = element("th", weekdays()[weekday]);
    name.setAttribute("scope", "row");
    line.append(name);
    for (const [hour, value] of hours.entries()) {
      const cell = element("td");
      cell.title = `${weekdays()[weekday]} ${hour}:00 – ${count(value)}`;
      cell.style.background = `rgb(var(--heat) / ${Math.round((0.05 + 0.95 * (value / most)) * 100)}%)`;
      line.append(cell);
    }
    return line;
  });
  fill("heat", head, ...body);
}

/** The tickets that have been open longest, with a link into the help desk where there is one. */
export function showSlowest(
  { tickets }: Answers["tickets"],
  nowMs: number,
  sourceUrl: string | null,
): void {
  if (tickets.length === 0) {
    fill("slowest", row([word("empty")]));
    return;
  }
  const head = row(
    [word("ticket"), word("age"), word("subject"), word("queue"), word("agent")],
    "th",
    [0, 2, 3, 4],
  );
  const body = tickets.map(({ ticket_id, subject, queue, agent, created_at }) => {
    const link =
      sourceUrl === null
        ? element("span", `#${ticket_id}`)
        : Object.assign(document.createElement("a"), {
            textContent: `#${ticket_id}`,
            href: `${sourceUrl}/panel/tickets/${encodeURIComponent(ticket_id)}`,
            rel: "noreferrer",
            target: "_blank",
          });
    return row(
      [
        link,
        duration((nowMs - Date.parse(created_at)) / 1000),
        subject ?? word("noSubject"),
        queue ?? word("none"),
        agent ?? word("none"),
      ],
      "td",
      [0, 2, 3, 4],
    );
  });
  fill("slowest", head, ...body);
}
