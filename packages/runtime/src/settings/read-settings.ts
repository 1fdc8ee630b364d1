import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { resolve } from "node:path";
import { Failure } from "@thulium-stream/contracts";
import {
  type SettingName,
  type SettingSpec,
  type SettingValues,
  settingTable,
} from "./setting-table.ts";

/** Where tickets come from. */
export type SourceSettings =
  | { readonly kind: "sandbox" }
  | {
      readonly kind: "thulium";
      readonly url: string;
      readonly user: string;
      readonly password: string;
    };

/** Everything a process needs to know, checked and complete. */
export interface Settings extends Omit<SettingValues, OptionalWithDefault> {
  readonly source: SourceSettings;
  readonly system: string;
  readonly EVENT_LOG_URL: string;
  readonly LAKE_URL: string;
  /** Absolute folder. */
  readonly STATE_DIR: string;
  /** Requests a second, the ceiling. */
  readonly REQUESTS_PER_SECOND: number;
  readonly HTTP_PORT: number;
}

type OptionalWithDefault =
  | "EVENT_LOG_URL"
  | "LAKE_URL"
  | "STATE_DIR"
  | "REQUESTS_PER_SECOND"
  | "HTTP_PORT";

/** One broken rule. */
interface Fault {
  readonly setting: string;
  readonly value: string;
  readonly rule: string;
}

/** What a command needs of the settings; what it does not need may be missing. */
export interface Needs {
  /** Whether it talks to the source: credentials are then required. Default true. */
  readonly source?: boolean;
  /** Port when HTTP_PORT is not set. Default 8787. */
  readonly httpPort?: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads all settings from an environment and reports every fault at once. An empty variable counts as not set.
 * @throws Failure `InvalidSettings`: one line per fault with the setting, its value (secrets hidden) and the rule.
 */
export function readSettings(env: Environment, needs: Needs = {}): Settings {
  const faults: Fault[] = [];
  const values = parseAll(env, faults);
  const isLocal =
    isLocalUrl(values.EVENT_LOG_URL, "embedded:") && isLocalUrl(values.LAKE_URL, "file:");
  const source = sourceOf(values, isLocal, needs.source ?? true, faults);
  const system = values.THULIUM_SYSTEM ?? systemOf(source, faults);
  checkUrls(values, faults);
  checkHttp(values, faults);
  if (faults.length > 0) throw new Failure("InvalidSettings", describe(faults));
  const data = `./data/${system}`;
  return {
    ...values,
    source,
    system,
    EVENT_LOG_URL: values.EVENT_LOG_URL ?? `embedded:${data}/log`,
    LAKE_URL: values.LAKE_URL ?? `file:${data}/lake`,
    STATE_DIR: resolve(values.STATE_DIR ?? `${data}/state`),
    REQUESTS_PER_SECOND: values.REQUESTS_PER_SECOND ?? (source.kind === "sandbox" ? 200 : 5),
    HTTP_PORT: values.HTTP_PORT ?? needs.httpPort ?? 8787,
  };
}

/** Names in the environment that look like ours but are not: misspelt settings, for a warning. */
export function unknownSettings(env: Environment): readonly string[] {
  const known = new Set<string>(Object.keys(settingTable));
  return Object.keys(env).filter(
    (name) =>
      /^(THULIUM|LAKE|KAFKA|SANDBOX|BACKFILL|CENSUS|REREAD|SNAPSHOT|PARQUET|TOPIC)_/.test(name) &&
      !known.has(name) &&
      !known.has(name.replace(/_FILE$/, "")) &&
      // Names that Kubernetes makes for services of a namespace.
      !/_(SERVICE_HOST|SERVICE_PORT.*|PORT|PORT_\d.*)$/.test(name),
  );
}

function parseAll(env: Environment, faults: Fault[]): SettingValues {
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(settingTable) as [
    SettingName,
    SettingSpec<unknown>,
  ][]) {
    const text = textOf(env, name, spec, faults);
    const parsed = spec.schema.safeParse(text);
    if (parsed.success) values[name] = parsed.data;
    else for (const { message } of parsed.error.issues) faults.push(fault(name, text, message));
  }
  return values as SettingValues;
}

