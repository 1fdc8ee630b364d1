import type { ChangeEvent, MessageEvent, Ticket, TicketEvent } from "@thulium-stream/contracts";
import { makeMessage, makeTicket } from "@thulium-stream/kit";
import { Temporal } from "temporal-polyfill";

/** A line of a worked example's history. */
interface Happening {
  readonly at: string;
  readonly what: string;
  readonly options: Readonly<Record<string, string>>;
}

/** A worked example as its file tells it; the form is described beside the files. */
export interface Example {
  readonly title: string;
  /** Settings file of the examples' folder. */
  readonly rules: string | null;
  readonly history: readonly Happening[];
  readonly figures: Readonly<Record<string, string>>;
}

/** The examples of a file. @throws Error naming a line that has no meaning. */
export function readExamples(text: string): readonly Example[] {
  return text
    .split(/^== /m)
    .slice(1)
    .map((block) => {
      const [title = "", ...lines] = block.split("\n");
      const history: Happening[] = [];
      const figures: Record<string, string> = {};
      let rules: string | null = null;
      for (const line of lines.filter((each) => each.trim() !== "")) {
        const figure = /^-- (\w+) =(?: (\S.*?))?(?: {2,}.*)?$/.exec(line);
        const happening = /^(\d{4}-\d\d-\d\d \d\d:\d\d(?:[+]\d\d:\d\d)?) {2}(.+)$/.exec(line);
        const file = /^rules: (\S+)$/.exec(line);
        if (figure !== null) figures[figure[1] ?? ""] = figure[2] ?? "";
        else if (happening !== null) history.push(happeningOf(happening[1], happening[2]));
        else if (file !== null) rules = file[1] ?? null;
        else throw new Error(`${title}: ${line} has no meaning`);
      }
      return { title, rules, history, figures };
    });
}

function happeningOf(at = "", text = ""): Happening {
  const [what = "", ...parts] = text.split(/ {2,}/);
  const options = Object.fromEntries(
    parts.map((part) => {
      const [name = "", value = "yes"] = part.split(/=(.*)/s);
      return [name, value];
    }),
  );
  return { at: instantOf(at), what, options };
}

function instantOf(text: string): string {
  const [, day = "", time = "", offset] = /^(\S+) (\d\d:\d\d)(.*)$/.exec(text.trim()) ?? [];
  const local = `${day}T${time}`;
  const instant =
    offset === undefined || offset === ""
      ? Temporal.PlainDateTime.from(local).toZonedDateTime("Europe/Warsaw", {
          disambiguation: "reject",
        })
      : Temporal.Instant.from(`${local}${offset}`);
  return new Date(instant.epochMilliseconds).toISOString();
}

/** The events that tell an example's history. */
export function eventsOf({ history }: Example): readonly ChangeEvent[] {
  const teller = new Teller();
  return history.flatMap((happening) => teller.tell(happening));
}

/** Turns lines into events, knowing what came before. */
class Teller {
  #head: Partial<Ticket> = { ticket_queue_name: "help", ticket_queue_id: "help", user_login: null };
  #version = 0;
  #messages: MessageEvent[] = [];

