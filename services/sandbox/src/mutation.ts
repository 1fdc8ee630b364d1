import { Failure } from "@thulium-stream/contracts";
import { z } from "zod";
import { categories, queues, sources, statuses, statusIds, tags } from "./population/catalogue.ts";
import { deeds } from "./population/life.ts";
import type { Population } from "./population/population.ts";
import { fates, type Payload } from "./population/ticket-fold.ts";

const ticketId = z.coerce.number().int().positive();
/** When it is stamped: milliseconds since 1970 or ISO 8601 text; not later than the population's now, which is the default. */
const at = z
  .union([z.number(), z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))])
  .optional();
const on = { ticketId, at };
const login = z.string();
const files = z.array(z.string()).optional();

const schema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("create"),
    at,
    subject: z.string().optional(),
    from: z.string().optional(),
    body: z.string().optional(),
    queueId: z.number().optional(),
    categoryId: z.number().nullable().optional(),
    customerId: z.number().nullable().optional(),
    source: z.string().optional(),
  }),
  z.strictObject({ kind: z.literal("touch"), ...on }),
  z.strictObject({
    kind: z.literal("mail"),
    ...on,
    body: z.string().optional(),
    attachments: files,
  }),
  z.strictObject({
    kind: z.literal("reply"),
    ...on,
    login: login.default("akowalski"),
    body: z.string().optional(),
    attachments: files,
  }),
  z.strictObject({
    kind: z.literal("comment"),
    ...on,
    login: login.default("akowalski"),
    body: z.string().optional(),
    attachments: files,
  }),
  z.strictObject({ kind: z.literal("close"), ...on }),
  z.strictObject({ kind: z.literal("reopen"), ...on }),
  z.strictObject({
    kind: z.literal("status"),
    ...on,
    statusId: z.number(),
    substatusId: z.number().default(0),
  }),
  z.strictObject({ kind: z.literal("assign"), ...on, login: login.nullable() }),
  z.strictObject({ kind: z.literal("queue"), ...on, queueId: z.number() }),
  z.strictObject({ kind: z.literal("category"), ...on, categoryId: z.number().nullable() }),
  z.strictObject({ kind: z.literal("customer"), ...on, customerId: z.number().nullable() }),
  z.strictObject({ kind: z.literal("subject"), ...on, subject: z.string() }),
  z.strictObject({ kind: z.literal("tag"), ...on, tag: z.string().min(1) }),
  z.strictObject({ kind: z.literal("untag"), ...on, tag: z.string().min(1) }),
  z.strictObject({ kind: z.literal("custom_field"), ...on, name: z.string(), value: z.unknown() }),
  z.strictObject({ kind: z.literal("rate"), ...on, value: z.unknown() }),
  z.strictObject({
    kind: z.literal("edit"),
    ...on,
    messageId: z.coerce.number(),
    body: z.string(),
  }),
  z.strictObject({ kind: z.literal("remove_message"), ...on, messageId: z.coerce.number() }),
  z.strictObject({ kind: z.literal("merge"), ...on, into: ticketId }),
  z.strictObject({ kind: z.literal("delete"), ...on }),
]);

/** A change that a test, a simulation or a user makes by hand. */
export type Mutation = z.input<typeof schema>;
type Understood = z.output<typeof schema>;

/** What became of a {@link Mutation}. */
export interface MutationResult {
  readonly ticketId: string;
  /** Whether anything changed; closing a closed ticket does not. */
  readonly changed: boolean;
  /** Id of the message that it added. */
  readonly messageId?: string;
}

/**
 * Makes a change through the same store and log as the natural ones.
 * @throws Failure `InvalidSettings` for a mutation that makes no sense, `Rejected` when the ticket does not exist.
 */
export function mutate(population: Population, mutation: unknown): MutationResult {
  const parsed = schema.safeParse(mutation);
  if (!parsed.success) {
    throw new Failure("InvalidSettings", `mutation: ${z.prettifyError(parsed.error)}`);
  }
  const understood = parsed.data;
  const stampS = Math.floor((understood.at ?? population.nowS * 1000) / 1000);
  if (stampS > population.nowS) {
    throw new Failure("InvalidSettings", "mutation: at is later than the population's now");
  }
  if (understood.kind === "create") return create(population, understood, stampS);
  const row = population.rowOfTicket(understood.ticketId);
  if (row < 0 || population.columns.fate[row] !== fates.live) {
    throw new Failure("Rejected", `ticket ${understood.ticketId} does not exist`);
  }
  const { deed, arg, payload } = deedOf(population, understood, row);
  const changed = population.act(row, deed, stampS, arg, payload);
  const result = { ticketId: String(understood.ticketId), changed };
  if (deed > deeds.comment) return result;
  const fold = population.foldOf(row, population.newFold());
  return {
    ...result,
    messageId: String(population.messageIdOf(fold.number, fold.messageCount - 1)),
  };
}

