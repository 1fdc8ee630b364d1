// Both: without the first, the augmentation inside the second is not seen.

import type { S3Address } from "@thulium-stream/kit/real-servers";
import type {} from "vitest";
import type { TestProject } from "vitest/node";
import { type BothServers, startBoth } from "./both-servers.ts";
import { chromium } from "./chromium.ts";
import { pythonEnv } from "./python-env.ts";

/** The servers, the interpreter of the outside readers, and a browser. */
interface Outside extends BothServers {
  readonly python: string | null;
  readonly browser: string | null;
}

/** Servers of this vitest process: several projects name this set-up, one pair serves them all. */
interface Shared {
  users: number;
  servers: Promise<Outside> | null;
  told: boolean;
}

/** Each project loads this module anew, so what they share hangs on the process's global object. */
const home = globalThis as { [key: symbol]: Shared | undefined };
const place = Symbol.for("thulium-stream.real-servers");
home[place] ??= { users: 0, servers: null, told: false };
const shared: Shared = home[place];

/**
 * Vitest's global set-up of the suites that need a real broker, a real S3 server, outside readers in Python and a browser. Makes
 * them ready once and provides their addresses to `realServers()` of the kit; null for one that cannot be had, after
 * one block that says so. With `CI=true` a missing one fails the run.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared.users += 1;
  shared.servers ??= startOutside();
  const servers = await shared.servers;
  if (servers.missing.length > 0) await tell(servers);
  project.provide("kafkaBrokers", servers.kafka?.brokers ?? null);
  project.provide("s3", servers.s3 === null ? null : addressOf(servers.s3));
  project.provide("python", servers.python);
  project.provide("browser", servers.browser);
  return release;
}

async function startOutside(): Promise<Outside> {
  const missing: string[] = [];
  const orNull = (error: unknown): null => {
    missing.push(error instanceof Error ? error.message : String(error));
    return null;
  };
  const [both, python, browser] = await Promise.all([
    startBoth(),
    pythonEnv().catch(orNull),
    chromium().catch(orNull),
  ]);
  return { ...both, python, browser, missing: [...both.missing, ...missing] };
}

async function release(): Promise<void> {
  shared.users -= 1;
  if (shared.users > 0 || shared.servers === null) return;
  const servers = await shared.servers;
  shared.servers = null;
  await servers.stop();
}

async function tell(servers: Outside): Promise<void> {
  const line = "─".repeat(72);
  const strict = process.env["CI"] === "true";
  const heading = strict
    ? "INTEGRATION NOT RUN: something real is missing, and with CI=true that is a failure."
    : "NOT RUN: tests that need what is missing below are skipped.";
  const block = ["", line, heading, "", ...servers.missing, line, ""].join("\n");
  if (strict) {
    await release();
    throw new Error(block);
  }
  if (!shared.told) process.stderr.write(`${block}\n`);
  shared.told = true;
}

/** Only what can be sent to the test workers. */
function addressOf(s3: S3Address): S3Address {
  const { endpoint, accessKeyId, secretAccessKey, region } = s3;
  return { endpoint, accessKeyId, secretAccessKey, region };
}
