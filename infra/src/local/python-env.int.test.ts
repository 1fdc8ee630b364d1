import { realServers } from "@thulium-stream/kit/real-servers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { pythonEnv } from "./python-env.ts";
import { runCommand } from "./run-command.ts";
import { ServerMissing } from "./server-missing.ts";

afterEach(() => vi.unstubAllEnvs());

const { python } = realServers();

describe.skipIf(python === null)("the Python environment", () => {
  it("imports the outside readers and clients in the versions that were pinned", async () => {
    const code = [
      "import duckdb, polars, pyarrow, pyiceberg, s3fs, confluent_kafka",
      "print(pyiceberg.__version__, polars.__version__, confluent_kafka.__version__)",
    ].join("\n");
    const { ok, output } = await runCommand(python ?? "", ["-c", code], { timeoutMs: 60_000 });
    expect({ ok, output }).toEqual({ ok: true, output: "0.12.0 2.1.0 2.16.1" });
  });

  it("is the interpreter named by PYTHON, when it has what is needed", async () => {
    vi.stubEnv("PYTHON", python ?? "");
    expect(await pythonEnv()).toBe(python);
  });

  it("named by PYTHON but without the readers is reported with a remedy", async () => {
    vi.stubEnv("PYTHON", "/nowhere/python3");
    const error = await pythonEnv().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ServerMissing);
    expect(String(error)).toMatch(/PYTHON=\/nowhere\/python3 cannot be used.*set PYTHON/s);
  });
});
