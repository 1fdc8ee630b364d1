import { Failure } from "@thulium-stream/contracts";
import { z } from "zod";
import { type Occasion, occasionForms, parseOccasion } from "./occasion.ts";

/** One of a few words, the first being the default. */
function choice<const T extends readonly [string, ...string[]]>(about: string, values: T) {
  return z
    .enum(values)
    .default(values[0] as T[number] as never)
    .describe(about);
}

/** `off` or a number. */
function limit(about: string, unit: string) {
  return z
    .string()
    .regex(/^(off|\d+(\.\d+)?)$/, `must be off or a number of ${unit}`)
    .default("off")
    .transform((text) => (text === "off" ? null : Number(text)))
    .describe(about);
}

function occasion(about: string) {
  return z
    .string()
    .default("off")
    .transform((text, context): Occasion => {
      const parsed = parseOccasion(text);
      if (parsed !== null) return parsed;
      context.addIssue({ code: "custom", message: `must be ${occasionForms}` });
      return z.NEVER;
    })
    .describe(about);
}

const schema = z.strictObject({
  tz: z.string().default("Europe/Warsaw").describe("A1: zone of the wall clock, an IANA name"),
  stamps: choice("A2: whether stamps carry seconds", ["minute", "seconds", "random"]),
  bounds: choice("A3: whether date bounds are inclusive", ["closed", "right_open", "left_open"]),
  date_only_to: choice("A4: what a date without time means as an upper bound", [
    "midnight",
    "end_of_day",
  ]),
  cmp: choice("A4b: whether 12:34:30 is later than 12:34", ["seconds", "minute"]),
  bad_limit: choice("A5: limit outside 1..100, offset below 0", ["400", "clamp", "500"]),
  past_end: choice("A6: offset at or beyond count", ["empty", "404"]),
  max_offset: limit("A7: largest offset that is answered", "records"),
  max_offset_answer: choice("A7: what a larger one gets", ["500", "504", "empty"]),
  touch_on: choice("A8: which changes move updated_at", ["all", "messages_only", "no_close"]),
  ties: choice("A9: order among rows that share a minute", ["shuffled", "stable"]),
  bad_order: choice("A10: an order field that cannot be sorted by", ["400", "ignore", "500"]),
  scalar_status: choice("A12: status_id without brackets", ["500", "400", "filter", "ignore"]),
  unknown_ref: choice("A14: a queue, user, status or category that does not exist", [
    "empty",
    "400",
    "404",
  ]),
  unknown_param: choice("A15: a parameter that does not exist", ["ignore", "400"]),
  durations: choice("A19: what close_time measures", ["wall", "business", "last_close"]),
  on_reopen: choice("A20: closed_at of a reopened ticket", ["clear", "keep"]),
  merged: choice("A21: whether merged tickets stay in the list", ["gone", "listed"]),
  merged_messages: choice("A21: where a merged ticket's messages are", ["move", "stay"]),
  deleted: choice("A21: what GET of a deleted ticket answers", ["410", "404"]),
  count: choice("A22: whether count agrees with the rows", ["exact", "racy"]),
  id_types: choice("A23: how ids are written", ["as_doc", "all_int", "all_string", "random"]),
  no_value: choice("Section 3: how no value is written", [
    "mixed",
    "null",
    "empty",
    "absent",
    "random",
  ]),
  message_order: choice("Section 3: order of messages in the list", [
    "oldest_first",
    "newest_first",
    "shuffled",
  ]),
  new_field: choice("Section 3: whether the API grew fields nobody knows", ["off", "on"]),
  json: choice("php: escaped as json_encode does by default", ["plain", "php"]),
  big_ticket: z
    .string()
    .regex(/^(off|\d+x\d+(\.\d+)?)$/, "must be off or <every>x<megabytes>, such as 1000x5")
    .default("off")
    .transform((text) => {
      if (text === "off") return null;
      const [every, megabytes] = text.split("x").map(Number);
      return { every: Math.max(1, every ?? 1), bytes: Math.round((megabytes ?? 0) * 1_000_000) };
    })
    .describe("A25: every so many tickets have a first message of so many MB"),
  max_page_mb: limit("A25: a larger answer becomes a 500", "megabytes"),
  html_errors: choice("A26: whether errors are HTML pages", ["off", "on"]),
  rate_limit: limit("A27: requests a second before 429", "requests"),
  retry_after: choice("A27: form of Retry-After", ["seconds", "date", "off"]),
  limit_status: choice("A27: status of a refusal", ["429", "503"]),
  fail: occasion("A28: which requests fail"),
  fail_status: choice("A28: how they fail", ["500", "502", "503", "504", "reset"]),
  malformed: occasion("A30: which answers are broken JSON with 200"),
  envelope: occasion("A31: which answers are a 200 with another envelope"),
  envelope_form: choice("A31: that envelope", [
    "null_result",
    "no_result",
    "object_result",
    "bare_list",
    "html",
  ]),
  slow: occasion("which requests are slow"),
  slow_ms: limit("how slow, in milliseconds; off = 30000", "milliseconds"),
  forbidden: choice("which API methods answer 403", ["none", "tickets", "ticket", "all"]),
});

