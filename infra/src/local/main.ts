import { startBoth } from "./both-servers.ts";

/** Starts both servers for development, prints their addresses as settings, and runs until interrupted. */
async function main(): Promise<void> {
  const { kafka, s3, missing, stop } = await startBoth();
  const settings: Record<string, string> = {};
  if (kafka !== null) {
    settings["KAFKA_BROKERS"] = kafka.brokers.join(",");
    settings["EVENT_LOG_URL"] = `kafka://${kafka.brokers.join(",")}`;
  }
  if (s3 !== null) {
    await s3.createBucket("thulium");
    settings["S3_ENDPOINT"] = s3.endpoint;
    settings["AWS_ACCESS_KEY_ID"] = s3.accessKeyId;
    settings["AWS_SECRET_ACCESS_KEY"] = s3.secretAccessKey;
    settings["AWS_REGION"] = s3.region;
    settings["LAKE_URL"] = "s3://thulium/lake";
  }
  for (const [name, value] of Object.entries(settings)) process.stdout.write(`${name}=${value}\n`);
  for (const reason of missing) process.stderr.write(`${reason}\n`);
  if (kafka === null && s3 === null) {
    process.exitCode = 1;
    return;
  }
  process.stderr.write("Ctrl-C ends what was started and removes its data.\n");
  await interrupted();
  await stop();
}

function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    // A signal handler alone does not keep the process alive.
    const alive = setInterval(() => {}, 3_600_000);
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => {
        clearInterval(alive);
        resolve();
      });
    }
  });
}

await main();
