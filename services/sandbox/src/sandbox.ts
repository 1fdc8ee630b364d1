import { Failure } from "@thulium-stream/contracts";
import { answerApi } from "./api/answer-api.ts";
import { ApiError, errorResponse } from "./api/api-error.ts";
import { isAuthorised } from "./api/basic-auth.ts";
import { RateLimiter, refusal } from "./api/faults.ts";
import type { Rendering } from "./api/render-ticket.ts";
import type { SandboxResponse } from "./api/response.ts";
import {
  contentSwitches,
  parseSwitches,
  type Switches,
  type SwitchSettings,
  wordsOf,
} from "./api/switches.ts";
import { answerControl } from "./control.ts";
import { type Mutation, type MutationResult, mutate } from "./mutation.ts";
import { mix, seedOf } from "./population/draw.ts";
import { Population } from "./population/population.ts";
import { Zone } from "./population/zone.ts";
import { type Truth, truthOf } from "./truth.ts";

/** What a sandbox is made of. The population is a pure function of `seed`, `startMs`, the sizes, the switches and the time. */
export interface SandboxOptions {
  /** Any text; default `"thulium"`. */
  readonly seed?: string;
  /** Instant at which the living begins, milliseconds since 1970. Keep it over restarts to keep the history. */
  readonly startMs: number;
  /** Time now; the living of [startMs, nowMs] is caught up at once. Default `startMs`. */
  readonly nowMs?: number;
  /** Tickets created before the start; default 20,000, at most 12,000,000. */
  readonly tickets?: number;
  /** Days before the start over which they were created; default 730. */
  readonly historyDays?: number;
  /** Mean number of changes an hour after the start, over a week; default 360. 0 = only the tickets' own lives go on. */
  readonly changesPerHour?: number;
  /** true: nothing changes after `nowMs`; default false. */
  readonly standStill?: boolean;
  /** `ties=stable,bounds=right_open`, JSON text, or an object. */
  readonly switches?: string | SwitchSettings;
  /** Basic credentials; default `sandbox` and `sandbox`. */
  readonly user?: string;
  readonly password?: string;
}

/** What a request brings along beside its line and headers. */
export interface RequestContext {
  /** When it arrived, milliseconds since 1970: for the rate limit and the `Date` header. Default: the population's time. */
  readonly receivedAtMs?: number;
  /** Basic credentials to ask for instead of the sandbox's own. */
  readonly credentials?: { readonly user: string; readonly password: string };
  /** Body of a POST. */
  readonly body?: string;
}

/** A Thulium system that does not exist, in process. Time moves only by {@link advanceTo} and {@link advance}. */
export interface Sandbox {
  /** The population's time, milliseconds since 1970, whole seconds. */
  readonly nowMs: number;
  /** Switches in force. */
  readonly switches: Switches;
  /** Whether time stands still. */
  readonly frozen: boolean;
  /** Answers one request, errors too. Header names in lower case. */
  handle(
    method: string,
    pathAndQuery: string,
    headers: Readonly<Record<string, string | undefined>>,
    context?: RequestContext,
  ): SandboxResponse;
  /** Lets everything up to this instant happen; nothing while frozen or when it is past. */
  advanceTo(nowMs: number): void;
  /** Moves time on by hand, frozen or not; later calls of {@link advanceTo} count on from there. */
  advance(ms: number): void;
  freeze(): void;
  thaw(): void;
  /** Changes a ticket by hand. @throws Failure `InvalidSettings` or `Rejected`. */
  mutate(mutation: Mutation): MutationResult;
  /** Changes switches of faults and form while it lives. @throws Failure `InvalidSettings`, also for those that shape the population. */
  setSwitches(settings: string | SwitchSettings): void;
  truth(): Truth;
}

/** Beyond this the sorted orders have no room. */
const mostTickets = 12_000_000;
const yearS = 365 * 86_400;

/** Builds a sandbox: 20,000 tickets in a tenth of a second, 1,000,000 in two. @throws Failure `InvalidSettings`. */
export function createSandbox(options: SandboxOptions): Sandbox {
  return new LivingSandbox(options);
}

class LivingSandbox implements Sandbox {
  readonly #population: Population;
  readonly #seed: number;
  readonly #credentials: { readonly user: string; readonly password: string };
  readonly #limiter = new RateLimiter();
  #words: Record<string, string>;
  #rendering: Rendering;
  #frozen = false;
  #offsetMs = 0;
  #requests = 0;