/** Every switch with its meaning in force; numbers are `null` when off. */
export type Switches = z.infer<typeof schema>;
/** Name of a switch. */
export type SwitchName = keyof Switches;
/** Switches as a user writes them: words, numbers or booleans (`true` = on). */
export type SwitchSettings = { readonly [name in SwitchName]?: string | number | boolean };

/** Switches that decide what the population is or shows; they cannot change while it lives. */
export const contentSwitches: readonly SwitchName[] = [
  "tz",
  "touch_on",
  "merged",
  "merged_messages",
];

/** One row of the table of switches. */
export interface SwitchInfo {
  readonly name: SwitchName;
  readonly default: string;
  readonly about: string;
  /** The words it takes, the default first; empty when it takes a number, a zone or an occasion. */
  readonly values: readonly string[];
}

/** Every switch, for help texts and the README. */
export const switchTable: readonly SwitchInfo[] = Object.entries(schema.shape).map(
  ([name, type]) => {
    const byDefault = defaultOf(type.parse(undefined));
    const others = optionsOf(type).filter((value) => value !== byDefault);
    const values = optionsOf(type).length === 0 ? [] : [byDefault, ...others];
    return { name: name as SwitchName, default: byDefault, about: type.description ?? "", values };
  },
);

/**
 * Reads switches from `ties=stable,bounds=right_open`, from JSON text, or from an object; what is left out has its default.
 * @throws Failure `InvalidSettings` naming every wrong switch and what is allowed.
 */
export function parseSwitches(settings: string | SwitchSettings = {}): Switches {
  const words = wordsOf(settings);
  const result = schema.safeParse(words);
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) =>
    issue.code === "unrecognized_keys"
      ? `unknown ${issue.keys.join(", ")} (known: ${Object.keys(schema.shape).join(", ")})`
      : `${issue.path.join(".")}: ${issue.message} (got "${words[String(issue.path[0])]}")`,
  );
  throw new Failure("InvalidSettings", `sandbox switches: ${faults.join("; ")}`);
}

/** The switches that are given, each as the word it was given by. @throws Failure `InvalidSettings`. */
export function wordsOf(settings: string | SwitchSettings): Record<string, string> {
  const given = typeof settings === "string" ? fromText(settings) : settings;
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([name, value]) => [name, wordOf(value)]));
}

function fromText(text: string): Record<string, unknown> {
  const trimmed = text.trim();
  if (trimmed.startsWith("{")) {
    try {
      return JSON.parse(trimmed) as Record<string, unknown>;
    } catch (cause) {
      throw new Failure("InvalidSettings", "sandbox switches are no valid JSON", { cause });
    }
  }
  const pairs = trimmed.split(",").filter((part) => part.trim() !== "");
  return Object.fromEntries(
    pairs.map((pair) => {
      const equals = pair.indexOf("=");
      if (equals < 1) {
        throw new Failure(
          "InvalidSettings",
          `sandbox switches: "${pair.trim()}" is not name=value`,
        );
      }
      return [pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()];
    }),
  );
}

function wordOf(value: unknown): string {
  if (value === true) return "on";
  if (value === false) return "off";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function defaultOf(value: unknown): string {
  return typeof value === "string" ? value : "off";
}

function optionsOf(type: unknown): readonly string[] {
  const inner = (type as { unwrap?: () => unknown }).unwrap?.() ?? type;
  const options = (inner as { options?: unknown }).options;
  return Array.isArray(options) ? options.map(String) : [];
}
