import { setTimeout } from "node:timers/promises";
import { type Clock, Failure } from "@thulium-stream/contracts";
import { inject } from "vitest";

/** Where a real S3 server is and how to get in. */
export interface S3Address {
  /** `http://host:port`; buckets are addressed by path. */
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
}

declare module "vitest" {
  interface ProvidedContext {
    kafkaBrokers: string[] | null;
    s3: S3Address | null;
    python: string | null;
    browser: string | null;
  }
}

/** The real servers of this test run; null for one that could not be had. */
export interface RealServers {
  readonly kafkaBrokers: readonly string[] | null;
  readonly s3: S3Address | null;
  /** Path of a Python interpreter with the outside readers and clients. */
  readonly python: string | null;
  /** Path of a Chromium. */
  readonly browser: string | null;
}

/**
 * The real broker, S3 server, Python and browser that the set-up of the `integration` and `scenarios` suites started or was given.
 * Use as `describe.skipIf(realServers().kafkaBrokers === null)(…)`; the set-up has already said why one is
 * missing, and with `CI=true` has failed the run.
 */
export function realServers(): RealServers {
  return {
    kafkaBrokers: inject("kafkaBrokers"),
    s3: inject("s3"),
    python: inject("python"),
    browser: inject("browser"),
  };
}

/** The machine's clock (C1–C3), for what talks to real servers; everything else takes a `ManualClock`. */
export const realClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    setTimeout(Math.max(0, ms), undefined, signal === undefined ? {} : { signal }).catch(() => {
      throw new Failure("Cancelled", "sleep was cancelled");
    }),
};
