import { pythonEnv, sparkJars, startS3 } from "@thulium-stream/infra/local";
import { expect, it } from "vitest";
import { askPython } from "./outside-readers/ask-python.ts";
import { lakeForReaders } from "./outside-readers/lake-for-readers.ts";
import { makeBucket } from "./outside-readers/make-bucket.ts";

// A suite of its own, `npm run test:spark`: it brings 900 MB and starts a JVM.
it("Spark finds the rows of the log through a HadoopCatalog on S3: newest, as of an older snapshot, filtered, with an added column", async () => {
  const [python, jars, s3] = await Promise.all([pythonEnv("spark"), sparkJars(), startS3()]);
  try {
    const lake = `s3://${await makeBucket(s3)}/lake`;
    const { endpoint, region, accessKeyId, secretAccessKey } = s3;
    const reads = await lakeForReaders({
      url: lake,
      s3: { endpoint, region, credentials: { accessKeyId, secretAccessKey } },
    });
    const request = {
      jars,
      lake,
      s3: { endpoint, region, accessKeyId, secretAccessKey },
      reads: reads.map(({ read }) => read),
    };
    const answers = await askPython(python, "read_lake_spark.py", request);
    const found = answers.map(({ read, rows, checksum, error }) => ({
      name: reads[read]?.name,
      ...(error === undefined ? { rows, checksum } : { error }),
    }));
    expect(found).toEqual(reads.map(({ name, expected }) => ({ name, ...expected })));
  } finally {
    await s3.stop();
  }
});
