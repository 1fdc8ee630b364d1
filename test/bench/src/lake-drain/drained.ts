import { readFileSync } from "node:fs";
import type { FilledTopic } from "./event-topic.ts";

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

/** Head of a table of {@link drainedLine}s. */
export function drainedHeader({ events, bytesEach }: FilledTopic): string {
  return [
    `| ${events} events of ${bytesEach} bytes, 6 partitions | rows/s | from the start of the process | peak RSS | data files |`,
    "| --- | --- | --- | --- | --- |",
  ].join("\n");
}

/** One line of a table: who drained, how fast, in how much memory, into what. */
export function drainedLine(name: string, drained: Drained): string {
  const { rows, seconds, secondsFromStart, peakRssBytes, files, fileBytes } = drained;
  const rss = peakRssBytes === null ? "unknown" : `${Math.round(peakRssBytes / 2 ** 20)} MiB`;
  const megabytes = (fileBytes / 2 ** 20).toFixed(1);
  return `| ${name} | ${Math.round(rows / seconds).toLocaleString("en")} | ${Math.round(rows / secondsFromStart).toLocaleString("en")} rows/s, ${secondsFromStart.toFixed(1)} s | ${rss} | ${files}, ${megabytes} MiB |`;
}
