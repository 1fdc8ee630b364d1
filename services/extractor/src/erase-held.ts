import {
  type ErasureState,
  encodeJson,
  hashId,
  headerNames,
  type Instant,
  type NewRecord,
  type TicketErased,
  type TicketState,
  ticketKey,
} from "@thulium-stream/contracts";

/** The news that a ticket was erased: in order behind its last event, with the hash in the place of its id. Pure. */
export function eraseHeld(
  { system, ticket_id }: Pick<TicketState, "system" | "ticket_id">,
  { erasure_id }: ErasureState,
  hash: string,
  now: Instant,
): NewRecord {
  const id = hashId(JSON.stringify([erasure_id, hash]));
  const type = "thulium.ticket.erased";
  const news: TicketErased = { type, id, system, erasure_id, ticket_hash: hash, time: now };
  return {
    topic: "ticket-events",
    key: ticketKey(system, hash),
    partitionKey: ticketKey(system, ticket_id),
    value: encodeJson(news),
    headers: {
      [headerNames.specVersion]: "1.0",
      [headerNames.id]: id,
      [headerNames.source]: `thulium://${system}/tickets`,
      [headerNames.type]: type,
      [headerNames.subject]: hash,
      [headerNames.time]: now,
      [headerNames.contentType]: "application/json",
      [headerNames.observedAt]: now,
    },
  };
}

/** An erasure with one more ticket. Pure. */
export function withTicket(erasure: ErasureState, hash: string, messages: number): ErasureState {
  const hashes = erasure.ticket_hashes;
  return {
    ...erasure,
    ticket_hashes: hashes.includes(hash) ? hashes : [...hashes, hash],
    tickets: erasure.tickets + 1,
    messages: erasure.messages + messages,
  };
}
