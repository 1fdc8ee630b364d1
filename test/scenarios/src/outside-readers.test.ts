import { realServers } from "@thulium-stream/kit/real-servers";
import { beforeAll, describe, expect, it } from "vitest";
import { askPython, type TableAnswer } from "./outside-readers/ask-python.ts";
import { type ExpectedRead, lakeForReaders } from "./outside-readers/lake-for-readers.ts";
import { makeBucket } from "./outside-readers/make-bucket.ts";

const { python, s3 } = realServers();

describe.skipIf(python === null || s3 === null)("tables on S3, read by outsiders", () => {
  let reads: readonly ExpectedRead[];
  let answers: readonly TableAnswer[];

  beforeAll(async () => {
    if (s3 === null || python === null) return;
    const bucket = await makeBucket(s3);
    const { endpoint, region, accessKeyId, secretAccessKey } = s3;
    reads = await lakeForReaders({
      url: `s3://${bucket}/lake`,
      s3: { endpoint, region, credentials: { accessKeyId, secretAccessKey } },
    });
    const request = { s3, reads: reads.map(({ read }) => read) };
    answers = await askPython(python, "read_lake.py", request);
  }, 300_000);

  it.each(["pyiceberg", "polars", "pyarrow", "duckdb"])(
    "%s finds the rows of the log, value by value: newest, as of an older snapshot, filtered, with an added column",
    (reader) => {
      const found = answers
        .filter((answer) => answer.reader === reader)
        .map(({ read, rows, checksum, error }) => ({
          name: reads[read]?.name,
          ...(error === undefined ? { rows, checksum } : { error }),
        }));
      expect(found).toEqual(reads.map(({ name, expected }) => ({ name, ...expected })));
    },
  );
});