  tell({ at, what, options }: Happening): ChangeEvent[] {
    const seen = options["seen"] === undefined ? at : instantOf(options["seen"]);
    const [verb = "", ...rest] = what.split(" ");
    const object = rest.join(" ");
    const when = { at, seen };
    if (["MAIL", "REPLY", "COMMENT"].includes(verb)) return [this.#say(when, verb, object)];
    if (verb === "rate" || verb === "remove") return [this.#change(when, verb, object)];
    return [this.#step(when, verb, object, options)];
  }

  #step(
    { at, seen }: { at: string; seen: string },
    verb: string,
    object: string,
    options: Happening["options"],
  ): TicketEvent {
    const isSilent = options["silent"] !== undefined || ["deleted", "unlisted"].includes(verb);
    const changed: Partial<Record<string, Partial<Ticket>>> = {
      created: {
        created_at: at,
        full_status_name: object,
        updated_at: timeOf(options, "updated", at),
      },
      status: { full_status_name: object },
      queue: { ticket_queue_name: object, ticket_queue_id: object },
      agent: { user_login: object === "-" ? null : object },
      deleted: {},
      unlisted: {},
      touched: {},
    };
    const change = changed[verb];
    if (change === undefined) throw new Error(`${verb} has no meaning`);
    this.#head = { ...this.#head, ...change, ...settingsOf(options) };
    this.#version = verb === "created" ? 1 : this.#version + 1;
    return {
      ...envelope({ at: isSilent ? seen : at, seen, version: this.#version }),
      type:
        verb === "deleted"
          ? "thulium.ticket.deleted"
          : verb === "created"
            ? "thulium.ticket.created"
            : "thulium.ticket.updated",
      time_is_observation: isSilent,
      kinds: verb === "unlisted" ? ["unlisted"] : ["other"],
      changes: [],
      derived: stepsOf(options["steps"]),
      ticket: makeTicket({ ticket_id: "1", status_id: null, closed_at: null, ...this.#head }),
    };
  }

  #say({ at, seen }: { at: string; seen: string }, type: string, login: string): MessageEvent {
    const id = String(this.#messages.length + 1);
    const ticket = makeTicket({ ticket_id: "1", ...this.#head });
    const event: MessageEvent = {
      ...envelope({ at, seen, version: 1 }),
      type: "thulium.message.added",
      message_id: id,
      changes: [],
      message: makeMessage({
        ticket_id: "1",
        message_id: id,
        type,
        user_login: login === "" || login === "-" ? null : login,
        created_at: at,
        ratings: [],
      }),
      ticket,
    };
    this.#messages.push(event);
    return event;
  }

  #change({ at, seen }: { at: string; seen: string }, verb: string, object: string): MessageEvent {
    const [id = "", rating = ""] = object.split(" ");
    const place = Number(id) - 1;
    const held = this.#messages[place];
    if (held?.message == null) throw new Error(`there is no message ${id}`);
    const message = { ...held.message, ratings: [...held.message.ratings, rating] };
    const next: MessageEvent = {
      ...held,
      ...envelope({ at, seen, version: held.version + 1 }),
      type: verb === "rate" ? "thulium.message.rated" : "thulium.message.removed",
      message: verb === "rate" ? message : null,
    };
    this.#messages[place] = next;
    return next;
  }
}

function envelope({ at, seen, version }: { at: string; seen: string; version: number }) {
  return {
    id: "x".repeat(26),
    system: "acme",
    ticket_id: "1",
    time: at,
    time_is_observation: false,
    observed_at: seen,
    origin: "live",
    version,
    previous_event_id: null,
    source_updated_at: null,
    source_updated_at_ambiguous: false,
  } as const;
}

function settingsOf(options: Happening["options"]): Partial<Ticket> {
  const { queue, priority, vendor } = options;
  const [response = "-", close = "-"] = vendor?.split("/") ?? [];
  return {
    ...(queue === undefined ? {} : { ticket_queue_name: queue, ticket_queue_id: queue }),
    ...(priority === undefined ? {} : { custom_fields: [{ name: "Priorytet", value: priority }] }),
    ...(options["closed_at"] === undefined ? {} : { closed_at: instantOf(options["closed_at"]) }),
    vendor_first_agent_response_time_s: response === "-" ? null : secondsOf(response),
    vendor_close_time_s: close === "-" ? null : secondsOf(close),
  };
}

function timeOf(options: Happening["options"], name: string, otherwise: string): string {
  const text = options[name];
  return text === undefined ? otherwise : instantOf(text);
}

function stepsOf(text: string | undefined): TicketEvent["derived"] {
  return (text?.split("; ") ?? []).map((step) => {
    const [names = "", at = ""] = step.split("@");
    const [from = null, to = null] = names.split(">");
    return { kind: "status_changed", at: instantOf(at), from, to, message_id: "1" };
  });
}

/** All figures of an example as a record carries them, the unnamed ones filled in as the files' description says. */
export function expectedOf({ figures, history }: Example): object {
  const told = { ...figures };
  const take = (name: string): string | undefined => {
    const value = told[name];
    delete told[name];
    return value;
  };
  const both = (name: string, text: string | undefined, otherwise: number | null) => {
    const [calendar, working] = text === undefined ? [] : pairOf(text);
    return { [`${name}_s`]: calendar ?? otherwise, [`${name}_business_s`]: working ?? otherwise };
  };
  const state = take("state");
  const life = take("life") ?? "";
  const [lifeS] = pairOf(life);
  const responded = take("first_response");
  const resolved = take("resolution");
  const observed = take("observed");
  const observedS = observed === undefined ? lifeS : secondsOf(observed);
  const created = history.find(({ what }) => what.startsWith("created"));
  const vendorOf = (name: string) => {
    const text = take(name);
    return text === undefined ? null : secondsOf(text);
  };
  const count = (name: string) => Number(take(name) ?? 0);
  const waiting = take("waiting_since");
  const share = (name: string, otherwise: string) =>
    sharesOf(take(name) ?? (lifeS === 0 ? "" : otherwise));
  const expected = {
    deleted: state === "deleted",
    is_open: state === "open",
    ...both("first_response", responded, null),
    first_response_basis: responded === undefined ? "none" : "messages",
    next_responses: listOf(take("next_responses")).map(pairOf),
    waiting_since: waiting === undefined ? null : instantOf(waiting),
    ...both("first_resolution", take("first_resolution"), null),
    ...both("resolution", resolved, null),
    resolution_precision_s:
      resolved === undefined ? null : secondsOf(take("resolution_precision") ?? "0h"),
    resolution_basis:
      take("resolution_basis") ?? (resolved === undefined ? "none" : "status history observed"),
    reopen_count: count("reopen_count"),
    one_touch: take("one_touch") === "yes",
    ...both("open", take("open") ?? life, null),
    ...both("requester_wait", take("requester_wait"), 0),
    ...both("agent_wait", take("agent_wait"), 0),
    ...both("on_hold", take("on_hold"), 0),
    life_s: lifeS,
    observed_s: observedS,
    time_in_status: share("time_in_status", ""),
    time_in_queue: share("time_in_queue", `${created?.options["queue"] ?? "help"} ${life}`),
    time_with_agent: share("time_with_agent", `- ${life}`),
    time_basis: take("time_basis") ?? (observedS === 0 ? "none" : "status history observed"),
    replies: count("replies"),
    customer_messages: count("customer_messages"),
    comments: count("comments"),
    agents_involved: count("agents_involved"),
    rating_last: take("rating_last") ?? null,
    sla_first_response: slaOf(take("sla_first_response")),
    sla_next_response: slaOf(take("sla_next_response")),
    sla_resolution: slaOf(take("sla_resolution")),
    vendor_first_response_s: vendorOf("vendor_first_response"),
    vendor_close_s: vendorOf("vendor_close"),
    differences: listOf(take("differences")),
  };
  const unknown = Object.keys(told);
  if (unknown.length > 0) throw new Error(`there is no figure ${unknown.join(", ")}`);
  return expected;
}

function listOf(text: string | undefined): readonly string[] {
  return text === undefined || text === "" ? [] : text.split(", ");
}

function pairOf(text: string): [number, number] {
  const [calendar = "", working = ""] = text.split(" | ");
  return [secondsOf(calendar), secondsOf(working)];
}

function sharesOf(text: string): readonly object[] {
  return listOf(text)
    .map((part) => {
      const [, name = "", durations = ""] = /^(.*) (\S+ \| \S+)$/.exec(part) ?? [];
      const [calendar, working] = pairOf(durations);
      return { name: name === "-" ? null : name, time_s: calendar, time_business_s: working };
    })
    .sort(({ name: a }, { name: b }) => ((a ?? "") < (b ?? "") ? -1 : 1));
}

/** `4h`, `1h30`, `45m`. */
function secondsOf(text: string): number {
  const match = /^(?:(\d+)h(\d\d)?|(\d+)m)$/.exec(text.trim());
  if (match === null) throw new Error(`${text} is no duration`);
  const [, hours = 0, rest = 0, minutes = 0] = match;
  return (Number(hours) * 60 + Number(rest) + Number(minutes)) * 60;
}

function slaOf(text: string | undefined): object | null {
  if (text === undefined) return null;
  const match = /^(\w+) of (\S+), due (\S+ \d\d:\d\d)(?:, left (\S+))?$/.exec(text);
  if (match === null) throw new Error(`${text} is no standing`);
  const [, state, target = "", due = "", left] = match;
  return {
    state,
    target_s: secondsOf(target),
    due_at: instantOf(due),
    left_s: left === undefined ? null : secondsOf(left),
  };
}
