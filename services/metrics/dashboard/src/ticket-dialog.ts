import { askPath, Refusal } from "./api.js";
import { h } from "./element.js";
import { count, duration, moment } from "./format.js";
import { thuliumLink } from "./tables.js";
import { type Word, word } from "./words.js";

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
  readonly vendor_first_response_s: number | null;
  readonly vendor_close_s: number | null;
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
    const { ticket } = (await askPath(`tickets/${encodeURIComponent(id)}`)) as { ticket: Ticket };
    content.replaceChildren(figuresOf(ticket));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const text =
      error.status === 404 || error.status === 400 ? word("unknownTicket") : error.message;
    content.replaceChildren(h("p", "empty", text));
  }
}

function figuresOf(ticket: Ticket): HTMLElement {
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
    comparison(ticket),
    h("p", "hint", word("vendorHint")),
  );
}

function comparison(ticket: Ticket): HTMLElement {
  const row = (name: Word, ours: number | null, business: number | null, vendor: number | null) =>
    h(
      "tr",
      null,
      h("th", { attributes: { scope: "row" } }, word(name)),
      h("td", null, h("b", null, duration(ours))),
      h("td", null, duration(business)),
      h("td", null, duration(vendor)),
    );
  const heads = ["", `${word("ours")}`, word("workingTime"), word("vendor")].map((name) =>
    name === "" ? h("td") : h("th", { attributes: { scope: "col" } }, name),
  );
  return h(
    "table",
    "numbers",
    h("thead", null, h("tr", null, ...heads)),
    h(
      "tbody",
      null,
      row(
        "firstResponse",
        ticket.first_response_s,
        ticket.first_response_business_s,
        ticket.vendor_first_response_s,
      ),
      row("resolution", ticket.resolution_s, ticket.resolution_business_s, ticket.vendor_close_s),
    ),
  );
}
