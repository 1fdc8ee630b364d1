import { execFile } from "node:child_process";

/** What a finished command said. */
export interface CommandResult {
  readonly ok: boolean;
  /** Standard output and error together, or why the command could not be started. */
  readonly output: string;
}

/** Runs a command to its end; never rejects. A command that is not installed is `ok: false`. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv; readonly timeoutMs: number },
): Promise<CommandResult> {
  return new Promise((resolve) => {
    execFile(
      command,
      [...args],
      {
        cwd: options.cwd,
        env: options.env ?? process.env,
        timeout: options.timeoutMs,
        maxBuffer: 64 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        const output = `${stdout}${stderr}`.trim();
        resolve({ ok: error === null, output: output || (error?.message ?? "") });
      },
    );
  });
}

/** Whether a Docker daemon answers this user. */
export async function dockerAnswers(): Promise<boolean> {
  const { ok } = await runCommand("docker", ["version", "--format", "{{.Server.Version}}"], {
    timeoutMs: 10_000,
  });
  return ok;
}

/** The last lines of a command's output, for an error message. */
export function lastLines(output: string, count = 15): string {
  return output.trim().split("\n").slice(-count).join("\n");
}
