import { type Clock, isFailure } from "@thulium-stream/contracts";
import type { Mutation, Sandbox } from "@thulium-stream/sandbox";
import type { Wire } from "./wire.ts";
import type { WorldPlan } from "./world-plan.ts";

/** More deletes than this would wake the guard against mass deletes. */
const mostGone = 30;

/** Changes the source by hand while the extractor reads it: everything an agent can do, singly and in bulk within one minute. */
export async function direct(
  plan: WorldPlan,
  sandbox: Sandbox,
  wire: Wire,
  clock: Clock,
  random: () => number,
  signal: AbortSignal,
): Promise<number> {
  let made = 0;
  let gone = 0;
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const change = (mutation: Mutation) => {
    // Some changes come to light only after their stamp: a long transaction, a slow replica.
    const at = sandbox.nowMs - (random() < 0.3 ? Math.floor(random() * plan.latenessMs) : 0);
    try {
      sandbox.mutate({ ...mutation, at });
      made += 1;
    } catch (error) {
      // A ticket that is gone, or a message that is not its own: nothing to change.
      if (!isFailure(error, "Rejected")) throw error;
    }
  };
  const ids = [...sandbox.truth().rows()].map((row) => Number(row["ticket_id"]));
  while (!signal.aborted) {
    const pauseMs = -Math.log(1 - random()) * plan.mutationPauseMs;
    try {
      await clock.sleep(pauseMs, signal);
    } catch {
      return made;
    }
    wire.live();
    const roll = random();
    const { bulkShare, goneShare } = plan;
    if (roll < bulkShare) {
      // A bulk edit: many tickets in one minute.
      const first = Math.floor(random() * ids.length);
      for (const ticketId of ids.slice(first, first + 60)) change({ kind: "touch", ticketId });
    } else if (roll < bulkShare + 0.08) {
      const result = sandbox.mutate({ kind: "create", subject: `new ${made}` });
      ids.push(Number(result.ticketId));
      made += 1;
    } else if (ids.length > 0) {
      // A few tickets are worked on all the time: answers that overlap differ in them.
      const ticketId = random() < 0.4 ? pick(ids.slice(-3)) : pick(ids);
      const canGo = gone < mostGone;
      const goes = canGo && roll < bulkShare + 0.08 + goneShare;
      const mutation = one(ticketId, goes, made, pick, random, ids);
      if (mutation.kind === "delete" || mutation.kind === "merge") gone += 1;
      change(mutation);
      // Edits of one ticket in quick succession: a row leaves its page while it is read, or returns to what it was.
      if (random() < 0.15) change({ kind: "subject", ticketId, subject: `again ${made}` });
    }
    wire.live();
  }
  return made;
}

function one(
  ticketId: number,
  goes: boolean,
  made: number,
  pick: <T>(list: readonly T[]) => T,
  random: () => number,
  ids: readonly number[],
): Mutation {
  if (goes && random() < 0.6) return { kind: "delete", ticketId };
  if (goes) return { kind: "merge", ticketId, into: pick(ids) };
  const mutations: readonly Mutation[] = [
    { kind: "touch", ticketId },
    { kind: "mail", ticketId, body: `mail ${made} zażółć` },
    { kind: "reply", ticketId },
    { kind: "comment", ticketId },
    { kind: "close", ticketId },
    { kind: "reopen", ticketId },
    { kind: "assign", ticketId, login: pick(["akowalski", "bnowak", null]) },
    { kind: "subject", ticketId, subject: pick(["A", "B"]) },
    { kind: "tag", ticketId, tag: pick(["pilne", "zwrot", "inne"]) },
    { kind: "untag", ticketId, tag: pick(["pilne", "zwrot", "inne"]) },
    { kind: "custom_field", ticketId, name: "Numer", value: String(Math.floor(random() * 3)) },
    { kind: "rate", ticketId, value: Math.ceil(random() * 5) },
  ];
  return pick(mutations);
}
