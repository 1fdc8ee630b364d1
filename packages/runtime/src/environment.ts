import { hostname } from "node:os";

/** The process's environment variables: the one place that reads them. */
export function environment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}

/**
 * Silences what a pinned library would print about versions of Node that it is not used with: the AWS SDK's notice on standard error.
 * Call it before the library is used.
 */
export function quietVersionNotices(): void {
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";
}

/** Whether a person watches the standard output. `NO_COLOR` and `CI` turn decoration off. */
export function isInteractive(): boolean {
  return process.stdout.isTTY === true && !process.env["NO_COLOR"] && !process.env["CI"];
}

/** This machine's name, for logs and client ids. */
export function machineName(): string {
  return hostname();
}
