import { type NewRecord, recordOfEvent, type TicketEvent } from "@thulium-stream/contracts";
import { makeTicket } from "@thulium-stream/kit";

const subjects = [
  "Paczka nie dotarła mimo statusu doręczona",
  "Prośba o duplikat faktury VAT",
  "Nie mogę zalogować się do panelu klienta",
  "Reklamacja: uszkodzony towar w przesyłce",
  "Zmiana adresu dostawy zamówienia",
];
const agents = ["akowalska", "jnowak", "mwisniewska", "pzielinski"];

/** An update of a ticket, about 1.1 KB of JSON; version `n` of it in the order of calls. */
export function referenceEvent(ticketId: number, version: number): TicketEvent {
  const seed = (ticketId * 31 + version * 17) % 997;
  const minute = `2026-11-${String(1 + (seed % 28)).padStart(2, "0")} ${String(seed % 24).padStart(2, "0")}:${String(seed % 60).padStart(2, "0")}`;
  const at = `${minute.replace(" ", "T")}:00.000Z`;
  const id = (n: number) =>
    `${ticketId.toString(36)}v${n.toString(36)}x${seed.toString(36)}`.padEnd(26, "q");
  const [from, to] = [agents[seed % 4] ?? null, agents[(seed + 1) % 4] ?? null];
  return {
    type: "thulium.ticket.updated",
    id: id(version),
    system: "acme",
    ticket_id: String(ticketId),
    time: at,
    time_is_observation: false,
    observed_at: at,
    origin: "live",
    version,
    previous_event_id: version > 1 ? id(version - 1) : null,
    source_updated_at: minute,
    source_updated_at_ambiguous: false,
    kinds: ["assigned"],
    changes: [{ field: "user_login", before: from, after: to }],
    derived: [],
    ticket: makeTicket({
      ticket_id: String(ticketId),
      user_login: to,
      from: `klient${seed}@example.com`,
      subject: `${subjects[seed % 5]} #${seed}`,
      customer_id: String(30_000 + seed),
      created_at: at,
      created_at_raw: minute,
      updated_at: at,
      updated_at_raw: minute,
    }),
  };
}

/** `count` records over `tickets` tickets, versions rising, with all headers. */
export function referenceRecords(count: number, tickets: number, from = 0): NewRecord[] {
  return Array.from({ length: count }, (_, n) =>
    recordOfEvent(
      referenceEvent((from + n) % tickets, 1 + Math.floor((from + n) / tickets)),
      from + n,
    ),
  );
}
