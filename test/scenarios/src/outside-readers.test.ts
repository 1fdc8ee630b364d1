import { execFileSync } from "node:child_process";
import { realServers } from "@thulium-stream/kit/real-servers";
import { beforeAll, describe, expect, it } from "vitest";
import { askPython, type TableAnswer } from "./outside-readers/ask-python.ts";
import { type ExpectedRead, lakeForReaders } from "./outside-readers/lake-for-readers.ts";
import { makeBucket } from "./outside-readers/make-bucket.ts";
import { snippetsOf } from "./page-snippets.ts";

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

  it("pandas, pyarrow and polars find them by the very lines of docs/lake.md", () => {
    const newest = reads.find(({ name }) => name === "tickets, newest");
    if (newest === undefined || s3 === null || python === null) throw new Error("no tickets");
    const lines = snippetsOf("docs/lake.md", "pandas and polars", "python")
      .join("\n")
      .replace(/s3:\/\/[^"]+/, newest.read.metadata)
      .replaceAll("https://…", s3.endpoint)
      .replace(/("[\w.-]*access[-_]key[-_]id": )"…"/g, `$1"${s3.accessKeyId}"`)
      .replace(/("[\w.-]*secret[-_]access[-_]key": )"…"/g, `$1"${s3.secretAccessKey}"`)
      .replace('"aws_region": "…"', `"aws_region": "${s3.region}", "aws_allow_http": "true"`)
      .replace(/^polars\.scan.*$/m, "lazy = $&")
      .replace('"2026-11-23"', "max(set(table.metadata.refs) - {'main'})");
    const told =
      "print(len(frame), set(frame.status_id), before.num_rows, of_a_day.num_rows, lazy.height)";
    const env = { ...process.env, AWS_REGION: s3.region };
    const output = execFileSync(python, ["-c", `${lines}\n${told}`], { encoding: "utf8", env });
    const [, pandas, status, pyarrow, tagged, polars] =
      /^(\d+) (.*) (\d+) (\d+) (\d+)$/m.exec(output) ?? [];
    expect(Number(pandas)).toBeGreaterThan(0);
    expect(Number(pandas)).toBeLessThan(newest.expected.rows);
    expect([status, polars]).toEqual(["{'6'}", pandas]);
    // The table's first state: the first of the two help desks.
    expect(Number(pyarrow)).toBeGreaterThan(0);
    expect(Number(pyarrow)).toBeLessThan(newest.expected.rows);
    // The only snapshot that was copied: of the first help desk, before there was a second one.
    expect(tagged).toBe(pyarrow);
  });
});
