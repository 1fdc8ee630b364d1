import { hostname } from "node:os";

/** The process's environment variables: the one place that reads them. */
export function environment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}

/** Whether a person watches the standard output. `NO_COLOR` and `CI` turn decoration off. */
export function isInteractive(): boolean {
  return process.stdout.isTTY === true && !process.env["NO_COLOR"] && !process.env["CI"];
}

/** This machine's name, for logs and client ids. */
export function machineName(): string {
  return hostname();
}
