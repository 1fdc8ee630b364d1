import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  type Clock,
  Failure,
  isFailure,
  type Logger,
  type ObjectStore,
} from "@thulium-stream/contracts";
import { openObjectStore, probeConditionalPut } from "@thulium-stream/lake";
import { createDuckdbEncoder } from "@thulium-stream/lake/duckdb";
import { createParquetjsEncoder } from "@thulium-stream/lake/parquetjs";
import { type Lifetime, newId, type Settings } from "@thulium-stream/runtime";

/** Opens the lake's object store. @throws Failure `InvalidSettings` naming LAKE_URL: no such bucket, unwritable folder, no conditional writes. */
export async function openLakeStore(
  settings: Settings,
  clock: Clock,
  logger: Logger,
  life: Lifetime,
): Promise<ObjectStore> {
  try {
    const store = await openObjectStore({
      url: settings.LAKE_URL,
      s3: s3Of(settings),
      clock,
      logger,
      newId,
    });
    return life.own("lake", store, (closing) => closing[Symbol.asyncDispose]());
  } catch (error) {
    if (!isFailure(error, "Rejected", "Unavailable", "TimedOut", "Forbidden", "Unauthenticated"))
      throw error;
    throw new Failure("InvalidSettings", `LAKE_URL=${settings.LAKE_URL}: ${error.message}`, {
      cause: error,
      ...(error.advice === undefined ? {} : { advice: error.advice }),
    });
  }
}

/** Refuses a store that cannot be committed to. @throws Failure with advice. */
export function proveCommits(store: ObjectStore): Promise<void> {
  return probeConditionalPut(store, newId);
}

/** Both encoders; DuckDB's is null where no native binary fits. */
export async function openEncoders(settings: Settings, life: Lifetime) {
  const tempFolder = join(settings.STATE_DIR, "encoding");
  mkdirSync(tempFolder, { recursive: true });
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
