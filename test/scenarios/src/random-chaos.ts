import { randomUUID } from "node:crypto";
import { type S3Server, startS3 } from "@thulium-stream/infra/local";
import { killRun } from "./kill-run.ts";
import { checksumsByDuckdb, fetchLake, queryLake } from "./lake-readers.ts";
import { eventsOf, openLogBeside } from "./log-checks.ts";
import { truthOf } from "./truth.ts";

/** Where and how much. */
export interface RandomChaosOptions {
  /** Addresses of a broker; null: log and lake are folders. */
  readonly brokers: readonly string[] | null;
  readonly seed: number;
  readonly kills: number;
  readonly tickets: number;
  readonly say: (line: string) => void;
}

/** Kills the whole pipeline at random moments; at the end log and lake hold each event once, and the lake equals the source. */
export async function randomChaos(options: RandomChaosOptions): Promise<boolean> {
  const { brokers, seed, kills, tickets, say } = options;
  const name = `chaos-${randomUUID().slice(0, 8)}`;
  const s3 = brokers === null ? null : await startS3();
  await s3?.createBucket(name);
  const env = s3 === null || brokers === null ? {} : remote(name, brokers, s3);
  try {
    const onKill = (n: number, afterMs: number) => {
      if (n % 10 === 0) say(`kill ${n} of ${kills} after ${afterMs} ms`);
    };
    const { desk, deployment } = await killRun({ seed, kills, tickets, env, onKill });
    const { folder } = deployment;
    const lakeUrl = s3 === null ? `file:${folder}/data/acme/lake` : `s3://${name}`;
    const lake = await fetchLake(lakeUrl, s3 === null ? {} : connectionOf(s3));
    const same = JSON.stringify(await checksumsByDuckdb(lake)) === JSON.stringify(truthOf(desk));
    const logUrl = brokers === null ? `embedded:${folder}/data/acme/log` : kafkaUrl(brokers);
    const log = await openLogBeside(logUrl, brokers === null ? undefined : `${name}.`);
    let [events, doubled, rows, rowsDoubled] = [0, 0, 0, 0];
    for (const [topic, table] of [
      ["ticket-events", "ticket_events"],
      ["message-events", "message_events"],
    ] as const) {
      const ids = (await eventsOf(log, topic)).map(({ id }) => id);
      const stored = (await queryLake(lake, `select id from ${table}`)).map(([id]) => id);
      events += ids.length;
      doubled += ids.length - new Set(ids).size;
      rows += stored.length;
      rowsDoubled += stored.length - new Set(stored).size;
    }
    await log.close();
    await desk.server.close();
    deployment.dispose();
    say(
      `${kills} kills at random moments: ${events} events, ${doubled} twice; ${rows} rows, ${rowsDoubled} twice; lake ${same ? "equals" : "DIFFERS FROM"} the source`,
    );
    return same && doubled === 0 && rowsDoubled === 0 && events === rows;
  } finally {
    await s3?.stop();
  }
}

function kafkaUrl(brokers: readonly string[]): string {
  return `kafka://${brokers.join(",")}`;
}

function remote(name: string, brokers: readonly string[], s3: S3Server): Record<string, string> {
  return {
    EVENT_LOG_URL: kafkaUrl(brokers),
    TOPIC_PREFIX: `${name}.`,
    LAKE_URL: `s3://${name}`,
    S3_ENDPOINT: s3.endpoint,
    AWS_REGION: s3.region,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
  };
}

function connectionOf({ endpoint, region, accessKeyId, secretAccessKey }: S3Server) {
  const credentials = { accessKeyId, secretAccessKey };
  return { endpoint, region, forcePathStyle: true, credentials };
}
