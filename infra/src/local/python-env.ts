import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cached } from "./cache-folder.ts";
import { lastLines, runCommand } from "./run-command.ts";
import { ServerMissing } from "./server-missing.ts";

/** Read from the sources, also by the built starter: the text is no module. */
const requirementsFile = join(
  import.meta.dirname,
  "..",
  "..",
  "src",
  "local",
  "python-requirements.txt",
);

/** What a usable interpreter must be able to import. */
const modules = ["pyiceberg", "pyarrow", "polars", "duckdb", "s3fs", "confluent_kafka"];

/** Some of these have no build for Python 3.14 yet, and none for 3.9. */
const needsPython = "Python 3.10 to 3.13 with the modules venv and pip";

/**
 * Path of a Python interpreter that has the readers and clients which the tests use as outsiders (pyiceberg, pyarrow, polars, DuckDB, s3fs, confluent-kafka): the one
 * named by `PYTHON` when set, else that of a virtual environment with the pinned versions of `python-requirements.txt`, made once in the cache (about 15 s, 600 MB).
 * @throws ServerMissing saying what is not there and what to do.
 */
export async function pythonEnv(): Promise<string> {
  const given = process.env["PYTHON"];
  if (given) return givenPython(given);
  const requirements = readFileSync(requirementsFile);
  const name = createHash("sha256").update(requirements).digest("hex").slice(0, 12);
  const folder = await cached(`python-${name}`, async (draft) => {
    process.stderr.write("Making a Python environment for outside readers (once) …\n");
    const steps = [
      ["python3", "-m", "venv", draft],
      [
        join(draft, "bin", "python"),
        ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check"],
        ...["--only-binary=:all:", "--requirement", requirementsFile],
      ],
    ] as const;
    for (const [command, ...args] of steps) {
      const { ok, output } = await runCommand(command, args, { timeoutMs: 600_000 });
      if (!ok) throw missing(`${command} ${args.join(" ")}:\n${lastLines(output)}\n`);
    }
  });
  return join(folder, "bin", "python");
}

async function givenPython(python: string): Promise<string> {
  const { ok, output } = await runCommand(python, ["-c", `import ${modules.join(", ")}`], {
    timeoutMs: 60_000,
  });
  if (ok) return python;
  throw missing(`PYTHON=${python} cannot be used: ${lastLines(output, 1)}.`);
}

function missing(reason: string): ServerMissing {
  const remedy = `Install ${needsPython}, or set PYTHON to an interpreter with ${modules.join(", ")}.`;
  return new ServerMissing("Python environment", reason, remedy);
}
