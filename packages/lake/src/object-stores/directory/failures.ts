import { Failure, type FailureCode } from "@thulium-stream/contracts";

/** What each error of the file system means; anything else is a bug of ours or a broken machine and stops the process. */
const codes: Readonly<Record<string, FailureCode>> = {
  EACCES: "Forbidden",
  EPERM: "Forbidden",
  EROFS: "Forbidden",
  ENOSPC: "Unavailable",
  EDQUOT: "Unavailable",
  EIO: "Unavailable",
  EBUSY: "Unavailable",
  EMFILE: "Unavailable",
  ENFILE: "Unavailable",
  ESTALE: "Unavailable",
  ETIMEDOUT: "TimedOut",
  // `a` and `a/b` cannot both be files of one directory.
  EEXIST: "Rejected",
  ENOTDIR: "Rejected",
  EISDIR: "Rejected",
  ENAMETOOLONG: "Rejected",
};

const advices: Readonly<Record<string, string>> = {
  EACCES: "Give this user the right to write there, or choose another folder.",
  EPERM: "Give this user the right to write there, or choose another folder.",
  EROFS: "The file system is read-only: choose another folder.",
  ENOSPC: "The disk is full: make room.",
  EDQUOT: "The disk quota is used up: make room.",
};

/** The `code` of a system error (`ENOENT`, …), or undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** Translates an error of the file system met while doing `what`; a Failure passes through. */
export function failureOf(error: unknown, what: string): Failure {
  if (error instanceof Failure) return error;
  const code = systemCode(error) ?? "";
  const advice = advices[code];
  return new Failure(codes[code] ?? "Invariant", `${what} failed: ${messageOf(error)}`, {
    cause: error,
    ...(advice === undefined ? {} : { advice }),
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
