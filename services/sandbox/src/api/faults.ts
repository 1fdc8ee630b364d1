import { mix } from "../population/draw.ts";
import { ApiError } from "./api-error.ts";
import { type OccasionContext, strikes } from "./occasion.ts";
import type { SandboxResponse } from "./response.ts";
import type { Switches } from "./switches.ts";

/** Purposes of chance, so that two switches with 5 % each do not strike together. */
const purposes = { fail: 201, malformed: 202, envelope: 203, slow: 204, racy: 205 } as const;

/** Refuses more than `rate_limit` requests in any second (A27). */
export class RateLimiter {
  #startedMs: number[] = [];

  /** Seconds to wait when the request is one too many, else 0. A rate below one lets one through every 1/rate seconds. */
  take(nowMs: number, perSecond: number): number {
    const spanMs = perSecond >= 1 ? 1000 : 1000 / Math.max(perSecond, 0.001);
    this.#startedMs = this.#startedMs.filter((startedMs) => startedMs > nowMs - spanMs);
    if (this.#startedMs.length < Math.max(1, Math.floor(perSecond))) {
      this.#startedMs.push(nowMs);
      return 0;
    }
    return Math.max(1, Math.ceil(((this.#startedMs[0] as number) + spanMs - nowMs) / 1000));
  }
}

/** The refusal of a request that is one too many. */
export function refusal(waitS: number, nowMs: number, switches: Switches): SandboxResponse {
  const headers: Record<string, string> = { "content-type": "text/plain" };
  if (switches.retry_after === "seconds") headers["retry-after"] = String(waitS);
  if (switches.retry_after === "date") {
    headers["retry-after"] = new Date(Math.ceil(nowMs / 1000) * 1000 + waitS * 1000).toUTCString();
  }
  return { status: Number(switches.limit_status), headers, body: "Too Many Requests" };
}

/** The answer when `fail` strikes, else null. @throws ApiError for those with the documented body. */
export function failure(switches: Switches, context: OccasionContext): SandboxResponse | null {
  if (!strikes(switches.fail, purposes.fail, context)) return null;
  if (switches.fail_status === "reset") return { status: 0, headers: {}, body: "", reset: true };
  const status = Number(switches.fail_status);
  throw new ApiError(status, status === 500 ? "internal" : "unavailable");
}

/** Spoils a good answer as `malformed` and `envelope` say. */
export function spoiled(
  body: string,
  envelope: { readonly count: number; readonly result: readonly unknown[] },
  switches: Switches,
  context: OccasionContext,
): string {
  if (strikes(switches.malformed, purposes.malformed, context)) {
    // Like the vendor's own sample: a quote is missing; a longer answer is cut as well.
    const cut = body.slice(0, Math.max(20, Math.floor(body.length * 0.7)));
    return cut.replace(/"\}?$/, "");
  }
  if (!strikes(switches.envelope, purposes.envelope, context)) return body;
  switch (switches.envelope_form) {
    case "null_result":
      return JSON.stringify({ count: envelope.count, result: null });
    case "no_result":
      return JSON.stringify({ count: envelope.count });
    case "object_result":
      return JSON.stringify({ count: envelope.count, result: {} });
    case "bare_list":
      return JSON.stringify(envelope.result);
    case "html":
      return "<html><body><h1>Przerwa techniczna</h1></body></html>";
  }
}

/** How long the answer is held back, in milliseconds. */
export function delayOf(switches: Switches, context: OccasionContext): number {
  return strikes(switches.slow, purposes.slow, context) ? (switches.slow_ms ?? 30_000) : 0;
}

/** `count` as a separate query would give it (A22): a few too many or too few. */
export function racyCount(count: number, salt: number): number {
  return Math.max(0, count + (mix(salt, purposes.racy) % 7) - 3);
}
