import { type Clock, Failure, type Logger, type ObjectStore } from "@thulium-stream/contracts";
import { openDirectoryStore } from "./object-stores/directory/directory-store.ts";
import { probeConditionalPut } from "./object-stores/probe-conditional-put.ts";
import type { S3Settings } from "./object-stores/s3/s3-connection.ts";

/** Options of {@link openObjectStore}. */
export interface ObjectStoreOptions {
  /** `file:./folder`, `file:/folder`, `file:///folder`, `s3://bucket` or `s3://bucket/prefix`. */
  readonly url: string;
  /** How to reach the S3 server; the SDK's own defaults without it. */
  readonly s3?: S3Settings;
  /** Whether commits are to be made: then {@link probeConditionalPut} proves first that they can be. Default false. */
  readonly forCommits?: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newId: () => string;
}

/** What a lake URL names. */
export type LakePlace =
  | { readonly kind: "directory"; readonly folder: string }
  | { readonly kind: "s3"; readonly bucket: string; readonly prefix: string };

/**
 * Opens the store that `LAKE_URL` names and proves that it can be used: the folder is made and written to, the bucket
 * is listed. The AWS SDK is loaded only for `s3://`.
 * @throws Failure `InvalidSettings` (bad URL, no conditional writes), `Rejected` (no such bucket), `Forbidden`, `Unauthenticated`, `Unavailable`, with advice.
 */
export async function openObjectStore(options: ObjectStoreOptions): Promise<ObjectStore> {
  const { url, forCommits = false, newId } = options;
  const place = parseLakeUrl(url);
  try {
    const store = await openPlace(place, options);
    if (!forCommits) return store;
    try {
      await probeConditionalPut(store, newId);
      return store;
    } catch (error) {
      await store[Symbol.asyncDispose]();
      throw error;
    }
  } catch (error) {
    throw named(error, url);
  }
}

async function openPlace(
  place: LakePlace,
  { s3 = {}, clock, logger, newId }: ObjectStoreOptions,
): Promise<ObjectStore> {
  if (place.kind === "directory") return await openDirectoryStore({ ...place, newId });
  const { openS3Store } = await import("./object-stores/s3/s3-store.ts");
  return await openS3Store({ ...s3, ...place, clock, logger });
}

/**
 * Reads a lake URL. A relative folder stays relative to the working directory.
 * @throws Failure `InvalidSettings` naming `LAKE_URL`, the value and both forms.
 */
export function parseLakeUrl(url: string): LakePlace {
  const [, scheme, rest = ""] = /^(file|s3):(.*)$/s.exec(url) ?? [];
  if (scheme === "file") {
    const folder = folderOf(rest);
    if (folder !== null) return { kind: "directory", folder };
  }
  if (scheme === "s3") {
    const [, bucket, prefix = ""] =
      /^\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/s.exec(rest) ?? [];
    if (bucket !== undefined && !/[?#]/.test(prefix)) return { kind: "s3", bucket, prefix };
  }
  throw new Failure(
    "InvalidSettings",
    `LAKE_URL is ${JSON.stringify(url)}; it must be file:./folder or s3://bucket/prefix`,
  );
}

/** `./a` and `/a` as they are, `//[localhost]/a` as `/a`; null for another host or nothing. */
function folderOf(rest: string): string | null {
  if (!rest.startsWith("//")) return rest === "" ? null : rest;
  const [, path] = /^\/\/(?:localhost)?(\/.*)$/s.exec(rest) ?? [];
  if (path === undefined) return null;
  try {
    return decodeURIComponent(path);
  } catch {
    return null;
  }
}

/** Names the setting in a failure to open, keeping everything else. */
function named(error: unknown, url: string): unknown {
  if (!(error instanceof Failure)) return error;
  const { code, message, advice, status, retryAfterMs } = error;
  return new Failure(code, `LAKE_URL=${url}: ${message}`, {
    cause: error,
    ...(advice === undefined ? {} : { advice }),
    ...(status === undefined ? {} : { status }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}
