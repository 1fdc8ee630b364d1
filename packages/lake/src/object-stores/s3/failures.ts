import { Failure, type FailureCode } from "@thulium-stream/contracts";

/** How a kind of error is read: its code and what the operator can do. */
type Reading = readonly [code: FailureCode, advice?: string];

const checkKeys =
  "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary keys, AWS_SESSION_TOKEN.";
const checkRegion = "Check AWS_REGION and S3_ENDPOINT: the bucket lives elsewhere.";
const damaged = "Nothing to do: the bytes were damaged on the way and are sent again.";

/**
 * Error names of S3 (API reference, "Error responses"), of Node's sockets and of the SDK.
 * Anything that is not here is read by its HTTP status, below.
 */
const byName: Readonly<Record<string, Reading>> = {
  NoSuchBucket: ["Rejected", "Create the bucket, or correct LAKE_URL."],
  InvalidBucketName: ["InvalidSettings", "Correct the bucket's name in LAKE_URL."],
  InvalidAccessKeyId: ["Unauthenticated", checkKeys],
  // VersityGW's name for an unknown access key (404).
  XAdminUserNotFound: ["Unauthenticated", checkKeys],
  SignatureDoesNotMatch: ["Unauthenticated", checkKeys],
  InvalidToken: ["Unauthenticated", checkKeys],
  ExpiredToken: ["Unauthenticated", checkKeys],
  CredentialsProviderError: ["Unauthenticated", `No keys were found. ${checkKeys}`],
  RequestTimeTooSkewed: [
    "Unauthenticated",
    "Set this machine's clock: it differs from the server's.",
  ],
  AccessDenied: [
    "Forbidden",
    "Allow s3:ListBucket on the bucket and s3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload below the prefix.",
  ],
  AuthorizationHeaderMalformed: ["InvalidSettings", checkRegion],
  PermanentRedirect: ["InvalidSettings", checkRegion],
  IllegalLocationConstraintException: ["InvalidSettings", checkRegion],
  SlowDown: ["RateLimited"],
  Throttling: ["RateLimited"],
  ThrottlingException: ["RateLimited"],
  RequestLimitExceeded: ["RateLimited"],
  TooManyRequestsException: ["RateLimited"],
  EntityTooLarge: ["TooLarge"],
  // 400, but the upload was too slow or damaged, not wrong.
  RequestTimeout: ["TimedOut"],
  BadDigest: ["Unavailable", damaged],
  IncompleteBody: ["Unavailable", damaged],
  XAmzContentSHA256Mismatch: ["Unavailable", damaged],
  XAmzContentChecksumMismatch: ["Unavailable", damaged],
  // The SDK's handler and our own deadline.
  TimeoutError: ["TimedOut"],
  AbortError: ["TimedOut"],
};

const bySystemCode: Readonly<Record<string, Reading>> = {
  ENOTFOUND: ["Unavailable", "Check the host name in S3_ENDPOINT, or the network."],
  EAI_AGAIN: ["Unavailable", "Check the network: the host name could not be looked up."],
  ECONNREFUSED: ["Unavailable", "Check that the S3 server is up and S3_ENDPOINT is its address."],
  ECONNRESET: ["Unavailable"],
  EPIPE: ["Unavailable"],
  EHOSTUNREACH: ["Unavailable"],
  ENETUNREACH: ["Unavailable"],
  ETIMEDOUT: ["TimedOut"],
  ERR_INVALID_URL: ["InvalidSettings", "Correct S3_ENDPOINT: it must look like https://host:port."],
};

/** Translates whatever the SDK threw while doing `what`; a Failure passes through. The only place that knows S3's errors. */
export function failureOf(error: unknown, what: string): Failure {
  if (error instanceof Failure) return error;
  const status = statusOf(error);
  const [code, advice] = readingOf(error, status);
  const name = error instanceof Error ? error.name : "";
  const message = error instanceof Error ? error.message : String(error);
  const retryAfterMs = retryAfterMsOf(error);
  return new Failure(code, `${what} failed: ${[name, status, message].filter(Boolean).join(" ")}`, {
    cause: error,
    ...(advice === undefined ? {} : { advice }),
    ...(status === undefined ? {} : { status }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

interface DeleteErrorLine {
  readonly Key?: string | undefined;
  readonly Code?: string | undefined;
  readonly Message?: string | undefined;
}

/** Translates one line of a DeleteObjects answer. */
export function deleteFailureOf(line: DeleteErrorLine): Failure {
  const { Key = "", Code = "", Message = "" } = line;
  const [code, advice] = byName[Code] ?? ["Unavailable"];
  return new Failure(code, `deleting ${Key} failed: ${Code} ${Message}`, {
    ...(advice === undefined ? {} : { advice }),
  });
}

/** Whether an error says that the key is not there. Other 404s (no such bucket, no such user, a proxy) are failures. */
export function isMissingKey(error: unknown): boolean {
  return error instanceof Error && error.name === "NoSuchKey";
}

/** HTTP status of an SDK error, when there was an answer. */
export function statusOf(error: unknown): number | undefined {
  const metadata = fieldOf(error, "$metadata");
  const status = fieldOf(metadata, "httpStatusCode");
  return typeof status === "number" ? status : undefined;
}

function readingOf(error: unknown, status: number | undefined): Reading {
  const name = error instanceof Error ? error.name : "";
  const systemCode = String(
    fieldOf(error, "code") ?? fieldOf(fieldOf(error, "cause"), "code") ?? "",
  );
  // The SDK names a reset connection TimeoutError and leaves its system code: the code tells more.
  const known = bySystemCode[systemCode] ?? byName[name];
  if (known !== undefined) return known;
  if (systemCode.includes("CERT") || systemCode.startsWith("ERR_TLS"))
    return ["InvalidSettings", "Check S3_ENDPOINT: its certificate is not trusted here."];
  if (error instanceof Error && error.message === "Region is missing")
    return ["InvalidSettings", "Set AWS_REGION to the region of the bucket."];
  if (error instanceof Error && /checksum mismatch/i.test(error.message))
    return ["Unavailable", damaged];
  if (fieldOf(error, "$responseBodyText") !== undefined || error instanceof SyntaxError)
    return [
      "InvalidResponse",
      "Check that S3_ENDPOINT is an S3 server and no proxy answers in its place.",
    ];
  return byStatus(status);
}

function byStatus(status: number | undefined): Reading {
  if (status === undefined) return ["Unavailable"];
  if (status === 401) return ["Unauthenticated", checkKeys];
  if (status === 403) return byName["AccessDenied"] ?? ["Forbidden"];
  if (status === 408) return ["TimedOut"];
  if (status === 429) return ["RateLimited"];
  if (status === 301 || status === 307) return ["InvalidSettings", checkRegion];
  if (status === 501) return ["Rejected", "This S3 server lacks a function that the lake needs."];
  if (status >= 500) return ["Unavailable"];
  return status >= 400 ? ["Rejected"] : ["InvalidResponse"];
}

/** `Retry-After` in seconds, when the answer had one. */
function retryAfterMsOf(error: unknown): number | undefined {
  const headers = fieldOf(fieldOf(error, "$response"), "headers");
  const seconds = Number(fieldOf(headers, "retry-after") ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}
