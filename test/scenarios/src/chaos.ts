import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import { startKafka, startS3 } from "@thulium-stream/infra/local";
import { killRun } from "./kill-run.ts";
import { checksumsByDuckdb, fetchLake, queryLake } from "./lake-readers.ts";
import { eventsOf, openLogBeside } from "./log-checks.ts";
import { truthOf } from "./truth.ts";

/** `node test/scenarios/dist/chaos.js --kills 50 --log embedded|kafka --seed 1`: kills the pipeline and counts what was lost or doubled. Exit code 1 on any. */
const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    log: { type: "string", default: "embedded" },
    seed: { type: "string", default: "1" },
    tickets: { type: "string", default: "2000" },
  },
});
const [kills, seed, tickets] = [Number(values.kills), Number(values.seed), Number(values.tickets)];
const name = `chaos-${randomUUID().slice(0, 8)}`;
const servers = values.log === "kafka" ? { kafka: await startKafka(), s3: await startS3() } : null;
const connection =
  servers === null
    ? {}
    : {
        endpoint: servers.s3.endpoint,
        region: servers.s3.region,
        forcePathStyle: true,
        credentials: {
          accessKeyId: servers.s3.accessKeyId,
          secretAccessKey: servers.s3.secretAccessKey,
        },
      };
await servers?.s3.createBucket(name);
const env: Record<string, string> =
  servers === null
    ? {}
    : {
        EVENT_LOG_URL: `kafka://${servers.kafka.brokers.join(",")}`,
        TOPIC_PREFIX: `${name}.`,
        LAKE_URL: `s3://${name}`,
        S3_ENDPOINT: servers.s3.endpoint,
        AWS_REGION: servers.s3.region,
        AWS_ACCESS_KEY_ID: servers.s3.accessKeyId,
        AWS_SECRET_ACCESS_KEY: servers.s3.secretAccessKey,
      };
const replay = `node test/scenarios/dist/chaos.js --kills ${kills} --log ${values.log} --seed ${seed} --tickets ${tickets}`;
try {
  const { desk, deployment } = await killRun({
    seed,
    kills,
    tickets,
    env,
    onKill: (n, afterMs) => console.log(`kill ${n} of ${kills} after ${afterMs} ms`),
  });
  const lake = await fetchLake(
    env["LAKE_URL"] ?? `file:${deployment.folder}/data/acme/lake`,
    connection,
  );
  const same = JSON.stringify(await checksumsByDuckdb(lake)) === JSON.stringify(truthOf(desk));
  const log = await openLogBeside(
    env["EVENT_LOG_URL"] ?? `embedded:${deployment.folder}/data/acme/log`,
    env["TOPIC_PREFIX"] ?? "thulium.",
  );
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
  console.log(
    `${kills} kills, ${events} events, ${doubled} twice; ${rows} rows, ${rowsDoubled} twice; lake ${same ? "equals" : "DIFFERS FROM"} the source\n${replay}`,
  );
  process.exitCode = same && doubled === 0 && rowsDoubled === 0 && events === rows ? 0 : 1;
} catch (error) {
  console.error(error, `\n${replay}`);
  process.exitCode = 1;
} finally {
  await servers?.kafka.stop();
  await servers?.s3.stop();
}
process.exit();
