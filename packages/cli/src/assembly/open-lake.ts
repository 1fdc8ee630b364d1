import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  type Clock,
  Failure,
  isFailure,
  type Logger,
  type ObjectStore,
} from "@thulium-stream/contracts";
import { openObjectStore } from "@thulium-stream/lake";
import { createDuckdbEncoder } from "@thulium-stream/lake/duckdb";
import { createParquetjsEncoder } from "@thulium-stream/lake/parquetjs";
import { type Lifetime, newId, type Settings, systemClock } from "@thulium-stream/runtime";

/** Opens the lake's object store to read it. @throws Failure `InvalidSettings` naming LAKE_URL: no such bucket, unwritable folder. */
export function openLakeStore(
  settings: Settings,
  clock: Clock,
  logger: Logger,
  life: Lifetime,
): Promise<ObjectStore> {
  return open(settings, { clock, logger, life, forCommits: false });
}

/** The same to write to it. @throws Failure `InvalidSettings` naming LAKE_URL also where it cannot be written to, or has no conditional writes. */
export function openLakeForCommits(
  settings: Settings,
  clock: Clock,
  logger: Logger,
  life: Lifetime,
): Promise<ObjectStore> {
  return open(settings, { clock, logger, life, forCommits: true });
}

async function open(
  settings: Settings,
  {
    life,
    ...how
  }: {
    readonly clock: Clock;
    readonly logger: Logger;
    readonly life: Lifetime;
    readonly forCommits: boolean;
  },
): Promise<ObjectStore> {
  const place = { url: settings.LAKE_URL, s3: s3Of(settings) };
  try {
    const store = await openObjectStore({ ...place, ...how, newId });
    return life.own("lake", store, (closing) => closing[Symbol.asyncDispose]());
  } catch (error) {
    if (!isFailure(error, "Rejected", "Unavailable", "TimedOut", "Forbidden", "Unauthenticated"))
      throw error;
    throw new Failure("InvalidSettings", error.message, {
      cause: error,
      ...(error.advice === undefined ? {} : { advice: error.advice }),
    });
  }
}

/** What a killed process left in the temporary folder is removed when nobody touched it for so long, in milliseconds (1 h). */
const leftOverMs = 3_600_000;

/** A temporary folder of this process alone, removed with its life; what killed processes left is removed now. */
function openTempFolder(settings: Settings, life: Lifetime, nowMs: number): string {
  const all = join(settings.STATE_DIR, "encoding");
  mkdirSync(all, { recursive: true });
  for (const name of readdirSync(all)) {
    const path = join(all, name);
    if ((statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? nowMs) < nowMs - leftOverMs)
      rmSync(path, { recursive: true, force: true });
  }
  const own = join(all, newId());
  mkdirSync(own);
  return life.own("temporary folder", own, async () =>
    rmSync(own, { recursive: true, force: true }),
  );
}

/** Both encoders, and a folder for files on their way; DuckDB's is null where no native binary fits. */
export async function openEncoders(settings: Settings, life: Lifetime) {
  const tempFolder = openTempFolder(settings, life, systemClock.now());
  const parquetjs = life.own(
    "encoder parquetjs-lite",
    createParquetjsEncoder({ newId }),
    (closing) => closing.close(),
  );
  if (settings.PARQUET_ENCODER === "parquetjs-lite")
    return { encoders: { parquetjs, duckdb: null }, tempFolder };
  try {
    const duckdb = life.own(
      "encoder duckdb",
      await createDuckdbEncoder({ tempFolder, newId }),
      (closing) => closing.close(),
    );
    return { encoders: { parquetjs, duckdb }, tempFolder };
  } catch (error) {
    if (settings.PARQUET_ENCODER === "duckdb" || !isFailure(error, "InvalidSettings")) throw error;
    return { encoders: { parquetjs, duckdb: null }, tempFolder };
  }
}

function s3Of(settings: Settings) {
  const {
    S3_ENDPOINT: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = settings;
  const credentials =
    accessKeyId === undefined || secretAccessKey === undefined
      ? {}
      : {
          credentials: {
            accessKeyId,
            secretAccessKey,
            ...(sessionToken === undefined ? {} : { sessionToken }),
          },
        };
  const usedRegion = region ?? (endpoint === undefined ? undefined : "us-east-1");
  return {
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(usedRegion === undefined ? {} : { region: usedRegion }),
    ...credentials,
  };
}