  constructor(options: SandboxOptions) {
    const { tickets = 20_000, historyDays = 730, changesPerHour = 360, startMs } = options;
    check("tickets", tickets, 0, mostTickets);
    check("historyDays", historyDays, 0.01, 3650);
    check("changesPerHour", changesPerHour, 0, 1_000_000);
    check("startMs", startMs, 1_000_000_000_000, 3_500_000_000_000);
    this.#words = wordsOf(options.switches ?? {});
    const switches = parseSwitches(this.#words);
    this.#seed = seedOf(options.seed ?? "thulium");
    const { user = "sandbox", password = "sandbox" } = options;
    this.#credentials = { user, password };
    const startS = Math.floor(startMs / 1000);
    const zone = new Zone(switches.tz, startS - 12 * yearS, startS + 10 * yearS);
    this.#population = new Population({
      seed: this.#seed,
      startS,
      tickets,
      historyDays,
      changesPerHour,
      zone,
      touchOn: switches.touch_on,
      listsMerged: switches.merged === "listed",
      movesMessages: switches.merged_messages === "move",
    });
    this.#rendering = this.#renderingWith(switches);
    this.advanceTo(options.nowMs ?? startMs);
    this.#frozen = options.standStill ?? false;
  }

  get nowMs(): number {
    return this.#population.nowS * 1000;
  }

  get switches(): Switches {
    return this.#rendering.switches;
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  handle(
    method: string,
    pathAndQuery: string,
    headers: Readonly<Record<string, string | undefined>>,
    context: RequestContext = {},
  ): SandboxResponse {
    const received = context.receivedAtMs;
    const nowMs = received === undefined ? this.nowMs : received + this.#offsetMs;
    const salt = mix(this.#seed, this.#requests + 1);
    const response = this.#answered(method, pathAndQuery, headers, { ...context, nowMs, salt });
    return { ...response, headers: { date: new Date(nowMs).toUTCString(), ...response.headers } };
  }

  advanceTo(nowMs: number): void {
    if (!this.#frozen) this.#population.advanceTo(Math.floor((nowMs + this.#offsetMs) / 1000));
  }

  advance(ms: number): void {
    if (!this.#frozen) this.#offsetMs += ms;
    this.#population.advanceTo(Math.floor((this.nowMs + ms) / 1000));
  }

  freeze(): void {
    this.#frozen = true;
  }

  thaw(): void {
    this.#frozen = false;
  }

  mutate(mutation: Mutation): MutationResult {
    return mutate(this.#population, mutation);
  }

  setSwitches(settings: string | SwitchSettings): void {
    const words = { ...this.#words, ...wordsOf(settings) };
    const switches = parseSwitches(words);
    for (const name of contentSwitches) {
      if (switches[name] === this.switches[name]) continue;
      const advice = "start another sandbox with it";
      throw new Failure("InvalidSettings", `${name} shapes the population and cannot change`, {
        advice,
      });
    }
    this.#words = words;
    this.#rendering = this.#renderingWith(switches);
  }

  truth(): Truth {
    return truthOf(this.#rendering);
  }

  #renderingWith(switches: Switches): Rendering {
    const fold = this.#population.newFold();
    return { population: this.#population, seed: this.#seed, switches, fold };
  }

  /** Every error as the answer that documents it. */
  #answered(
    method: string,
    pathAndQuery: string,
    headers: Headers,
    context: Context,
  ): SandboxResponse {
    try {
      return this.#answer(method, pathAndQuery, headers, context);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const polish = /^\s*pl\b/i.test(headers["accept-language"] ?? "");
      const html = this.switches.html_errors === "on";
      const response = errorResponse(error, { polish, html, salt: context.salt });
      if (error.status !== 401) return response;
      const challenge = { "www-authenticate": 'Basic realm="Thulium API"' };
      return { ...response, headers: { ...response.headers, ...challenge } };
    }
  }

  #answer(
    method: string,
    pathAndQuery: string,
    headers: Headers,
    context: Context,
  ): SandboxResponse {
    const mark = pathAndQuery.indexOf("?");
    const path = mark < 0 ? pathAndQuery : pathAndQuery.slice(0, mark);
    const query = mark < 0 ? "" : pathAndQuery.slice(mark + 1);
    const isApi = path.startsWith("/api/");
    if (isApi) this.#requests++;
    const { user, password } = context.credentials ?? this.#credentials;
    if (!isAuthorised(headers["authorization"], user, password)) {
      throw new ApiError(401, "unauthenticated");
    }
    if (!isApi) {
      const answer = answerControl(this, { method, path, query, body: context.body ?? "" });
      if (answer === null) throw new ApiError(404, "unknown_uri");
      return answer;
    }
    const { rate_limit } = this.switches;
    const waitS = rate_limit === null ? 0 : this.#limiter.take(context.nowMs, rate_limit);
    if (waitS > 0) return refusal(waitS, context.nowMs, this.switches);
    // The documented table knows no 405: another method on a known path is an unknown URI.
    if (method !== "GET") throw new ApiError(404, "unknown_uri");
    const { salt } = context;
    return answerApi(this.#rendering, { path: path.slice(5), query, number: this.#requests, salt });
  }
}

type Headers = Readonly<Record<string, string | undefined>>;
type Context = RequestContext & { readonly nowMs: number; readonly salt: number };

function check(name: string, value: number, least: number, most: number): void {
  if (value >= least && value <= most) return;
  throw new Failure(
    "InvalidSettings",
    `sandbox: ${name} must be ${least} to ${most}, not ${value}`,
  );
}
