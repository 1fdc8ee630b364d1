import { askPath, Refusal } from "./api.js";
import { h } from "./element.js";
import { count, duration, moment } from "./format.js";
import { thuliumLink } from "./tables.js";
import { type Word, word, wordOr } from "./words.js";

/** Figures of a ticket, as far as they are shown. */
interface Ticket {
  readonly ticket_id: string;
  readonly subject: string | null;
  readonly queue: string | null;
  readonly agent: string | null;
  readonly status: string | null;
  readonly created_at: string;
  readonly first_response_at: string | null;
  readonly resolved_at: string | null;
  readonly first_response_s: number | null;
  readonly first_response_business_s: number | null;
  readonly resolution_s: number | null;
  readonly resolution_business_s: number | null;
  readonly reopen_count: number;
  readonly replies: number;
  readonly customer_messages: number;
  readonly comments: number;
  readonly requester_wait_s: number | null;
  readonly agent_wait_s: number | null;
  readonly on_hold_s: number | null;
}

/** A figure of the vendor beside ours. */
interface Difference {
  readonly figure: "first_response" | "close";
  readonly ours_s: number | null;
  readonly vendor_s: number | null;
  readonly difference_s: number | null;
  readonly reason: string;
}

/** Opens the figures of one ticket, ours beside the vendor's. */
export async function openTicket(
  id: string,
  sourceUrl: string | null,
  onClose: () => void,
): Promise<void> {
  const content = h("div", null, h("div", "skeleton tall-skeleton"));
  const close = h(
    "button",
    { class: "quiet-button", attributes: { type: "button" }, on: { click: () => dialog.close() } },
    word("close"),
  );
  const title = h("h2", { attributes: { id: "ticket-title" } }, `${word("ticketFigures")} #${id}`);
  const link = sourceUrl === null ? null : thuliumLink(sourceUrl, id);
  const dialog = h(
    "dialog",
    { class: "dialog ticket", attributes: { "aria-labelledby": "ticket-title" } },
    h("header", null, title, link, close),
    content,
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    onClose();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  try {
    const answer = await askPath(`tickets/${encodeURIComponent(id)}`);
    const { ticket, vendor } = answer as { ticket: Ticket; vendor: readonly Difference[] };
    content.replaceChildren(figuresOf(ticket, vendor));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const text =
      error.status === 404 || error.status === 400 ? word("unknownTicket") : error.message;
    content.replaceChildren(h("p", "empty", text));
  }
}

function figuresOf(ticket: Ticket, vendor: readonly Difference[]): HTMLElement {
  const facts: readonly (readonly [Word, string])[] = [
    ["queue", ticket.queue ?? word("without")],
    ["agent", ticket.agent ?? word("without")],
    ["status", ticket.status ?? word("without")],
    ["createdAt", moment(ticket.created_at)],
    [
      "answeredAt",
      ticket.first_response_at === null ? word("notYet") : moment(ticket.first_response_at),
    ],
    ["closedAt", ticket.resolved_at === null ? word("notYet") : moment(ticket.resolved_at)],
    ["requesterWait", duration(ticket.requester_wait_s)],
    ["agentWait", duration(ticket.agent_wait_s)],
    ["onHold", duration(ticket.on_hold_s)],
    ["replies", count(ticket.replies)],
    ["customerMessages", count(ticket.customer_messages)],
    ["comments", count(ticket.comments)],
    ["reopened", count(ticket.reopen_count)],
  ];
  return h(
    "div",
    null,
    h("p", "ticket-subject", ticket.subject ?? word("noSubject")),
    h(
      "dl",
      "facts",
      ...facts.map(([name, value]) =>
        h("div", null, h("dt", null, word(name)), h("dd", null, value)),
      ),
    ),
    times(ticket),
    vendor.length === 0 ? null : comparison(vendor),
    h("p", "hint", word("vendorHint")),
  );
}

function times(ticket: Ticket): HTMLElement {
  const row = (name: Word, calendar: number | null, business: number | null) =>
    [word(name), duration(calendar), duration(business)] as const;
  return tableOf(
    [word("time"), word("calendarTime"), word("workingTime")],
    [
      row("firstResponse", ticket.first_response_s, ticket.first_response_business_s),
      row("resolution", ticket.resolution_s, ticket.resolution_business_s),
    ],
  );
}

function comparison(vendor: readonly Difference[]): HTMLElement {
  const lines = vendor.map(({ figure, ours_s, vendor_s, difference_s, reason }) => [
    word(figure === "close" ? "resolution" : "firstResponse"),
    duration(ours_s),
    duration(vendor_s),
    signed(difference_s),
    wordOr(`vendor_${reason}`, reason),
  ]);
  const heads: readonly Word[] = ["vendorFigure", "ours", "vendor", "difference", "reason"];
  return tableOf(heads.map(word), lines);
}

function signed(seconds: number | null): string {
  if (seconds === null || seconds === 0) return duration(seconds);
  return `${seconds < 0 ? "−" : "+"}${duration(Math.abs(seconds))}`;
}

function tableOf(heads: readonly string[], lines: readonly (readonly string[])[]): HTMLElement {
  const head = heads.map((name) => h("th", { attributes: { scope: "col" } }, name));
  const rows = lines.map(([name = "", ...cells]) =>
    h(
      "tr",
      null,
      h("th", { attributes: { scope: "row" } }, name),
      ...cells.map((cell) => h("td", null, cell)),
    ),
  );
  const table = h("table", "numbers", h("thead", null, h("tr", null, ...head)));
  table.append(h("tbody", null, ...rows));
  return h(
    "div",
    { class: "scroll", attributes: { tabindex: 0, role: "group", "aria-label": heads[0] } },
    table,
  );
}
