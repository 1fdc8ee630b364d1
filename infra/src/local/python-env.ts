import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cached } from "./cache-folder.ts";
import { lastLines, runCommand } from "./run-command.ts";
import { ServerMissing } from "./server-missing.ts";

/** A set of Python packages: what it is for is in the head of its `<name>-requirements.txt`. */
export type PythonSet = "readers" | "spark";

/** What a given interpreter must be able to import. */
const modules: Readonly<Record<PythonSet, readonly string[]>> = {
  readers: ["pyiceberg", "pyarrow", "polars", "pandas", "duckdb", "s3fs", "confluent_kafka"],
  spark: ["pyspark", "pyarrow"],
};

/** Settings that name an interpreter to use instead. */
const settings: Readonly<Record<PythonSet, string>> = { readers: "PYTHON", spark: "SPARK_PYTHON" };

/**
 * Path of a Python interpreter with a set of packages: `readers` for the readers and clients that the tests use as outsiders (pyiceberg, pyarrow, polars, pandas, DuckDB, s3fs,
 * confluent-kafka), `spark` for PySpark. It is the one named by `PYTHON` (`SPARK_PYTHON`) when set, else that of a virtual environment with the pinned versions,
 * made once in the cache (15 s and 600 MB; 25 s and 850 MB).
 * @throws ServerMissing saying what is not there and what to do.
 */
export async function pythonEnv(set: PythonSet = "readers"): Promise<string> {
  const given = process.env[settings[set]];
  if (given) return givenPython(given, set);
  // Of the sources, also for the built starter: the text is no module.
  const file = join(import.meta.dirname, "..", "..", "src", "local", `${set}-requirements.txt`);
  const name = createHash("sha256").update(readFileSync(file)).digest("hex").slice(0, 12);
  const folder = await cached(`python-${set}-${name}`, async (draft) => {
    process.stderr.write(`Making a Python environment (${set}, once) …\n`);
    const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    const steps: readonly (readonly [string, ...string[]])[] = [
      ["python3", "-m", "venv", draft],
      [join(draft, "bin", "python"), ...install, "--requirement", file],
    ];
    for (const [command, ...args] of steps) {
      const { ok, output } = await runCommand(command, args, { timeoutMs: 600_000 });
      if (!ok) throw missing(`${command} ${args.join(" ")}:\n${lastLines(output)}\n`, set);
    }
  });
  return join(folder, "bin", "python");
}

async function givenPython(python: string, set: PythonSet): Promise<string> {
  const { ok, output } = await runCommand(python, ["-c", `import ${modules[set].join(", ")}`], {
    timeoutMs: 60_000,
  });
  if (ok) return python;
  throw missing(`${settings[set]}=${python} cannot be used: ${lastLines(output, 1)}.`, set);
}

function missing(reason: string, set: PythonSet): ServerMissing {
  const remedy = `Install Python 3.10 to 3.13 with the modules venv and pip, or set ${settings[set]} to an interpreter with ${modules[set].join(", ")}.`;
  return new ServerMissing("Python environment", reason, remedy);
}
