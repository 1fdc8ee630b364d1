import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pythonEnv } from "@thulium-stream/infra/local";
import { loadDuckdb } from "@thulium-stream/lake/duckdb";
import { mergeTable, stateTables } from "@thulium-stream/lake-writer";
import { withLakeDesk } from "./lake-desk.ts";

const tickets = 500_000;
/** A day of changes, so that the layout is one that merges left, not that of a first load. */
const [merges, changesEach] = [4, 7_200];
const rounds = 21;
/** Rows per row group of the files that are laid out directly: DuckDB's default, and close to what pyarrow's documentation advises. */
const rowGroupRows = 122_880;

const queries: Readonly<Record<string, string>> = {
  "count by month and queue":
    "SELECT date_trunc('month', created_at) AS month, ticket_queue_id, count(*) FROM tickets GROUP BY ALL ORDER BY ALL",
  "a week by agent":
    "SELECT user_login, count(*), max(updated_at) FROM tickets WHERE created_at >= TIMESTAMPTZ '2026-03-02 00:00:00+00' AND created_at < TIMESTAMPTZ '2026-03-09 00:00:00+00' GROUP BY ALL ORDER BY ALL",
  "one ticket by its id": "SELECT * FROM tickets WHERE ticket_id = '412345'",
  "whole-table aggregate":
    "SELECT count(*), count(DISTINCT customer_id), min(created_at), max(updated_at), avg(length(subject)) FROM tickets",
  "text search": "SELECT count(*) FROM tickets WHERE subject LIKE '%faktura%nr 12%'",
  "changed lately, newest first":
    "SELECT ticket_id, subject, updated_at FROM tickets WHERE \"from\" = 'klient777@example.pl' ORDER BY updated_at DESC LIMIT 20",
};

/**
 * Times of the same queries by DuckDB over the table `tickets` as merges and compaction leave it, and over the same rows laid out directly, by DuckDB and by pyarrow, in one sorted file:
 * `npm run bench -- lake-query`. Each query runs over one layout after the other, many rounds; medians and their ratios, by the clock and by the processor time of this process, which other work on the machine disturbs less.
 */
