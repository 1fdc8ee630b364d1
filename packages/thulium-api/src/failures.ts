import { Failure, isFailure } from "@thulium-stream/contracts";
import { errors } from "undici";

/** Longest piece of an answer that a failure keeps, in characters. */
export const rawLimit = 2048;

/** A status that is no success, as a failure: the one reading of the source's HTTP errors (its error table, plus what a proxy adds). */
export function failureOfStatus(
  status: number,
  headers: HeaderMap,
  body: string,
  nowMs: number,
): Failure {
  const details = { status, raw: body.slice(0, rawLimit), ...retryAfter(headers, nowMs) };
  const said = `the source answered ${status}`;
  switch (true) {
    case status === 401:
      return new Failure("Unauthenticated", `${said}: it does not know this user or password`, {
        ...details,
        advice:
          "Check THULIUM_USER and THULIUM_PASSWORD: they are those of an API user, not of an agent.",
      });
    case status === 403:
      return new Failure("Forbidden", `${said}: this user may not call this method`, {
        ...details,
        advice:
          "Grant the API user `GET tickets` and `GET tickets/:id` in Thulium's administration.",
      });
    case status === 429:
      return new Failure("RateLimited", said, details);
    case status === 503 && details.retryAfterMs !== undefined:
      return new Failure("RateLimited", said, details);
    case status >= 500:
      return new Failure("Unavailable", said, details);
    case status >= 300 && status < 400:
      return new Failure("Rejected", `${said}, a redirect to ${headers["location"] ?? "nowhere"}`, {
        ...details,
        advice: "Set THULIUM_URL to the final address: credentials are not sent to another one.",
      });
    default:
      return new Failure("Rejected", said, details);
  }
}

/** A request that got no answer, as a failure. */
export function failureOfTransport(
  error: unknown,
  signal: AbortSignal | undefined,
  deadline: AbortSignal,
): Failure {
  if (isFailure(error)) return error;
  if (signal?.aborted)
    return new Failure("Cancelled", "the request was cancelled", { cause: error });
  if (deadline.aborted)
    return new Failure("TimedOut", "the source did not answer within the deadline", {
      cause: error,
    });
  if (
    error instanceof errors.HeadersTimeoutError ||
    error instanceof errors.BodyTimeoutError ||
    error instanceof errors.ConnectTimeoutError
  )
    return new Failure("TimedOut", `the source did not answer: ${error.message}`, { cause: error });
  if (error instanceof errors.ClientDestroyedError || error instanceof errors.ClientClosedError)
    return new Failure("Closed", "the source's client is closed", { cause: error });
  const reason =
    error instanceof Error
      ? ((error as NodeJS.ErrnoException).code ?? error.message)
      : String(error);
  return new Failure("Unavailable", `the source cannot be reached: ${reason}`, {
    cause: error,
    advice: "Check THULIUM_URL, the network and the certificate.",
  });
}

/** Headers as undici gives them. */
export type HeaderMap = Readonly<Record<string, string | string[] | undefined>>;

/** `Retry-After` in either of its forms (RFC 9110, 10.2.3), uncapped. */
function retryAfter(headers: HeaderMap, nowMs: number): { retryAfterMs?: number } {
  const header = headers["retry-after"];
  const text = (Array.isArray(header) ? header[0] : header)?.trim() ?? "";
  if (/^\d+$/.test(text)) return { retryAfterMs: Number(text) * 1000 };
  const atMs = Date.parse(text);
  // An HTTP date counts by the source's clock when it sends one: two clocks may differ by more than the wait.
  const sourceNowMs = Date.parse(String(headers["date"] ?? ""));
  return Number.isNaN(atMs)
    ? {}
    : { retryAfterMs: Math.max(0, atMs - (Number.isNaN(sourceNowMs) ? nowMs : sourceNowMs)) };
}
