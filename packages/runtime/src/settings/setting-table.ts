import { z } from "zod";
import { parseDuration } from "../duration.ts";
import { isSchedule } from "../schedule.ts";

/** One setting: an environment variable with its rule and what the README says about it. */
export interface SettingSpec<T> {
  /** Parses the text; undefined means that it is not set. */
  readonly schema: z.ZodType<T, string | undefined>;
  /** What the README shows as default. */
  readonly defaultText: string;
  /** One sentence for the README. */
  readonly meaning: string;
  /** Its value is never shown, and `<NAME>_FILE` may name a file that holds it. */
  readonly secret?: boolean;
}

function setting<T>(
  defaultText: string,
  meaning: string,
  schema: z.ZodType<T, string | undefined>,
): SettingSpec<T> {
  return { schema, defaultText, meaning };
}

function secret(defaultText: string, meaning: string): SettingSpec<string | undefined> {
  return { schema: z.string().optional(), defaultText, meaning, secret: true };
}

const text = z.string().optional();
const textOr = (fallback: string) => z.string().default(fallback);

const durationMs = (fallback: string, leastMs: number, mostMs: number) =>
  z
    .string()
    .default(fallback)
    .transform((value, context) => {
      const ms = parseDuration(value);
      if (ms === null) context.addIssue("must be a duration such as 500ms, 15s, 2m, 1h or 7d");
      else if (ms < leastMs || ms > mostMs)
        context.addIssue(`must lie between ${leastMs / 1000} s and ${mostMs / 1000} s`);
      return ms ?? 0;
    });

/** Milliseconds; null when off. */
const durationOrOff = z
  .string()
  .default("off")
  .transform((value, context) => {
    if (value === "off") return null;
    const ms = parseDuration(value);
    if (ms === null || ms < 60_000)
      context.addIssue("must be a duration of at least a minute such as 30m or 4h, or off");
    return ms;
  });

const numberBetween = (fallback: number | undefined, least: number, most: number, whole: boolean) =>
  z
    .string()
    .optional()
    .transform((value, context) => {
      if (value === undefined) return fallback;
      const number = value.trim() === "" ? Number.NaN : Number(value);
      if (!(number >= least && number <= most) || (whole && !Number.isInteger(number)))
        context.addIssue(`must be a ${whole ? "whole " : ""}number from ${least} to ${most}`);
      return number;
    });

const wholeOr = (fallback: number, least: number, most: number) =>
  numberBetween(fallback, least, most, true).transform((value) => value ?? fallback);

const list = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((value) =>
      value
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== ""),
    );

const schedule = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .refine(isSchedule, 'must be a cron pattern such as "5 0 * * *", or off');

const flag = z
  .enum(["true", "false"], "must be true or false")
  .default("false")
  .transform((value) => value === "true");

const zone = z
  .string()
  .default("Europe/Warsaw")
  .refine(isTimeZone, "must be a time zone name such as Europe/Warsaw");

const label = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "must be lower-case letters, digits and dashes, at most 63")
  .optional();