function textOf(
  env: Environment,
  name: string,
  spec: SettingSpec<unknown>,
  faults: Fault[],
): string | undefined {
  const direct = env[name] === "" ? undefined : env[name];
  const file = env[`${name}_FILE`];
  if (!spec.secret || file === undefined || file === "") return direct;
  if (direct !== undefined) {
    faults.push(fault(`${name}_FILE`, file, `must not be set together with ${name}`));
    return direct;
  }
  try {
    return readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch (error) {
    faults.push(
      fault(
        `${name}_FILE`,
        file,
        `must name a readable file (${(error as NodeJS.ErrnoException).code})`,
      ),
    );
    return undefined;
  }
}

function sourceOf(
  values: SettingValues,
  isLocal: boolean,
  isNeeded: boolean,
  faults: Fault[],
): SourceSettings {
  const { THULIUM_URL: url, THULIUM_USER: user, THULIUM_PASSWORD: password } = values;
  if (url === "sandbox") return { kind: "sandbox" };
  if (url === undefined) {
    if (isNeeded && !isLocal) {
      const rule =
        "is required with a real broker or bucket: set https://<system>.thulium.com, or say `sandbox` if invented tickets may go there";
      faults.push(fault("THULIUM_URL", undefined, rule));
    }
    return { kind: "sandbox" };
  }
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (
    parsed === undefined ||
    !isSecure(parsed) ||
    parsed.username !== "" ||
    !["", "/"].includes(parsed.pathname)
  ) {
    const shown = parsed === undefined || parsed.username === "" ? url : "[hidden]";
    faults.push(
      fault(
        "THULIUM_URL",
        shown,
        "must be https://<system>.thulium.com without user or path, or `sandbox`",
      ),
    );
  }
  if (isNeeded && user === undefined)
    faults.push(fault("THULIUM_USER", undefined, "is required with THULIUM_URL"));
  if (isNeeded && password === undefined)
    faults.push(
      fault(
        "THULIUM_PASSWORD",
        undefined,
        "is required with THULIUM_URL (or THULIUM_PASSWORD_FILE)",
      ),
    );
  return {
    kind: "thulium",
    url: parsed?.origin ?? url,
    user: user ?? "",
    password: password ?? "",
  };
}

/** Basic credentials travel in the clear without TLS: only loopback may do without. */
function isSecure(url: URL): boolean {
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname));
}

function systemOf(source: SourceSettings, faults: Fault[]): string {
  if (source.kind === "sandbox") return "sandbox";
  const host = URL.canParse(source.url) ? new URL(source.url).hostname : "";
  const label = host.split(".")[0]?.toLowerCase() ?? "";
  if (isIP(host.replace(/^\[|\]$/g, "")) !== 0 || host === "localhost" || label === "")
    faults.push(
      fault("THULIUM_SYSTEM", undefined, "is required when THULIUM_URL does not name the system"),
    );
  return label;
}

function checkUrls(values: SettingValues, faults: Fault[]): void {
  const { EVENT_LOG_URL: log, LAKE_URL: lake } = values;
  if (log !== undefined && !/^(embedded:.+|kafka:\/\/[^/\s,]+:\d+(,[^/\s,]+:\d+)*\/?)$/.test(log))
    faults.push(
      fault("EVENT_LOG_URL", log, "must be embedded:<folder> or kafka://host:port,host:port"),
    );
  if (
    lake !== undefined &&
    !/^(file:.+|s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/.*)?)$/.test(lake)
  )
    faults.push(fault("LAKE_URL", lake, "must be file:<folder> or s3://bucket/prefix"));
  if (values.S3_ENDPOINT !== undefined && !/^https?:\/\/[^/]+\/?$/.test(values.S3_ENDPOINT))
    faults.push(fault("S3_ENDPOINT", values.S3_ENDPOINT, "must be http(s)://host:port"));
  if (values.KAFKA_SASL_MECHANISM !== undefined) {
    if (values.KAFKA_SASL_USERNAME === undefined)
      faults.push(fault("KAFKA_SASL_USERNAME", undefined, "is required with KAFKA_SASL_MECHANISM"));
    if (values.KAFKA_SASL_PASSWORD === undefined)
      faults.push(fault("KAFKA_SASL_PASSWORD", undefined, "is required with KAFKA_SASL_MECHANISM"));
  }
}

function checkHttp(values: SettingValues, faults: Fault[]): void {
  if (!isLoopback(values.HTTP_HOST ?? "") && values.API_TOKEN === undefined)
    faults.push(
      fault(
        "API_TOKEN",
        undefined,
        `is required when HTTP_HOST (${values.HTTP_HOST}) is not loopback`,
      ),
    );
}

/** Whether a host name or address can only be reached from this machine. */
export function isLoopback(host: string): boolean {
  return (
    host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host)
  );
}

function isLocalUrl(url: string | undefined, scheme: string): boolean {
  return url === undefined || url.startsWith(scheme);
}

function fault(setting: string, value: string | undefined, rule: string): Fault {
  const spec: SettingSpec<unknown> | undefined = settingTable[setting as SettingName];
  const shown =
    value === undefined ? "(not set)" : spec?.secret ? "[hidden]" : JSON.stringify(value);
  return { setting, value: shown, rule };
}

function describe(faults: readonly Fault[]): string {
  const lines = faults.map(({ setting, value, rule }) => `  ${setting}=${value}: ${rule}`);
  return `${faults.length === 1 ? "A setting breaks its rule" : `${faults.length} settings break their rules`}:\n${lines.join("\n")}`;
}