function create(
  population: Population,
  mutation: Extract<Understood, { kind: "create" }>,
  stampS: number,
): MutationResult {
  const { body, subject, from, queueId, categoryId, customerId, source } = mutation;
  const profile = {
    ...(queueId === undefined ? {} : { queue: indexOf("queueId", queues, queueId) }),
    ...(categoryId === undefined ? {} : { category: categoryOf(categoryId) }),
    ...(customerId === undefined ? {} : { customer: customerId ?? 0 }),
    ...(source === undefined ? {} : { source: sourceOf(source) }),
  };
  const row = population.bear(
    {
      profile,
      payload: body === undefined ? null : { text: body },
      ...(subject === undefined ? {} : { subject }),
      ...(from === undefined ? {} : { from }),
    },
    stampS,
  );
  const number = population.columns.number[row] as number;
  return {
    ticketId: String(population.ticketIdOf(row)),
    changed: true,
    messageId: String(population.messageIdOf(number, 0)),
  };
}

interface Deed {
  readonly deed: number;
  readonly arg: number;
  readonly payload: Payload | null;
}

function deedOf(
  population: Population,
  mutation: Exclude<Understood, { kind: "create" }>,
  row: number,
): Deed {
  const plain = (deed: number, arg = 0, payload: Payload | null = null) => ({ deed, arg, payload });
  switch (mutation.kind) {
    case "mail":
      return plain(deeds.mail, 0, written(mutation));
    case "reply":
    case "comment":
      return plain(deeds[mutation.kind], loginOf(population, mutation.login), written(mutation));
    case "close":
      return plain(deeds.close);
    case "reopen":
      return plain(deeds.status, statusIds.working * 1000);
    case "status":
      return plain(deeds.status, statusOf(mutation.statusId) * 1000 + mutation.substatusId);
    case "assign":
      return plain(deeds.assign, loginOf(population, mutation.login ?? ""));
    case "queue":
      return plain(deeds.queue, indexOf("queueId", queues, mutation.queueId));
    case "category":
      return plain(deeds.category, categoryOf(mutation.categoryId));
    case "customer":
      return plain(deeds.customer, mutation.customerId ?? 0);
    case "subject":
      return plain(deeds.subject, 0, { text: mutation.subject });
    case "tag":
    case "untag": {
      const bit = tags.indexOf(mutation.tag);
      return plain(deeds[mutation.kind], bit, bit < 0 ? { text: mutation.tag } : null);
    }
    case "custom_field":
      return plain(deeds.custom_field, 0, { name: mutation.name, value: mutation.value });
    case "rate":
      return plain(deeds.rate, 0, { value: mutation.value });
    case "edit":
      return plain(deeds.edit, seqOf(population, row, mutation.messageId), { text: mutation.body });
    case "remove_message":
      return plain(deeds.remove_message, seqOf(population, row, mutation.messageId));
    case "merge":
      return plain(deeds.merge, mergeTargetOf(population, row, mutation.into));
    case "touch":
      return plain(deeds.touch);
    case "delete":
      return plain(deeds.delete);
  }
}

function written(mutation: {
  body?: string | undefined;
  attachments?: string[] | undefined;
}): Payload | null {
  const { body, attachments } = mutation;
  if (body === undefined && attachments === undefined) return null;
  return {
    ...(body === undefined ? {} : { text: body }),
    ...(attachments === undefined ? {} : { attachments }),
  };
}

function loginOf(population: Population, login: string): number {
  const known = population.logins.indexOf(login);
  return known >= 0 ? known : population.logins.push(login) - 1;
}

function indexOf(name: string, list: readonly { readonly id: number }[], id: number): number {
  const index = list.findIndex((one) => one.id === id);
  if (index >= 0) return index;
  throw new Failure(
    "InvalidSettings",
    `mutation: ${name} is one of ${list.map((one) => one.id).join(", ")}`,
  );
}

function categoryOf(id: number | null): number {
  return id === null ? -1 : indexOf("categoryId", categories, id);
}

function statusOf(id: number): number {
  return statuses[indexOf("statusId", statuses, id)]?.id ?? 0;
}

function sourceOf(name: string): number {
  const index = sources.findIndex((source) => source.name === name);
  if (index >= 0) return index;
  throw new Failure(
    "InvalidSettings",
    `mutation: source is one of ${sources.map((one) => one.name).join(", ")}`,
  );
}

function seqOf(population: Population, row: number, messageId: number): number {
  const first = population.messageIdOf(population.columns.number[row] as number, 0);
  const seq = messageId - first;
  const fold = population.foldOf(row, population.newFold());
  if (seq >= 0 && seq < fold.messageCount && !fold.messages[seq]?.removed) return seq;
  throw new Failure("Rejected", `message ${messageId} is not one of the ticket's own`);
}

function mergeTargetOf(population: Population, row: number, into: number): number {
  const target = population.rowOfTicket(into);
  if (target < 0 || target === row || population.columns.fate[target] !== fates.live) {
    throw new Failure("Rejected", `ticket ${into} cannot take another one in`);
  }
  return population.columns.number[target] as number;
}