/** Every setting of the pipeline. Services take the part they need; the README's table is generated from it. */
export const settingTable = {
  THULIUM_URL: setting(
    "the built-in sandbox when log and lake are local",
    "Where the help desk is: `https://<system>.thulium.com`, or `sandbox`",
    text,
  ),
  THULIUM_USER: setting("–", "User of the API (HTTP Basic)", text),
  THULIUM_PASSWORD: secret("–", "Password of the API; or `THULIUM_PASSWORD_FILE`"),
  THULIUM_SYSTEM: setting(
    "first label of the host",
    "Name of the tenant, part of every key",
    label,
  ),
  THULIUM_TIME_ZONE: setting("`Europe/Warsaw`", "Zone of the source's wall clock", zone),
  EVENT_LOG_URL: setting(
    "`embedded:./data/<system>/log`",
    "The event log: `embedded:<folder>` or `kafka://host:port,host:port`",
    text,
  ),
  KAFKA_SSL: setting("`false`", "TLS to the brokers", flag),
  KAFKA_SSL_CA: setting(
    "the system's authorities",
    "PEM file of the authority that signed the brokers' certificates; switches TLS on",
    text,
  ),
  KAFKA_SASL_MECHANISM: setting(
    "none",
    "`plain`, `scram-sha-256` or `scram-sha-512`",
    z
      .enum(
        ["plain", "scram-sha-256", "scram-sha-512"],
        "must be plain, scram-sha-256 or scram-sha-512",
      )
      .optional(),
  ),
  KAFKA_SASL_USERNAME: setting("–", "User name for SASL", text),
  KAFKA_SASL_PASSWORD: secret("–", "Password for SASL; or `KAFKA_SASL_PASSWORD_FILE`"),
  KAFKA_REPLICATION_FACTOR: setting(
    "the brokers' default",
    "Copies of each partition of topics that are created",
    numberBetween(undefined, 1, 20, true),
  ),
  KAFKA_MIN_INSYNC_REPLICAS: setting(
    "the brokers' default",
    "Copies that must have an append before it counts, for topics that are created",
    numberBetween(undefined, 1, 20, true),
  ),
  EVENT_RETENTION: setting(
    "`30d`",
    "How long the topics of events keep them, when they are created",
    durationMs("30d", 3_600_000, 3650 * 86_400_000),
  ),
  TOPIC_PREFIX: setting(
    "`thulium.`",
    "In front of every topic's name",
    z
      .string()
      .regex(/^[a-zA-Z0-9._-]{0,100}$/, "must be letters, digits, dots, dashes and underscores")
      .default("thulium."),
  ),
  LAKE_URL: setting(
    "`file:./data/<system>/lake`",
    "The lake: `file:<folder>` or `s3://bucket/prefix`",
    text,
  ),
  S3_ENDPOINT: setting("AWS", "Address of an S3 server other than AWS", text),
  AWS_REGION: setting("`us-east-1` with `S3_ENDPOINT`", "Region of the bucket", text),
  AWS_ACCESS_KEY_ID: setting("the usual AWS sources", "Key of the bucket", text),
  AWS_SECRET_ACCESS_KEY: secret("the usual AWS sources", "Secret of the bucket"),
  AWS_SESSION_TOKEN: secret("none", "Session token of temporary credentials"),
  STATE_DIR: setting(
    "`./data/<system>/state`",
    "Caches that can be rebuilt at any time; one process at a time",
    text,
  ),
  POLL_INTERVAL: setting("`15s`", "Pause between live sweeps", durationMs("15s", 100, 86_400_000)),
  SETTLE_DELAY: setting(
    "`2m`",
    "How old a minute must be before the watermark may pass it",
    durationMs("2m", 0, 86_400_000),
  ),
  REQUESTS_PER_SECOND: setting(
    "`5` (sandbox: `200`)",
    "Ceiling of requests to the source",
    numberBetween(undefined, 0.01, 1000, false),
  ),
  PAGE_SIZE: setting("`100`", "Tickets a request asks for, 1–100", wholeOr(100, 1, 100)),
  BACKFILL_FROM: setting(
    "oldest ticket",
    "Tickets created before this day (`YYYY-MM-DD`) are left out",
    z
      .string()
      .regex(/^\d{4}-\d{2}-\d{2}$/, "must be a day such as 2024-01-31")
      .optional(),
  ),
  BACKFILL_SCHEDULE: setting(
    "`off`",
    "When the tickets of the last `BACKFILL_DAYS` are read again: cron in the source's zone, or `off`",
    schedule("off"),
  ),
  BACKFILL_DAYS: setting(
    "`90`",
    "Days of creation that a scheduled backfill covers",
    wholeOr(90, 1, 36_500),
  ),
  REREAD_SCHEDULE: setting(
    "`0 1 * * *`",
    "When all tickets are listed again, for silent changes of old ones and for deletes: cron, or `off`",
    schedule("0 1 * * *"),
  ),
  CENSUS_SCHEDULE: setting(
    "`30 * * * *`",
    "When deletes are looked for by counting: cron, or `off`",
    schedule("30 * * * *"),
  ),
  LAKE_FLUSH_INTERVAL: setting(
    "`1m`",
    "Events wait at most so long before they are in the tables",
    durationMs("1m", 1000, 86_400_000),
  ),
  LAKE_FLUSH_ROWS: setting(
    "`50000`",
    "Rows that end the wait early",
    wholeOr(50_000, 1, 1_000_000),
  ),
  MERGE_INTERVAL: setting(
    "`1h`",
    "How often the current-state tables take over what changed; files of large tables in which little changed wait up to a day",
    durationMs("1h", 1000, 7 * 86_400_000),
  ),
  SNAPSHOT_SCHEDULE: setting(
    "`5 0 * * *`",
    "When daily snapshots are written: cron in the source's zone, or `off`",
    schedule("5 0 * * *"),
  ),
  TABLE_HISTORY_RETAIN: setting(
    "`30d`",
    "How far back the tables can be read as they were: the last state of each day stays so long, the newest 100 in any case",
    durationMs("30d", 86_400_000, 3650 * 86_400_000),
  ),
  SNAPSHOT_RETAIN: setting(
    "`off`",
    "Age from which snapshot folders are removed, such as `90d`; `off` keeps all; the newest always stays",
    z
      .string()
      .default("off")
      .transform((value, context) => {
        const ms = value === "off" ? null : parseDuration(value);
        if (ms === null && value !== "off")
          context.addIssue("must be off or a duration such as 90d");
        return ms;
      }),
  ),
  PARQUET_ENCODER: setting(
    "`auto`",
    "`auto`, `parquetjs-lite` or `duckdb`",
    z
      .enum(["auto", "parquetjs-lite", "duckdb"], "must be auto, parquetjs-lite or duckdb")
      .default("auto"),
  ),
  CLOSED_STATUSES: setting(
    "`Zamknięte,Połączone`",
    "Statuses (names or ids) that count as closed",
    list("Zamknięte,Połączone"),
  ),
  STEP_PATTERNS: setting(
    "English and Polish status changes",
    'JSON file with wordings of system comments that tell a step: `[{"kind": …, "pattern": …}]`',
    text,
  ),
  AUTOMATIC_LOGINS: setting("none", "Logins that are no agent", list("")),
  BUSINESS_HOURS: setting(
    "`Mon-Fri 08:00-16:00`",
    "Working hours for the business-time metrics",
    textOr("Mon-Fri 08:00-16:00"),
  ),
  HOLIDAYS: setting("`PL`", "Country whose public holidays are free, or `none`", textOr("PL")),
  SLA_FIRST_RESPONSE: setting(
    "`off`",
    "Working time to the first response, such as `4h`, where METRICS_SETTINGS says nothing else",
    durationOrOff,
  ),
  SLA_RESOLUTION: setting(
    "`off`",
    "Working time to the resolution, such as `24h`, where METRICS_SETTINGS says nothing else",
    durationOrOff,
  ),
  METRICS_SETTINGS: setting(
    "none",
    "JSON file with calendars, closures and service levels by queue and priority; its schema: docs/metrics-settings.schema.json",
    text,
  ),
  HTTP_HOST: setting("`127.0.0.1`", "Address of the dashboard and API", textOr("127.0.0.1")),
  HTTP_PORT: setting(
    "`8787`; single services: extractor `8788`, lake-writer `8789`",
    "Port of dashboard, API, `/metrics`, `/livez`, `/readyz`; 0 picks a free one",
    numberBetween(undefined, 0, 65_535, true),
  ),
  API_TOKEN: secret(
    "none on loopback; required on any other host",
    "Bearer token of the HTTP API; or `API_TOKEN_FILE`",
  ),
  LOG_LEVEL: setting(
    "`info`",
    "`debug`, `info`, `warn` or `error`",
    z
      .enum(["debug", "info", "warn", "error"], "must be debug, info, warn or error")
      .default("info"),
  ),
  SANDBOX_TICKETS: setting(
    "`20000`",
    "Tickets that the sandbox starts with",
    wholeOr(20_000, 0, 5_000_000),
  ),
  SANDBOX_SEED: setting("`1`", "The same seed gives the same sandbox", wholeOr(1, 0, 2 ** 31)),
  SANDBOX_CHANGES_PER_HOUR: setting(
    "`360`",
    "How lively the sandbox is",
    numberBetween(360, 0, 1_000_000, false).transform((value) => value ?? 360),
  ),
  SANDBOX_SWITCHES: setting(
    "none",
    "How the sandbox reads what the vendor leaves open, such as `ties=stable,bounds=right_open`",
    textOr(""),
  ),
} as const satisfies Record<string, SettingSpec<unknown>>;

/** Name of a setting. */
export type SettingName = keyof typeof settingTable;

/** Parsed values of all settings, before their defaults depend on each other. */
export type SettingValues = {
  readonly [K in SettingName]: (typeof settingTable)[K] extends SettingSpec<infer T> ? T : never;
};

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
