import { readFileSync } from "node:fs";

/** What draining a topic into a table came to. */
export interface Drained {
  readonly rows: number;
  /** From the moment that its work could begin until the last row was readable. */
  readonly seconds: number;
  /** From the start of its process until then. */
  readonly secondsFromStart: number;
  /** Most memory resident at once; null where the system does not tell. */
  readonly peakRssBytes: number | null;
  /** Data files of the table at the end. */
  readonly files: number;
  readonly fileBytes: number;
}

/** Most memory that a running process had resident; null where there is no `/proc`. */
export function peakRssBytes(pid: number): number | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) * 1024;
  } catch {
    return null;
  }
}
