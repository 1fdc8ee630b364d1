import { readFileSync } from "node:fs";
import { Failure } from "@thulium-stream/contracts";
import { parseDuration } from "@thulium-stream/runtime";
import { z } from "zod";
import { businessHoursRule, parseBusinessHours } from "../calendar/business-hours.ts";
import { isHolidayCountry } from "../calendar/public-holidays.ts";

const day = z
  .string()
  .refine(isDay, "must be a day such as 2026-11-23")
  .describe("Local day, YYYY-MM-DD");
const target = z
  .string()
  .refine((text) => (parseDuration(text) ?? -1) >= 60_000, "must be a duration such as 30m or 8h")
  .describe("A duration such as 30m or 8h; an hour is sixty minutes of the rule's own measure");
const names = (what: string) => z.array(z.string().min(1)).describe(what).optional();

const schedule = z.strictObject({
  valid_from: day.optional().describe("First day on which it holds; left out = always"),
  hours: z
    .string()
    .refine((text) => parseBusinessHours(text) !== null, businessHoursRule)
    .describe('Opening hours, such as "Mon-Fri 08:00-16:00; Sat 09:00-13:00"'),
  holidays: z
    .string()
    .refine(isHolidayCountry, "must be a country code such as PL, or none")
    .default("PL")
    .describe("Country whose public holidays are free, or none"),
  closures: z
    .array(
      z.string().refine(isDayOrRange, "must be a day such as 2026-12-31, or 2026-12-28/2026-12-31"),
    )
    .default([])
    .describe("Own free days: YYYY-MM-DD, or first/last"),
});

const alwaysRule = "must have exactly one schedule without valid_from, so that every day has one";

const slaRule = z.strictObject({
  queue: z.string().optional().describe("Queue, by id or name; left out = every queue"),
  priority: z.string().optional().describe("Value of priority_field; left out = any"),
  valid_from: day.optional().describe("For clocks that start on or after this day"),
  measure: z
    .enum(["business", "calendar"])
    .default("business")
    .describe("Whether targets count working time or all time"),
  first_response: target.optional(),
  next_response: target.optional(),
  resolution: target.optional(),
});

/** The file that METRICS_SETTINGS names. */
export const metricsSettings = z
  .strictObject({
    $schema: z.string().optional(),
    calendars: z
      .record(z.string(), z.array(schedule).refine(hasAlways, alwaysRule))
      .default({})
      .describe(
        "Calendars by name; of several schedules the newest whose valid_from has come counts",
      ),
    default_calendar: z.string().optional().describe("Calendar of queues without one of their own"),
    queue_calendars: z
      .record(z.string(), z.string())
      .default({})
      .describe("Calendar by queue, which is an id or a name"),
    sla: z
      .array(slaRule)
      .default([])
      .describe("Service levels: per target the first rule that fits and has it counts"),
    priority_field: z
      .string()
      .min(1)
      .optional()
      .describe("Custom field that holds a ticket's priority"),
    on_hold_statuses: names("Statuses (names or ids) in which nobody waits; default Odłożone"),
    waiting_statuses: names(
      "Statuses (names or ids) that wait for the customer; default Oczekuje na klienta",
    ),
  })
  .superRefine(({ calendars, default_calendar, queue_calendars }, context) => {
    const check = (name: string, path: string[]) => {
      if (calendars[name] === undefined)
        context.addIssue({
          code: "custom",
          path,
          message: `must be one of calendars (${Object.keys(calendars).join(", ") || "there is none"})`,
        });
    };
    if (default_calendar !== undefined) check(default_calendar, ["default_calendar"]);
    for (const [queue, name] of Object.entries(queue_calendars))
      check(name, ["queue_calendars", queue]);
  });
/** See {@link metricsSettings}. */
export type MetricsSettings = z.output<typeof metricsSettings>;

/** Settings of a help desk without a file. */
export const noMetricsSettings: MetricsSettings = metricsSettings.parse({});

/**
 * Reads the settings file of the metrics, JSON in the form of {@link metricsSettings}.
 * @throws Failure `InvalidSettings`: every fault at once, each with the field, its value and the rule.
 */
export function readMetricsSettings(path: string): MetricsSettings {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new Failure(
      "InvalidSettings",
      `METRICS_SETTINGS=${path}: must name a readable JSON file (${(cause as Error).message})`,
      { cause },
    );
  }
  const parsed = metricsSettings.safeParse(content, { reportInput: true });
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map(lineOf);
  throw new Failure(
    "InvalidSettings",
    `METRICS_SETTINGS=${path} breaks its rules:\n${lines.join("\n")}`,
  );
}

function lineOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => `  ${fieldOf([...issue.path, key])}: is no setting`).join("\n");
  const value =
    issue.code === "custom" && typeof issue.input === "object" ? undefined : issue.input;
  const shown = value === undefined ? "" : `=${JSON.stringify(value)}`;
  return `  ${fieldOf(issue.path)}${shown}: ${issue.message}`;
}

function fieldOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) =>
      typeof key === "number"
        ? `${text}[${key}]`
        : `${text === "" ? "" : `${text}.`}${String(key)}`,
    "",
  );
}

function hasAlways(schedules: readonly { readonly valid_from?: string | undefined }[]): boolean {
  return schedules.filter(({ valid_from }) => valid_from === undefined).length === 1;
}

function isDay(text: string): boolean {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00.000Z`) : Number.NaN;
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}

function isDayOrRange(text: string): boolean {
  const [first = "", last = first, ...more] = text.split("/");
  return more.length === 0 && isDay(first) && isDay(last) && first <= last;
}
