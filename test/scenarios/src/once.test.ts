import { randomUUID } from "node:crypto";
import { copyFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DuckDBConnection } from "@duckdb/node-api";
import { realServers } from "@thulium-stream/kit/real-servers";
import { Kafka, logLevel } from "kafkajs";
import { afterEach, describe, expect, it } from "vitest";
import { checksumsByDuckdb, checksumsByHyparquet, fetchLake } from "./lake-readers.ts";
import { expectExactlyOnce, openLogBeside } from "./log-checks.ts";
import { snippetsOf } from "./page-snippets.ts";
import { Deployment } from "./pipeline-process.ts";
import { localPlace, type Place, remotePlace, serversOf } from "./place.ts";
import { type HelpDesk, openHelpDesk, truthOf } from "./truth.ts";

const { kafkaBrokers, s3 } = realServers();
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function expectTruth(place: Place, deployment: Deployment, desk: HelpDesk): Promise<number> {
  const lake = await fetchLake(place.lakeUrl(deployment), place.s3);
  const truth = truthOf(desk);
  expect(await checksumsByDuckdb(lake)).toEqual(truth);
  expect(await checksumsByHyparquet(lake)).toEqual(truth);
  const log = await openLogBeside(place.logUrl(deployment), place.topicPrefix);
  try {
    return await expectExactlyOnce(log, lake);
  } finally {
    await log.close();
  }
}

async function scenario(place: Place): Promise<{ desk: HelpDesk; deployment: Deployment }> {
  const desk = await openHelpDesk(3000);
  const deployment = new Deployment({ ...desk.env, ...place.env });
  closing.push(
    () => desk.server.close(),
    () => deployment.dispose(),
  );
  const first = await deployment.succeed(["run", "--once"]);
  expect(first).toMatch(/caught up in/);
  const events = await expectTruth(place, deployment, desk);
  const counted = await deployment.succeed([
    "lake",
    "query",
    "select count(*) as tickets from tickets",
    "--format",
    "json",
  ]);
  expect(JSON.parse(counted)).toEqual({ tickets: truthOf(desk).tickets });

  expect(await deployment.succeed(["run", "--once"])).toMatch(/events\s+0 new/);
  expect(await expectTruth(place, deployment, desk)).toBe(events);

  const ids = [...desk.sandbox.truth().rows()]
    .slice(0, 40)
    .map((row) => Number((row as { ticket_id: unknown }).ticket_id));
  for (const [n, ticketId] of ids.entries()) {
    const kind = (["reply", "close", "delete", "tag"] as const)[n % 4] ?? "touch";
    desk.sandbox.mutate(kind === "tag" ? { kind, ticketId, tag: "zażółć" } : { kind, ticketId });
  }
  const third = await deployment.succeed(["run", "--once", "--verify"]);
  expect(third).toMatch(/; 0 differ/);
  expect(third).toMatch(/deleted\s+10/);
  expect(await expectTruth(place, deployment, desk)).toBeGreaterThan(events);
  return { desk, deployment };
}

const [ofSnapshots = ""] = snippetsOf("docs/lake.md", "DuckDB", "sql");

/** What DuckDB itself answers, without our views. */
async function runByDuckdb(sql: string): Promise<readonly (readonly unknown[])[]> {
  const connection = await DuckDBConnection.create();
  try {
    return (await connection.runAndReadAll(sql)).getRows();
  } finally {
    connection.closeSync();
  }
}

describe("run --once", () => {
  it("on local folders: the lake equals the source by content, and a second run finds what changed, deletes included", async () => {
    const { deployment, desk } = await scenario(localPlace);
    const byStatus = await runByDuckdb(
      ofSnapshots.replaceAll("'lake/", `'${deployment.folder}/data/acme/lake/`),
    );
    const counts = byStatus.map(([, count]) => Number(count));
    expect(counts.length).toBeGreaterThan(1);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(truthOf(desk).tickets);
    const shown = await deployment.succeed([
      "events",
      "--type",
      "ticket.deleted",
      "--from-beginning",
      "--json",
    ]);
    expect(shown.trim().split("\n")).toHaveLength(10);

    // A snapshot that is not what it should be: the file of the oldest month is that of the first snapshot. The oldest ticket
    // was replied to since; how many more of that month changed depends on the day of this run.
    const folder = join(deployment.folder, "data/acme/lake/snapshots/tickets");
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".parquet"))
      .sort();
    const [oldest = ""] = files;
    const month = oldest.slice(oldest.lastIndexOf("/") + 1).slice(0, 7);
    const newest = files.findLast((name) => name.includes(`/${month}-`)) ?? "";
    copyFileSync(join(folder, oldest), join(folder, newest));
    const verified = await deployment.run(["verify"], { POLL_INTERVAL: "1s" });
    expect([verified.code, verified.stdout]).toEqual([
      3,
      expect.stringMatching(/; [1-9]\d* differ[\s\S]*ticket \d+: stale in the lake/),
    ]);
    const repaired = await deployment.run(["run", "--once", "--verify", "--repair"]);
    expect([repaired.code, repaired.stdout]).toEqual([0, expect.stringContaining("; 0 differ")]);
  });

  it.skipIf(kafkaBrokers === null || s3 === null)(
    "on a real Kafka broker and a real S3 server: the same, and a foreign client reads the CloudEvents",
    async () => {
      const place = await remotePlace("scenario", serversOf(realServers()));
      await scenario(place);
      const foreign = new Kafka({ brokers: [...(kafkaBrokers ?? [])], logLevel: logLevel.NOTHING });
      const consumer = foreign.consumer({ groupId: `foreign-${randomUUID()}` });
      await consumer.connect();
      closing.push(() => consumer.disconnect());
      await consumer.subscribe({ topic: `${place.topicPrefix}ticket-events`, fromBeginning: true });
      const headers = await new Promise<Record<string, string>>((resolve) => {
        void consumer.run({
          eachMessage: async ({ message }) =>
            resolve(
              Object.fromEntries(
                Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]),
              ),
            ),
        });
      });
      expect(headers).toMatchObject({
        ce_specversion: "1.0",
        ce_source: "thulium://acme/tickets",
        "content-type": "application/json",
        ce_type: expect.stringMatching(/^thulium\.ticket\./),
        ce_id: expect.stringMatching(/^[a-z2-7]{26}$/),
      });
    },
  );
});
