import { expect, it } from "vitest";
import { failureOf, isMissingKey } from "./failures.ts";

/** An error as the SDK throws it. */
function sdkError(name: string, httpStatusCode?: number, more: object = {}): Error {
  const $metadata = httpStatusCode === undefined ? {} : { httpStatusCode };
  return Object.assign(new Error("said the server"), { name, $metadata }, more);
}

it.each([
  [sdkError("NoSuchBucket", 404), "Rejected"],
  [sdkError("AccessDenied", 403), "Forbidden"],
  [sdkError("403", 403), "Forbidden"],
  [sdkError("SignatureDoesNotMatch", 403), "Unauthenticated"],
  [sdkError("RequestTimeTooSkewed", 403), "Unauthenticated"],
  [sdkError("UnknownError", 401), "Unauthenticated"],
  [sdkError("CredentialsProviderError"), "Unauthenticated"],
  [sdkError("PermanentRedirect", 301), "InvalidSettings"],
  [sdkError("SlowDown", 503), "RateLimited"],
  [sdkError("UnknownError", 429), "RateLimited"],
  [sdkError("InternalError", 500), "Unavailable"],
  [sdkError("ServiceUnavailable", 503), "Unavailable"],
  [sdkError("BadDigest", 400), "Unavailable"],
  [sdkError("RequestTimeout", 400), "TimedOut"],
  [sdkError("TimeoutError"), "TimedOut"],
  [sdkError("AbortError"), "TimedOut"],
  [sdkError("Error", undefined, { code: "ECONNRESET" }), "Unavailable"],
  [sdkError("TimeoutError", undefined, { code: "ECONNRESET" }), "Unavailable"],
  [sdkError("Error", undefined, { code: "ENOTFOUND" }), "Unavailable"],
  [sdkError("Error", undefined, { code: "DEPTH_ZERO_SELF_SIGNED_CERT" }), "InvalidSettings"],
  [sdkError("EntityTooLarge", 400), "TooLarge"],
  [sdkError("NotImplemented", 501), "Rejected"],
  [sdkError("InvalidRequest", 400), "Rejected"],
  [sdkError("UnknownError", 200), "InvalidResponse"],
  [sdkError("TypeError", undefined, { code: "ERR_INVALID_URL" }), "InvalidSettings"],
  [new Error("Region is missing"), "InvalidSettings"],
  ["a string", "Unavailable"],
] as const)("classifies %s as %s", (error, code) => {
  expect(failureOf(error, "writing a")).toMatchObject({ code });
});

it("carries what was done, the status, the cause and how long the server asked to wait", () => {
  const cause = sdkError("SlowDown", 503, { $response: { headers: { "retry-after": "7" } } });
  expect(failureOf(cause, "writing a")).toMatchObject({
    message: "writing a failed: SlowDown 503 said the server",
    status: 503,
    retryAfterMs: 7_000,
    cause,
  });
});

it("takes only NoSuchKey for an absent key: another 404 is never read as 'nothing there'", () => {
  expect(isMissingKey(sdkError("NoSuchKey", 404))).toBe(true);
  for (const name of ["NoSuchBucket", "UnknownError", "XAdminUserNotFound"])
    expect(isMissingKey(sdkError(name, 404))).toBe(false);
});
