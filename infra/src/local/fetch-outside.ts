import { chromium } from "./chromium.ts";
import { kafkaTools, kcat } from "./kafka-clients.ts";
import { MavenKafka } from "./maven-kafka.ts";
import { pythonEnv } from "./python-env.ts";
import { fetchS3 } from "./s3-server.ts";

/**
 * `node infra/dist/local/fetch-outside.js`: downloads and builds what the tests on real servers need and does not have yet. Says nothing of what cannot be had:
 * those who need it do.
 */
await Promise.allSettled([
  fetchS3(),
  pythonEnv(),
  // One after the other: Maven's downloads go into one folder, and apt-get lets nobody else in.
  MavenKafka.isPossible().then(kafkaTools),
  chromium().finally(kcat),
]);
