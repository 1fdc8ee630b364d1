/** Distribution of one duration in seconds. */
export interface Distribution {
  readonly count: number;
  readonly p50_s: number | null;
  readonly p90_s: number | null;
  readonly p95_s: number | null;
}

/** How clocks of a service level ended. */
export interface SlaShare {
  readonly met: number;
  readonly breached: number;
  readonly share: number | null;
}

/** How the clocks of open tickets stand now. */
export interface OpenClocks {
  readonly running: number;
  readonly due_within_4h: number;
  readonly overdue: number;
}

/** Clocks of the service level. */
export type SlaName = "first_response" | "next_response" | "resolution";

/** Aggregates of a stretch of time. */
export interface Aggregate {
  readonly created: number;
  readonly closed: number;
  readonly backlog: number;
  readonly reopened: number;
  readonly reopen_rate: number | null;
  readonly first_response: Distribution;
  readonly first_response_business: Distribution;
  readonly resolution: Distribution;
  readonly resolution_business: Distribution;
  readonly sla: Readonly<Record<SlaName, SlaShare>>;
}

/** A line of a table: the values of its groups. */
export type GroupLine = { readonly key: readonly (string | null)[] } & Aggregate;

/** An interval of a time series. */
export type Point = { readonly label: string } & Aggregate;

/** How fresh an answer is. */
export interface AsOf {
  readonly as_of: string;
  readonly lag_s: number;
}

/** An open ticket. */
export interface OpenTicket {
  readonly ticket_id: string;
  readonly subject: string | null;
  readonly queue: string | null;
  readonly status: string | null;
  readonly agent: string | null;
  readonly created_at: string;
}

/** A task of the extractor. */
export interface Task {
  readonly task_id: string;
  readonly kind: string;
  readonly state: string;
  readonly slices: number | null;
  readonly slices_done: number;
  readonly expected: number;
  readonly tickets: number;
  readonly requested_at: string;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly note: string | null;
}

/** How the pipeline is. */
export interface Pipeline extends AsOf {
  readonly source_url: string | null;
  readonly extractor: {
    readonly is_running: boolean;
    readonly heard_at: string;
    readonly last_sweep_at: string | null;
    readonly waiting_until: string | null;
    readonly requests: number;
    readonly request_rate: number;
    readonly found_limit: number | null;
    readonly tickets_held: number;
    readonly clock_skew_ms: number | null;
  } | null;
  readonly sealed: string | null;
  readonly agreed_as_of: string | null;
  readonly backfill_done_at: string | null;
  readonly tasks: readonly Task[];
  readonly holes: {
    readonly count: number;
    readonly first: readonly {
      readonly by: string;
      readonly from: string | null;
      readonly to: string | null;
      readonly reason: string;
      readonly attempts: number;
      readonly next_at: string;
    }[];
  };
  readonly dead_letters: number;
  readonly lake: {
    readonly tables: readonly {
      readonly name: string;
      readonly rows: number;
      readonly lag_records: number | null;
      readonly committed_at: string | null;
    }[];
    readonly last_snapshot_at: string | null;
  } | null;
  readonly can_command: boolean;
}

/** What the page reads of the API, by the path below `api/v1/`. */
export interface Answers {
  readonly summary: AsOf & {
    readonly from: string;
    readonly to: string;
    readonly total: Aggregate;
    readonly groups: readonly GroupLine[];
    readonly before: { readonly total: Aggregate } | null;
  };
  readonly timeseries: AsOf & {
    readonly interval: string;
    readonly points: readonly Point[];
    readonly groups: readonly {
      readonly key: readonly (string | null)[];
      readonly points: readonly Point[];
    }[];
  };
  readonly sla: AsOf & { readonly open: Readonly<Record<SlaName, OpenClocks>> };
  readonly heatmap: AsOf & { readonly created: readonly (readonly number[])[] };
  readonly tickets: AsOf & {
    readonly tickets: readonly OpenTicket[];
    readonly page: { readonly total: number };
  };
  readonly freshness: AsOf & {
    readonly is_caught_up: boolean;
    readonly tickets: number;
    readonly zone: string;
  };
  readonly filters: Readonly<Record<string, readonly string[]>>;
  readonly pipeline: Pipeline;
}

/** A refusal of the API in its own words. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

const tokenKey = "thulium-stream-token";

/** Remembers the token until the tab is closed. */
export function keepToken(token: string): void {
  sessionStorage.setItem(tokenKey, token);
}

/** Whether a token was given. */
export function hasToken(): boolean {
  return sessionStorage.getItem(tokenKey) !== null;
}

/** Asks the API. @throws Refusal with the problem's own words; TypeError when the server is away. */
export async function ask<K extends keyof Answers>(
  what: K,
  query: Readonly<Record<string, string>> = {},
): Promise<Answers[K]> {
  return (await askPath(what, query)) as Answers[K];
}

/** Asks for something below `api/v1/` by its path. @throws as {@link ask} does. */
export async function askPath(
  path: string,
  query: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  return (await request(addressOf(path, query))).json();
}

/** Tells the extractor to pause a task or to go on with it. */
export async function tell(taskId: string, command: "pause" | "resume"): Promise<void> {
  await request(`api/v1/pipeline/tasks/${encodeURIComponent(taskId)}/${command}`, {
    method: "POST",
  });
}

/** Saves a CSV answer as a file; a plain link could not send the token. */
export async function download(
  path: string,
  query: Readonly<Record<string, string>>,
): Promise<void> {
  const response = await request(addressOf(path, { ...query, format: "csv" }));
  const url = URL.createObjectURL(await response.blob());
  const link = Object.assign(document.createElement("a"), { href: url, download: `${path}.csv` });
  link.click();
  URL.revokeObjectURL(url);
}

/** Calls back with each server-sent event; resolves when the stream ends, rejects when it cannot be had. EventSource could not send the token. */
export async function listen(onEvent: (freshness: AsOf) => void): Promise<void> {
  const response = await request("api/v1/live");
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const part = await reader?.read();
    if (part === undefined || part.done) return;
    const lines = (text + part.value).split("\n\n");
    text = lines.pop() ?? "";
    for (const line of lines)
      if (line.startsWith("data: ")) onEvent(JSON.parse(line.slice(6)) as AsOf);
  }
}

/** Address of a request below `api/v1/`. */
function addressOf(path: string, query: Readonly<Record<string, string>>): string {
  const text = new URLSearchParams(query).toString();
  return `api/v1/${path}${text === "" ? "" : `?${text}`}`;
}

async function request(address: string, options: RequestInit = {}): Promise<Response> {
  const token = sessionStorage.getItem(tokenKey);
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(address, { ...options, headers });
  if (response.ok) return response;
  const problem = (await response.json().catch(() => ({}))) as { detail?: string };
  throw new Refusal(response.status, problem.detail ?? `HTTP ${response.status}`);
}
