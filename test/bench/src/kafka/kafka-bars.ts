import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { silentLogger } from "@thulium-stream/contracts";
import { type KafkaServer, startKafka } from "@thulium-stream/infra/local";
import { systemClock } from "@thulium-stream/runtime";
import { createSandbox, serveSandbox } from "@thulium-stream/sandbox";

const publishers = fileURLToPath(new URL("publish-child.js", import.meta.url));
const command = fileURLToPath(
  new URL("../../../../packages/cli/bin/thulium-stream.mjs", import.meta.url),
);
const runs = 3;
const publishMs = 10_000;
const eventsPerTransaction = 2_000;
/** Longer than LAKE_FLUSH_INTERVAL: writing the first tickets into the lake is no rest. */
const settleMs = 75_000;
const idleMs = 60_000;
const bars = { eventsPerSecond: 12_000, cpuShare: 0.015, rssMib: 200 };

/** What a child of the publishing run prints. */
interface Published {
  readonly eventsPerSecond: number;
  readonly appendsPerSecond: number;
  readonly bytesPerEvent: number;
  readonly cpuMicrosPerEvent: number;
  readonly peakRssMib: number;
}

/** Publishing and idling on a real broker, each with its bar. About four minutes. */
export async function kafkaBars(): Promise<string> {
  const kafka = await startKafka();
  try {
    const lines = [`broker: Kafka ${kafka.version ?? "given by KAFKA_BROKERS"}`, ""];
    lines.push(...publishing(kafka), "", ...(await idling(kafka)));
    return lines.join("\n");
  } finally {
    await kafka.stop();
  }
}

function publishing({ brokers }: KafkaServer): string[] {
  const results = Array.from({ length: runs }, (_, run) => {
    const args = [`kafka://${brokers.join(",")}`, `publish-${run}.`, `${eventsPerTransaction}`];
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      [publishers, ...args, `${publishMs}`],
      { encoding: "utf8" },
    );
    if (status !== 0) throw new Error(`publishing failed:\n${stderr}`);
    return JSON.parse(stdout) as Published;
  }).sort((a, b) => a.eventsPerSecond - b.eventsPerSecond);
  const [least, median, most] = results;
  if (least === undefined || median === undefined || most === undefined) return [];
  return [
    "| published in transactions, gzip, all headers | median (least – most) | bar |",
    "| --- | --- | --- |",
    `| events/s of ${median.bytesPerEvent} bytes, ${eventsPerTransaction} a transaction | ${median.eventsPerSecond} (${least.eventsPerSecond} – ${most.eventsPerSecond}) | ≥ ${bars.eventsPerSecond} ${mark(median.eventsPerSecond >= bars.eventsPerSecond)} |`,
    `| processor time per event | ${median.cpuMicrosPerEvent} µs | |`,
  ];
}

/** The services as processes of their own, with nothing to do, at their usual settings. */
async function idling({ brokers }: KafkaServer): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "bench-kafka-"));
  const nowMs = Math.floor(systemClock.now() / 1000) * 1000;
  const sandbox = createSandbox({ tickets: 500, startMs: nowMs, nowMs, standStill: true });
  const server = await serveSandbox({ sandbox, logger: silentLogger, clock: systemClock });
  const { PATH = "", HOME = "" } = process.env;
  const start = (name: string, service: string): [string, ChildProcess] => {
    const child = spawn(process.execPath, [command, service], {
      cwd: folder,
      stdio: ["ignore", "ignore", "inherit"],
      env: {
        PATH,
        HOME,
        HTTP_PORT: "0",
        LOG_LEVEL: "warn",
        THULIUM_URL: server.url,
        THULIUM_SYSTEM: "acme",
        THULIUM_USER: "sandbox",
        THULIUM_PASSWORD: "sandbox",
        EVENT_LOG_URL: `kafka://${brokers.join(",")}`,
        TOPIC_PREFIX: "idle.",
        LAKE_URL: `file:${folder}/lake`,
        STATE_DIR: join(folder, name.replaceAll(" ", "-")),
      },
    });
    return [name, child];
  };
  const services: [string, ChildProcess][] = [];
  try {
    services.push(start("extractor, active", "extractor"));
    await systemClock.sleep(10_000);
    services.push(start("extractor, standby", "extractor"));
    services.push(start("lake-writer", "lake-writer"), start("metrics", "metrics"));
    await systemClock.sleep(settleMs);
    const before = services.map(([, { pid }]) => usageOf(pid ?? 0));
    await systemClock.sleep(idleMs);
    const rows = services.map(([name, { pid }], at) => {
      const { cpuMs, rssMib } = usageOf(pid ?? 0);
      const share = (cpuMs - (before[at]?.cpuMs ?? 0)) / idleMs;
      return `| ${name} | ${(100 * share).toFixed(2)} % ${mark(share <= bars.cpuShare)} | ${Math.round(rssMib)} MiB ${mark(rssMib <= bars.rssMib)} |`;
    });
    return [
      `| idle for ${idleMs / 1000} s, 500 tickets | of a core (bar ≤ 1.5 %) | RSS (bar ≤ 200 MiB) |`,
      "| --- | --- | --- |",
      ...rows,
    ];
  } finally {
    for (const [, child] of services) child.kill("SIGKILL");
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function mark(isMet: boolean): string {
  return isMet ? "✓" : "✗";
}

/** Processor time and resident memory of a process, from Linux's /proc. */
function usageOf(pid: number): { readonly cpuMs: number; readonly rssMib: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return {
    cpuMs: (Number(fields[11]) + Number(fields[12])) * 10,
    rssMib: (Number(fields[21]) * 4096) / 2 ** 20,
  };
}
