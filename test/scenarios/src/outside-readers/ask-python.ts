import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { S3Address } from "@thulium-stream/kit/real-servers";

/** One reading of a table. */
export interface TableRead {
  readonly table: string;
  /** URI of the metadata file, for readers without a catalog. */
  readonly metadata: string;
  /** An older state; null = the newest. */
  readonly snapshot: number | bigint | null;
  /** Column types by `typesByName`. */
  readonly columns: Readonly<Record<string, unknown>>;
  /** Only rows whose text column equals. */
  readonly filter: readonly [column: string, equals: string] | null;
}

/** What a reader came to. */
export interface TableAnswer {
  readonly reader: string;
  /** Number of the reading. */
  readonly read: number;
  readonly rows?: number;
  readonly checksum?: string;
  /** What it failed with instead. */
  readonly error?: string;
}

/** Scripts beside this file; of the sources also when this is built. */
export type ReaderScript = "read_lake.py" | "read_lake_spark.py";

/** Has a script read tables, and gives its answers. @throws Error with what it printed when it ends otherwise than well. */
export async function askPython(
  python: string,
  script: ReaderScript,
  request: {
    readonly s3: S3Address | null;
    readonly reads: readonly TableRead[];
    /** Of Spark only. */
    readonly jars?: string;
    readonly lake?: string;
  },
): Promise<readonly TableAnswer[]> {
  const path = fileURLToPath(new URL(`../../src/outside-readers/${script}`, import.meta.url));
  const child = spawn(python, [path], { stdio: ["pipe", "pipe", "pipe"] });
  const said: string[] = [];
  child.stderr.on("data", (bytes: Buffer) => said.push(bytes.toString()));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  // Ids of snapshots may exceed what JSON.stringify takes.
  child.stdin.end(
    JSON.stringify(request, (_, value) => (typeof value === "bigint" ? Number(value) : value)),
  );
  const answers: TableAnswer[] = [];
  for await (const line of createInterface({ input: child.stdout }))
    if (line.startsWith("{")) answers.push(JSON.parse(line) as TableAnswer);
  const code = await ended;
  if (code !== 0) throw new Error(`${script} ended with ${code}:\n${said.join("")}`);
  return answers;
}