export function lakeQuery(): Promise<string> {
  return withLakeDesk(tickets, async ({ deps, fill, change, files }) => {
    const [spec] = stateTables;
    const { signal } = new AbortController();
    await fill();
    await mergeTable(deps, spec, { whole: true, signal });
    for (let at = 0; at < merges; at += 1) {
      await change(changesEach);
      await mergeTable(deps, spec, { signal });
    }
    await mergeTable(deps, spec, { whole: true, signal });
    const live = await files();
    const folder = mkdtempSync(join(tmpdir(), "lake-query-"));
    try {
      const ours = live.map(({ path }) => path);
      const direct = join(folder, "duckdb.parquet");
      await writeDirectly(ours, direct);
      const arrow = join(folder, "pyarrow.parquet");
      const version = await writeByPyarrow(direct, arrow);
      const layouts = { ours, duckdb: [direct], pyarrow: [arrow] };
      const medians = await timesOf(layouts);
      const oursBytes = live.reduce((sum, { bytes }) => sum + bytes, 0);
      return [
        `${tickets.toLocaleString("en")} tickets; ours: ${live.length} files, ${mb(oursBytes)}; DuckDB: one file, ${mb(statSync(direct).size)}; pyarrow ${version}: one file, ${mb(statSync(arrow).size)}; both sorted by ticket_id, ZSTD, row groups of ${rowGroupRows.toLocaleString("en")}`,
        "",
        "| query | ours | DuckDB's layout | pyarrow's layout | ours ÷ the better (bar 1.1) | by processor time |",
        "| --- | --- | --- | --- | --- | --- |",
        ...lines(medians),
      ].join("\n");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

type Layouts<T> = Readonly<Record<"ours" | "duckdb" | "pyarrow", T>>;

async function connect() {
  const duckdb = await loadDuckdb();
  if (duckdb === null) throw new Error("this platform has no native binary of DuckDB");
  const instance = await duckdb.DuckDBInstance.create(":memory:");
  return await instance.connect();
}

async function writeDirectly(inputs: readonly string[], path: string): Promise<void> {
  const connection = await connect();
  await connection.run(
    `COPY (SELECT * FROM ${filesSql(inputs)} ORDER BY ticket_id) TO '${path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${rowGroupRows})`,
  );
  connection.closeSync();
}

/** Returns pyarrow's version. */
async function writeByPyarrow(input: string, path: string): Promise<string> {
  const program = `
import pyarrow, pyarrow.parquet as pq
pq.write_table(pq.read_table(${JSON.stringify(input)}), ${JSON.stringify(path)}, compression="zstd", row_group_size=${rowGroupRows})
print(pyarrow.__version__)`;
  const { stdout, stderr, status } = spawnSync(await pythonEnv(), ["-c", program], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`pyarrow failed:\n${stderr}`);
  return stdout.trim();
}

/** Milliseconds by the clock, and of the processor. */
interface Spent {
  readonly ms: number;
  readonly cpuMs: number;
}

/** Medians of each query over each layout; the answers must be the same. */
async function timesOf(
  layouts: Layouts<readonly string[]>,
): Promise<Readonly<Record<string, Layouts<Spent>>>> {
  const connection = await connect();
  await connection.run("SET TimeZone = 'UTC'");
  const medians: Record<string, Layouts<Spent>> = {};
  for (const [name, sql] of Object.entries(queries)) {
    const times = { ours: [] as Spent[], duckdb: [] as Spent[], pyarrow: [] as Spent[] };
    const answers = new Set<string>();
    for (let round = 0; round < rounds; round += 1)
      for (const layout of ["ours", "duckdb", "pyarrow"] as const) {
        const statement = sql.replace("FROM tickets", `FROM ${filesSql(layouts[layout])} tickets`);
        const [startedMs, cpu] = [performance.now(), process.cpuUsage()];
        const answer = await connection.runAndReadAll(statement);
        const { user, system } = process.cpuUsage(cpu);
        times[layout].push({ ms: performance.now() - startedMs, cpuMs: (user + system) / 1000 });
        if (round === 0) answers.add(JSON.stringify(answer.getRowsJson()));
      }
    if (answers.size !== 1) throw new Error(`the layouts answer "${name}" differently`);
    medians[name] = {
      ours: median(times.ours),
      duckdb: median(times.duckdb),
      pyarrow: median(times.pyarrow),
    };
  }
  connection.closeSync();
  return medians;
}

function lines(medians: Readonly<Record<string, Layouts<Spent>>>): readonly string[] {
  const row = (name: string, { ours, duckdb, pyarrow }: Layouts<Spent>) => {
    const ratio = (of: keyof Spent) => (ours[of] / Math.min(duckdb[of], pyarrow[of])).toFixed(2);
    const times = [ours, duckdb, pyarrow].map(({ ms }) => `${ms.toFixed(1)} ms`);
    return `| ${[name, ...times, ratio("ms"), ratio("cpuMs")].join(" | ")} |`;
  };
  const sum = (of: keyof Layouts<Spent>): Spent =>
    Object.values(medians).reduce(
      (total, each) => ({ ms: total.ms + each[of].ms, cpuMs: total.cpuMs + each[of].cpuMs }),
      { ms: 0, cpuMs: 0 },
    );
  const all = { ours: sum("ours"), duckdb: sum("duckdb"), pyarrow: sum("pyarrow") };
  return [
    ...Object.entries(medians).map(([name, each]) => row(name, each)),
    row("all together", all),
  ];
}

function filesSql(paths: readonly string[]): string {
  return `read_parquet([${paths.map((path) => `'${path}'`).join(", ")}], hive_partitioning = false)`;
}

function median(values: readonly Spent[]): Spent {
  const middle = (of: keyof Spent) =>
    values.map((each) => each[of]).sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  return { ms: middle("ms"), cpuMs: middle("cpuMs") };
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
